"""Tell `transformers` about language packs, but only once somebody imports its Auto classes.

Registering needs torch and `transformers`, which take seconds to import; most uses of `unibridge`
(its settings, its command line's help) need neither. So a finder waits for the modules of the Auto
classes and registers as soon as one has been executed.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

# module of the Auto classes -> ours that registers itself with them at its end. The other way
# around (ours is imported first, and imports theirs) it is met half-way, and registers when done.
REGISTERS = {
    "transformers.models.auto.configuration_auto": "unibridge.ensemble.pack_config",
    "transformers.models.auto.modeling_auto": "unibridge.ensemble.model",
    "transformers.pipelines": "unibridge.ensemble.pipelines",
}


class _RegisterAfter(Loader):
    """Runs a module's own loader, then imports ours."""

    def __init__(self, loader: Loader, ours: str) -> None:
        self.loader, self.ours = loader, ours

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        import_module(self.ours)


class _Finder(MetaPathFinder):
    def __init__(self, waiting: dict[str, str]) -> None:
        self.waiting = waiting

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = self.waiting.pop(name, None)
        if ours is None:
            return None
        spec = find_spec(name)  # comes back here and, no longer waited for, passes on
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisterAfter(spec.loader, ours)
        return spec


def register_when_imported() -> None:
    """Register now where the Auto classes are loaded already, else when they come to be."""
    for theirs, ours in REGISTERS.items():
        if theirs in sys.modules:
            import_module(ours)
    waiting = {theirs: ours for theirs, ours in REGISTERS.items() if theirs not in sys.modules}
    sys.meta_path.insert(0, _Finder(waiting))
