"""How much each source language counts for a target (paper §2.4, Eq. 10-12, and alternatives).

A new weighting is a function and a line here, or its import path from the user's own code.
"""

from unibridge.registry import Registry
from unibridge.weighting.base import Weighting, uniform
from unibridge.weighting.distances import harmony, single, typology
from unibridge.weighting.labelled import best_single, fitted, fitted_logits
from unibridge.weighting.unlabelled import agreement, confidence, per_sentence

WEIGHTINGS: Registry[Weighting] = Registry(
    "weighting",
    {
        "harmony": harmony,
        "typology": typology,
        "confidence": confidence,
        "agreement": agreement,
        "per_sentence": per_sentence,
        "fitted": fitted,
        "fitted_logits": fitted_logits,
        "best_single": best_single,
        "single": single,
        "uniform": uniform,
    },
)
