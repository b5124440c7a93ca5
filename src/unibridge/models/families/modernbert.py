"""ModernBERT (Warner et al. 2024, arXiv 2412.13663) and the multilingual mmBERT (arXiv 2509.06888).

Rotary positions and local attention in two of three layers, so no table of positions ends; norms
come before each block, and the first layer's attention has none. `transformers` classifies through
the language model's head, which our own heads do not.
"""

from unibridge.models.families.record import DECODING, UNCHANGED, ModelFamily

FAMILY = ModelFamily(
    model_type="modernbert",
    encoder="model",
    embeddings="embeddings",
    word_embeddings="embeddings.tok_embeddings",
    layers="layers",
    head=("head", "decoder"),
    projection="decoder",
    norm_placing="pre",
    adapter_site="output_adapters",
    dropouts=("classifier_dropout", "attention_dropout", "embedding_dropout", "mlp_dropout"),
    understood=(*DECODING, *UNCHANGED),
    harmless=frozenset(
        {
            "global_attn_every_n_layers",  # what layer_types was before
            "global_rope_theta",
            "gradient_checkpointing",
            "layer_norm_eps",  # norm_eps is read
            "local_rope_theta",
            "position_embedding_type",  # of its ancestor; there is no table
            "reference_compile",
            "repad_logits_with_grad",
            "torch_dtype",
        }
    ),
    token_head=None,
    sequence_head=None,
    span_head=None,
)
