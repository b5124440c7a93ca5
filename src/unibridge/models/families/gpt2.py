"""GPT-2 (Radford et al. 2019) and the multilingual mGPT (Shliazhko et al. 2022, arXiv 2204.07580).

A state has read what stands before it only, so the last one speaks for a text; `transformers`
classifies texts without our head's dense layer.
"""

from unibridge.models.families.record import UNCHANGED, ModelFamily

FAMILY = ModelFamily(
    model_type="gpt2",
    objective="causal",
    encoder="transformer",
    embeddings="drop",
    word_embeddings="wte",
    layers="h",
    head=("lm_head",),
    projection="lm_head",
    norm_placing="pre",
    adapter_site="output_adapters",
    text_state="last",
    dropouts=("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    loaded_with=(("use_cache", False),),
    understood=(("add_cross_attention", False), ("is_encoder_decoder", False), *UNCHANGED),
    harmless=frozenset({"gradient_checkpointing", "n_ctx", "task_specific_params", "torch_dtype"}),
    sequence_head=None,
    span_head=None,
)
