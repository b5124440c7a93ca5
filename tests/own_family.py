"""A family of models as a user's own code would have it: nothing of it is registered."""

from dataclasses import replace

from unibridge.models.families import FAMILIES

ROBERTA = replace(FAMILIES["xlm-roberta"], model_type="roberta")
"""RoBERTa computes as XLM-R does."""
