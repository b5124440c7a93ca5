"""Tell `transformers` about language packs, but only once somebody imports its Auto classes.

Registering needs torch and `transformers`, which take seconds to import; most uses of `unibridge`
(its settings, its command line's help) need neither. So a finder waits for the modules of the Auto
classes and registers as soon as one has been executed.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType


def register_config() -> None:
    """Make AutoConfig know a language pack."""
    from transformers.models.auto.configuration_auto import AutoConfig

    from unibridge.transfer.pack_config import UniBridgeConfig

    AutoConfig.register(UniBridgeConfig.model_type, UniBridgeConfig, exist_ok=True)


def register_models() -> None:
    """Make AutoModel and the two task classes know it."""
    from transformers.models.auto import modeling_auto

    from unibridge.transfer.infer import MultiSourceModel
    from unibridge.transfer.pack_config import UniBridgeConfig

    for auto in (
        modeling_auto.AutoModel,
        modeling_auto.AutoModelForTokenClassification,
        modeling_auto.AutoModelForSequenceClassification,
    ):
        auto.register(UniBridgeConfig, MultiSourceModel, exist_ok=True)


REGISTER = {
    "transformers.models.auto.configuration_auto": register_config,
    "transformers.models.auto.modeling_auto": register_models,
}


class _RegisterAfter(Loader):
    """Runs a module's own loader, then registers."""

    def __init__(self, loader: Loader, register: Callable[[], None]) -> None:
        self.loader, self.register = loader, register

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        self.register()


class _Finder(MetaPathFinder):
    def __init__(self, waiting: dict[str, Callable[[], None]]) -> None:
        self.waiting = waiting

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        register = self.waiting.pop(name, None)
        if register is None:
            return None
        spec = find_spec(name)  # comes back here and, no longer waited for, passes on
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisterAfter(spec.loader, register)
        return spec


def register_when_imported() -> None:
    """Register now where the Auto classes are loaded already, else when they come to be."""
    for name, register in REGISTER.items():
        if name in sys.modules:
            register()
    waiting = {name: act for name, act in REGISTER.items() if name not in sys.modules}
    sys.meta_path.insert(0, _Finder(waiting))
