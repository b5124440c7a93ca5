"""What keeps a model from forgetting what it could, by name; a new one is a file and a line."""

from unibridge.registry import Registry
from unibridge.transfer.forgetting.base import Importance
from unibridge.transfer.forgetting.ewc import fisher
from unibridge.transfer.forgetting.l2 import alike

GUARDS: Registry[Importance] = Registry("guard against forgetting", {"ewc": fisher, "l2": alike})
