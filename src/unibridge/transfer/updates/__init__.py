"""Which weights of a whole model are trained, by name; a new way is a file and a line."""

from unibridge.registry import Registry
from unibridge.transfer.updates.base import Update
from unibridge.transfer.updates.every import EVERY, NONE
from unibridge.transfer.updates.low_rank import LOW_RANK
from unibridge.transfer.updates.top import TOP

UPDATES: Registry[Update] = Registry(
    "way to update a model", {"all": EVERY, "top": TOP, "low-rank": LOW_RANK, "none": NONE}
)
