"""Families of pretrained models, one record a file."""

from unibridge.models.families import bert, modernbert, xlm_roberta
from unibridge.models.families.record import ModelFamily
from unibridge.registry import Registry

__all__ = ["FAMILIES", "ModelFamily"]

FAMILIES: Registry[ModelFamily] = Registry(
    "model family",
    {
        "bert": bert.FAMILY,
        "modernbert": modernbert.FAMILY,
        "xlm-roberta": xlm_roberta.FAMILY,
    },
)
"""`model_type` of a config.json -> record."""
