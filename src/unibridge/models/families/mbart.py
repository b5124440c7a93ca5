"""mBART-25 and -50 (Liu et al. 2020, arXiv 2001.08210; Tang et al. 2020, arXiv 2008.00401).

Texts are read by the encoder; the decoder takes part in learning a language only. One table is the
encoder's input, the decoder's input and the output.
"""

from unibridge.models.families.record import UNCHANGED, ModelFamily

FAMILY = ModelFamily(
    model_type="mbart",
    objective="denoising",
    encoder="model.encoder",
    embeddings=None,
    word_embeddings="embed_tokens",
    layers="layers",
    decoder="model.decoder",
    decoder_layers="layers",
    begins_with_language=True,
    head=("lm_head",),
    projection="lm_head",
    logits_bias="final_logits_bias",
    norm_placing="pre",
    adapter_site="output_adapters",
    text_state="mean",
    dropouts=("dropout", "attention_dropout"),
    loaded_with=(("use_cache", False),),
    understood=(("is_encoder_decoder", True), ("tie_word_embeddings", True), *UNCHANGED),
    harmless=frozenset(
        {
            "_num_labels",
            "add_bias_logits",
            "add_final_layer_norm",
            "classif_dropout",
            "extra_pos_embeddings",
            "force_bos_token_to_be_generated",
            "gradient_checkpointing",
            "normalize_before",
            "normalize_embedding",
            "save_step",
            "static_position_embeddings",
            "task_specific_params",
            "tokenizer_class",
            "torch_dtype",
        }
    ),
    bare_class="transformers.models.mbart.modeling_mbart:MBartEncoder",
    token_head=None,
    sequence_head=None,
    span_head=None,
)
