"""XLM-R (Conneau et al. 2020, arXiv 1911.02116) and its relatives Glot500 and AfroXLM-R.

These were trained on from it: they differ in text and vocabulary, not in how they compute.
"""

from unibridge.models.families.record import ENCODER_ONLY, POOLER_AND_TRAINING, ModelFamily

FAMILY = ModelFamily(
    model_type="xlm-roberta",
    encoder="roberta",
    embeddings="embeddings",
    word_embeddings="embeddings.word_embeddings",
    layers="encoder.layer",
    output_norm="output.LayerNorm",
    head=("lm_head",),
    projection="lm_head.decoder",
    first_position="after_padding",
    understood=ENCODER_ONLY,
    harmless=POOLER_AND_TRAINING,
    bare=(("add_pooling_layer", False),),
)
