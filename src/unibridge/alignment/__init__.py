"""Which words of translated sentences belong together, and what is carried over by that."""

from unibridge.alignment.base import Aligner, Links, ToAlign, WordAlignmentSettings
from unibridge.alignment.ibm import fast_align, ibm1
from unibridge.alignment.states import by_states
from unibridge.registry import Registry

__all__ = ["ALIGNERS", "Aligner", "Links", "ToAlign", "WordAlignmentSettings", "align_words"]


def unaligned(given: ToAlign) -> list[Links]:
    """No link at all."""
    return [()] * len(given.pairs)


ALIGNERS: Registry[Aligner] = Registry(
    "word aligner",
    {"none": unaligned, "ibm1": ibm1, "fast-align": fast_align, "states": by_states},
)


def align_words(given: ToAlign) -> list[Links]:
    """The links of each pair, by the method of the settings."""
    return ALIGNERS.resolve(given.settings.method)(given)
