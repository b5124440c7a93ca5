"""DeBERTa-v2 and -v3 (He et al. 2021, arXiv 2006.03654 and 2111.09543), mDeBERTa among them.

Attention looks at relative positions; there need not be token types. v3's checkpoints name the head
in their own way and project with the input embeddings themselves: under the names of the older head
it is the same function, with a projection that is a module.
"""

from unibridge.models.families.record import DECODING, UNCHANGED, ModelFamily, SameAs

FAMILY = ModelFamily(
    model_type="deberta-v2",
    encoder="deberta",
    embeddings="embeddings",
    word_embeddings="embeddings.word_embeddings",
    layers="encoder.layer",
    output_norm="output.LayerNorm",
    head=("cls",),
    projection="cls.predictions.decoder",
    understood=(
        *DECODING,
        *UNCHANGED,
        ("conv_kernel_size", 0),
        ("embedding_size", SameAs("hidden_size")),
    ),
    harmless=frozenset(
        {
            "conv_act",
            "padding_idx",
            "summary_type",
            "torch_dtype",
            # these are read, though their configuration does not declare them
            "norm_rel_ebd",
            "position_buckets",
            "share_att_key",
        }
    ),
    loaded_with=(("legacy", True),),
    renamed=(
        (r"^lm_predictions\.lm_head\.(dense|LayerNorm)\.", r"cls.predictions.transform.\1."),
        (r"^lm_predictions\.lm_head\.bias$", "cls.predictions.bias"),
    ),
    sequence_head=("pooler.dense", "classifier"),
    plain_settings=(("pooler_hidden_act", "tanh"),),
)
