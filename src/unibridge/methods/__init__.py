"""The rows of the table of results: one file a method, which is its steps in code.

A method of the user's own goes by import path in `run.methods`; [methods.NAME] in a configuration
lays settings over one of these.
"""

from unibridge.methods.ablations import ABLATIONS
from unibridge.methods.base import Method, Variant
from unibridge.methods.ceiling import CEILING
from unibridge.methods.code_switched import CODE_SWITCHED, CODE_SWITCHED_CONTINUED
from unibridge.methods.continued import CONTINUED, CONTINUED_SMOOTHED, CONTINUED_TLM
from unibridge.methods.fine_tune import FINE_TUNE
from unibridge.methods.five_stages import STAGES
from unibridge.methods.floor import FLOOR
from unibridge.methods.mad_x import MAD_X
from unibridge.methods.one_model import DISTILLED, MERGED
from unibridge.methods.probe import PROBE
from unibridge.methods.prompts import PROMPT_CLOZE, PROMPT_SOFT, PROMPT_TUNED
from unibridge.methods.self_trained import SELF_TRAINED
from unibridge.methods.sentence_aligned import SENTENCE_ALIGNED
from unibridge.methods.translate_test import TRANSLATE_TEST
from unibridge.methods.translate_train import TRANSLATE_TRAIN, TRANSLATE_TRAIN_ALL
from unibridge.methods.unibridge import UNIBRIDGE
from unibridge.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    {
        method.name: method
        for method in (
            *(FLOOR, PROBE, FINE_TUNE, SELF_TRAINED, MAD_X, CONTINUED),
            *(TRANSLATE_TRAIN, TRANSLATE_TRAIN_ALL, TRANSLATE_TEST),
            *(CODE_SWITCHED, CODE_SWITCHED_CONTINUED, CONTINUED_TLM, CONTINUED_SMOOTHED),
            *(SENTENCE_ALIGNED, PROMPT_CLOZE, PROMPT_SOFT, PROMPT_TUNED),
            *(UNIBRIDGE, STAGES, MERGED, DISTILLED, CEILING),
        )
    },
)
for _name, _variant in ABLATIONS.items():
    METHODS.register(_name, _variant.of(METHODS[_variant.parent], _name))

__all__ = ["METHODS", "Method", "Variant"]
