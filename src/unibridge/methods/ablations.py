"""Methods that differ from their parent by settings alone: the paper's ablations and others."""

from collections.abc import Mapping

from unibridge.methods.base import Variant

# what is varied in the paper's stages is varied in all of them
PAPER = {"vocabulary.mode": "replace"}

ABLATIONS: Mapping[str, Variant] = {
    "unibridge-no-kl": Variant(
        label="UniBridge, KL off", settings={**PAPER, "adaptation.kl_weight": 0.0}
    ),
    "unibridge-xavier": Variant(
        label="UniBridge, Xavier embeddings", settings={**PAPER, "embeddings.method": "xavier"}
    ),
    "unibridge-semantic-always": Variant(
        label="UniBridge, semantic step always",
        settings={
            **PAPER,
            "embeddings.semantic_step": "always",
            "embeddings.static_space": "separate",
        },
    ),
    "unibridge-published": Variant(
        label="UniBridge, as published",
        settings={
            **PAPER,
            "embeddings.semantic_step": "always",
            "embeddings.static_space": "separate",
            "weights.method": "harmony",
        },
    ),
    "unibridge-fixed-vocabulary": Variant(
        label="UniBridge, vocabulary fixed",
        settings={**PAPER, "vocabulary.search": "fixed", "vocabulary.on_too_large": "quarter"},
    ),
    "unibridge-english-only": Variant(label="UniBridge, English only", sources="english"),
    "unibridge-harmony": Variant(
        label="UniBridge, harmony weights", settings={**PAPER, "weights.method": "harmony"}
    ),
    "unibridge-uniform": Variant(
        label="UniBridge, uniform weights", settings={**PAPER, "weights.method": "uniform"}
    ),
    "unibridge-single": Variant(
        label="UniBridge, closest source only", settings={**PAPER, "weights.method": "single"}
    ),
    "unibridge-averaged": Variant(
        label="UniBridge, averaged by weight",
        parent="unibridge-merged",
        settings={**PAPER, "merging.shares": "weights"},
    ),
}
