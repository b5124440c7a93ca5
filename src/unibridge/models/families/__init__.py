"""Families of pretrained models, one record a file.

One of the user's own code is named by its import path, in `base.family` or in the checkpoint's own
config.json as `unibridge_family`, and goes with all that is made of it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.models.families import bert, deberta_v2, gpt2, mbart, modernbert, mt5, xlm_roberta
from unibridge.models.families.record import ModelFamily
from unibridge.registry import Registry

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["FAMILIES", "OWN", "ModelFamily", "family_of"]

OWN = "unibridge_family"
"""What a config.json has the import path of a user's own record under."""

FAMILIES: Registry[ModelFamily] = Registry(
    "model family",
    {
        "bert": bert.FAMILY,
        "deberta-v2": deberta_v2.FAMILY,
        "gpt2": gpt2.FAMILY,
        "mbart": mbart.FAMILY,
        "modernbert": modernbert.FAMILY,
        "mt5": mt5.FAMILY,
        "xlm-roberta": xlm_roberta.FAMILY,
    },
)
"""`model_type` of a config.json -> record."""


def family_of(config: "Mapping[str, Any] | PretrainedConfig") -> ModelFamily:
    """The record of a checkpoint's configuration: its own by import path, or its `model_type`'s.

    Raises UnibridgeError where there is no such record.
    """
    read: Mapping[str, Any] = config if isinstance(config, Mapping) else vars(config)
    own = read.get(OWN)
    kind = read.get("model_type") or getattr(config, "model_type", None)
    found: Any = FAMILIES.resolve(str(own or kind))
    if not isinstance(found, ModelFamily):
        raise UnibridgeError(f"{own!r} is no model family", do="name a ModelFamily record")
    return found
