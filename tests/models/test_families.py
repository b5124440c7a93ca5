"""Every family record against a real model of the family."""

import copy
import json
from operator import attrgetter

import pytest
import torch
from torch import nn

from toy import LINES, SHAPE, save_toy_base, say, toy_model, toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.models.base import load_base
from unibridge.models.families import FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_every_path_leads_to_its_part(name):
    family, model = FAMILIES[name], toy_model(name)
    encoder = attrgetter(family.encoder)(model)
    layers = attrgetter(family.layers)(encoder)
    assert family.model_type == name == model.config.model_type
    assert encoder is (model.base_model if family.decoder is None else model.get_encoder())
    assert attrgetter(family.word_embeddings)(encoder).weight is model.get_input_embeddings().weight
    if family.decoder is not None:
        decoder = model.get_submodule(family.decoder)
        assert decoder is model.get_decoder()
        assert len(decoder.get_submodule(family.decoder_layers)) == 2
    assert attrgetter(family.projection)(model) is model.get_output_embeddings()
    assert attrgetter(family.projection)(model) in set(family.lm_head(model).modules())
    assert len(layers) == SHAPE["num_hidden_layers"]
    if family.norm_placing == "post":
        norms = [attrgetter(family.output_norm)(layer) for layer in layers]
        assert all(isinstance(norm, nn.LayerNorm) for norm in norms)
    assert all(hasattr(model.config, name) for name in family.dropouts)


def test_position_offsets():
    assert FAMILIES["bert"].position_offset(0) == 0
    assert FAMILIES["xlm-roberta"].position_offset(1) == 2


@pytest.mark.parametrize("name", FAMILIES)
def test_every_strange_setting_is_named_at_once(name):
    family = FAMILIES[name]
    family.check(toy_model(name).config.to_dict())
    odd = {"is_decoder": True, "position_embedding_type": "relative_key", "pruned_heads": {1: [0]}}
    strange = {name: value for name, value in odd.items() if name in dict(family.understood)}
    with pytest.raises(UnibridgeError) as error:
        family.check(strange, where="some/folder")
    assert all(setting in str(error.value) for setting in ("some/folder", *strange))


# what published checkpoints of each family say in config.json beside their sizes
PUBLISHED = {
    "Glot500": (
        "xlm-roberta",
        {
            "architectures": ["XLMRobertaForMaskedLM"],
            "classifier_dropout": None,
            "hidden_act": "gelu",
            "output_past": True,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
            "use_cache": True,
        },
    ),
    "AfroXLM-R": (
        "xlm-roberta",
        {
            "_name_or_path": "xlm-roberta-base",
            "gradient_checkpointing": False,
            "output_past": True,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
        },
    ),
    "mDeBERTa-v3": (
        "deberta-v2",
        {
            "max_relative_positions": -1,
            "norm_rel_ebd": "layer_norm",
            "pos_att_type": "p2c|c2p",
            "position_biased_input": False,
            "position_buckets": 8,
            "relative_attention": True,
            "share_att_key": True,
            "type_vocab_size": 0,
        },
    ),
    "mmBERT": (
        "modernbert",
        {
            "global_attn_every_n_layers": 3,
            "global_rope_theta": 160000,
            "local_rope_theta": 160000,
            "layer_norm_eps": 1e-5,
            "position_embedding_type": "sans_pos",
            "repad_logits_with_grad": False,
            "torch_dtype": "float32",
        },
    ),
    "mGPT": (
        "gpt2",
        {
            "architectures": ["GPT2LMHeadModel"],
            "gradient_checkpointing": False,
            "n_ctx": 2048,
            "summary_type": "cls_index",
            "use_cache": True,
        },
    ),
    "mBART-50": (
        "mbart",
        {
            "_num_labels": 3,
            "add_bias_logits": False,
            "add_final_layer_norm": True,
            "normalize_before": True,
            "normalize_embedding": True,
            "static_position_embeddings": False,
            "tokenizer_class": "MBart50Tokenizer",
            "use_cache": True,
        },
    ),
    "mT5": (
        "mt5",
        {
            "architectures": ["MT5ForConditionalGeneration"],
            "output_past": True,
            "tie_word_embeddings": False,
            "tokenizer_class": "T5Tokenizer",
            "use_cache": True,
        },
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_settings_of_published_checkpoints_are_understood(name, tmp_path):
    """They load without a note, and compute what the same weights do without these settings."""
    family, said = PUBLISHED[name]
    folder = save_toy_base(tmp_path, family)
    before = load_base(folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | said))
    base = load_base(folder)
    assert base.family is FAMILIES[family] and base.notes == []
    assert not getattr(base.model.config, "is_encoder_decoder", False) or (
        base.model.config.use_cache is False
    )
    inputs = base.tokenizer(list(LINES), padding=True, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    if name != "mmBERT":  # whose wavelengths it changes
        with torch.no_grad():
            assert torch.equal(say(base.model, **inputs), say(before.model, **inputs))


def test_an_mt5_checkpoint_with_two_tables_keeps_them_when_its_vocabulary_changes(tmp_path):
    """As all published ones: transformers would tie them, whatever config.json says."""
    tokenizer = toy_tokenizer("mt5")
    model = toy_model("mt5", vocab=len(tokenizer), tie_word_embeddings=False)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    base = copy.deepcopy(load_base(tmp_path))
    table = base.model.get_input_embeddings().weight
    assert not torch.equal(base.model.lm_head.weight, table)
    own = base.model.lm_head.weight.detach().clone()
    base.model.resize_token_embeddings(len(tokenizer) + 3, mean_resizing=False)
    assert torch.equal(base.model.lm_head.weight[: len(tokenizer)], own)
    table = base.model.get_input_embeddings().weight
    for half in (base.model.encoder, base.model.decoder):
        assert half.embed_tokens.weight is table
