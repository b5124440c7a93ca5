"""fit(), the one optimisation loop, with its settings, its batches and what it runs on."""

from unibridge.training.batches import batches_of as batches_of
from unibridge.training.batches import shares as shares
from unibridge.training.loop import DivergedError as DivergedError
from unibridge.training.loop import FitResult as FitResult
from unibridge.training.loop import Loss as Loss
from unibridge.training.loop import Progress as Progress
from unibridge.training.loop import fit as fit
from unibridge.training.loop import step_of as step_of
from unibridge.training.machine import precision as precision
from unibridge.training.machine import prepare as prepare
from unibridge.training.settings import TrainingSettings as TrainingSettings
