"""mT5 (Xue et al. 2021, arXiv 2010.11934).

Texts are read by the encoder; the decoder takes part in learning a language only. Positions are
relative. The input table is shared by encoder and decoder, while the output has its own in the
published checkpoints, whatever `transformers` takes for the default.
"""

from unibridge.models.families.record import UNCHANGED, ModelFamily

FAMILY = ModelFamily(
    model_type="mt5",
    objective="denoising",
    encoder="encoder",
    embeddings=None,
    word_embeddings="embed_tokens",
    layers="block",
    decoder="decoder",
    decoder_layers="block",
    head=("lm_head",),
    projection="lm_head",
    norm_placing="pre",
    adapter_site="layer.1",
    adapter_prefix="transformer.",
    decoder_adapter_site="layer.2",
    text_state="mean",
    longest=1024,  # tokens of a text that it was trained on
    dropouts=("dropout_rate",),
    loaded_with=(("use_cache", False),),
    understood=(("is_encoder_decoder", True), *UNCHANGED),
    harmless=frozenset(
        {
            "gradient_checkpointing",
            "n_positions",
            "output_past",
            "task_specific_params",
            "tokenizer_class",
            "torch_dtype",
        }
    ),
    bare_class="transformers:MT5EncoderModel",
    bare_encoder="encoder",
    token_head=None,
    sequence_head=None,
    span_head=None,
)
