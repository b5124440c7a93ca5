"""fit(), the one optimisation loop, with its settings, its batches and what it runs on."""

from unibridge.training.batches import batches_of, shares
from unibridge.training.loop import DivergedError, FitResult, Progress, fit, step_of
from unibridge.training.machine import precision, prepare
from unibridge.training.settings import TrainingSettings

__all__ = [
    "DivergedError",
    "FitResult",
    "Progress",
    "TrainingSettings",
    "batches_of",
    "fit",
    "precision",
    "prepare",
    "shares",
    "step_of",
]
