"""BERT and multilingual BERT (Devlin et al. 2019, arXiv 1810.04805)."""

from unibridge.models.families.record import ENCODER_ONLY, POOLER_AND_TRAINING, ModelFamily

FAMILY = ModelFamily(
    model_type="bert",
    encoder="bert",
    embeddings="embeddings",
    word_embeddings="embeddings.word_embeddings",
    layers="encoder.layer",
    output_norm="output.LayerNorm",
    head=("cls",),
    projection="cls.predictions.decoder",
    understood=ENCODER_ONLY,
    harmless=POOLER_AND_TRAINING,
    bare=(("add_pooling_layer", False),),
    sequence_head=("bert.pooler.dense", "classifier"),
)
