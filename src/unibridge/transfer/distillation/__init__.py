"""Stretches of text whose states a student takes over from the frozen base, by name.

A new one is a function of a text and of where both tokenizers cut it, and a line here.
"""

from unibridge.registry import Registry
from unibridge.transfer.distillation.base import Unit
from unibridge.transfer.distillation.units import pieces, words

UNITS: Registry[Unit] = Registry("unit of distillation", {"words": words, "pieces": pieces})
"""Each gives (start, end) of its units in characters, in order and apart from each other."""
