"""What a count of word shapes in the sources' labels reaches: no words, no model."""

from unibridge.methods.base import Method
from unibridge.stages.journey import Journey

FLOOR = Method(
    name="floor",
    label="Floor: word shapes only",
    role="floor",
    run=Journey.floor,
    reads=("task_training", "fine_tuning"),
)
