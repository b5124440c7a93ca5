"""What language models are trained by, one objective a file."""

from unibridge.models.families import ModelFamily
from unibridge.models.objectives.base import Corrupted, Objective
from unibridge.models.objectives.causal import Causal
from unibridge.models.objectives.denoising import Denoising
from unibridge.models.objectives.masked import Masked
from unibridge.registry import Registry

__all__ = ["OBJECTIVES", "Corrupted", "Objective", "objective_of"]

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "masked": Masked(),
        "causal": Causal(),
        "denoising": Denoising(),
    },
)


def objective_of(family: ModelFamily) -> Objective:
    """What the family's language models are trained by."""
    return OBJECTIVES.resolve(family.objective)
