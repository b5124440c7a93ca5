"""What a task's training is told of languages beside the task, by name.

A new one is a function of the share of the training that is done, and a line here.
"""

from unibridge.registry import Registry
from unibridge.transfer.signals.adversary import adversary
from unibridge.transfer.signals.base import Signal
from unibridge.transfer.signals.identification import identification

SIGNALS: Registry[Signal] = Registry(
    "language signal", {"adversary": adversary, "identification": identification}
)
