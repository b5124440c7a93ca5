"""Methods that differ from their parent by settings alone: the paper's ablations and others."""

from collections.abc import Mapping

from unibridge.methods.base import Variant

STAGES = "unibridge-stages"
"""What the paper varies is varied in its own five stages."""

ABLATIONS: Mapping[str, Variant] = {
    "unibridge-no-self-training": Variant(
        label="UniBridge, without self-training", settings={"self_training.rounds": 0}
    ),
    "unibridge-no-kl": Variant(
        label="UniBridge, KL off", parent=STAGES, settings={"adaptation.kl_weight": 0.0}
    ),
    "unibridge-xavier": Variant(
        label="UniBridge, Xavier embeddings",
        parent=STAGES,
        settings={"vocabulary.mode": "replace", "embeddings.method": "xavier"},
    ),
    "unibridge-semantic-always": Variant(
        label="UniBridge, semantic step always",
        parent=STAGES,
        settings={
            "vocabulary.mode": "replace",
            "embeddings.semantic_step": "always",
            "embeddings.static_space": "separate",
        },
    ),
    "unibridge-published": Variant(
        label="UniBridge, as published",
        parent=STAGES,
        settings={
            "vocabulary.mode": "replace",
            "adaptation.output_bias": "zero",
            "embeddings.semantic_step": "always",
            "embeddings.static_space": "separate",
            "weights.method": "harmony",
        },
    ),
    "unibridge-fixed-vocabulary": Variant(
        label="UniBridge, vocabulary fixed",
        parent=STAGES,
        settings={
            "vocabulary.mode": "replace",
            "vocabulary.search": "fixed",
            "vocabulary.on_too_large": "quarter",
        },
    ),
    "unibridge-english-only": Variant(
        label="UniBridge, English only", parent=STAGES, sources="english"
    ),
    "unibridge-harmony": Variant(
        label="UniBridge, harmony weights", parent=STAGES, settings={"weights.method": "harmony"}
    ),
    "unibridge-uniform": Variant(
        label="UniBridge, uniform weights", parent=STAGES, settings={"weights.method": "uniform"}
    ),
    "unibridge-single": Variant(
        label="UniBridge, closest source only", parent=STAGES, settings={"weights.method": "single"}
    ),
    "unibridge-averaged": Variant(
        label="UniBridge, averaged by weight",
        parent="unibridge-merged",
        settings={"merging.shares": "weights"},
    ),
}
