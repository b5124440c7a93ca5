"""Families of pretrained models, one record a file."""

from unibridge.models.families import bert, deberta_v2, gpt2, mbart, modernbert, mt5, xlm_roberta
from unibridge.models.families.record import ModelFamily
from unibridge.registry import Registry

__all__ = ["FAMILIES", "ModelFamily"]

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
