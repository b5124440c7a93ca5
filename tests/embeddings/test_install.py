import copy

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from toy import say, toy_model
from unibridge.embeddings.initialise import initialise_embeddings
from unibridge.embeddings.install import embedding_table, install_embeddings
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES

ROLES = {
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "bos_token": "<s>",
    "sep_token": "</s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
OLD = [*SPECIAL, *(f"▁w{i}" for i in range(20))]
NEW = [*SPECIAL, *(f"▁w{i}" for i in (7, 3, 19, 0)), *(f"▁new{i}" for i in range(3))]
SHARED = [OLD.index(token) for token in NEW if token in OLD]
IDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


TIES = [
    (name, tied)
    for name, record in FAMILIES.items()
    for tied in (True, False)
    if tied or "tie_word_embeddings" not in dict(record.understood)
]


def words(tokens):
    backend = Tokenizer(models.WordLevel({t: i for i, t in enumerate(tokens)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **ROLES)


def build(family, *, tied=True):
    model = toy_model(family, vocab=len(OLD), tie_word_embeddings=tied, **IDS)
    if (bias := bias_of(model)) is not None:
        bias.data.normal_(generator=torch.Generator().manual_seed(0))
    return model


def bias_of(model):
    return FAMILIES[model.config.model_type].output_bias(model)


def initialise(model):
    return initialise_embeddings(
        embedding_table(model), words(OLD), words(NEW), [], EmbeddingSettings(method="lexical")
    )


def logits(model, ids):
    with torch.no_grad():
        return say(model, torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)))


@pytest.mark.parametrize(("family", "tied"), TIES)
def test_shared_tokens_keep_their_logits(family, tied):
    model = build(family, tied=tied)
    line = ["<s>", "▁w3", "▁w0", "<mask>", "▁w19", "</s>"]
    before = logits(model, [OLD.index(token) for token in line])
    state = torch.get_rng_state()
    install_embeddings(model, initialise(model), words(NEW))
    assert torch.equal(torch.get_rng_state(), state)
    after = logits(model, [NEW.index(token) for token in line])
    assert after.shape[-1] == len(NEW)
    torch.testing.assert_close(after[..., : len(SHARED)], before[..., SHARED])


@pytest.mark.parametrize(("family", "tied"), TIES)
def test_tables_bias_ties_and_config_follow(family, tied, tmp_path):
    model = build(family, tied=tied)
    old_bias = copy.deepcopy(bias_of(model))
    result = initialise(model)
    assert install_embeddings(model, result, words(NEW)) is model
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    assert (output.weight is table.weight) == tied
    assert torch.equal(torch.cat([table.weight] + [output.weight] * (not tied), 1), result.matrix)
    if old_bias is not None:
        bias = bias_of(model).flatten()
        assert torch.equal(bias[: len(SHARED)], old_bias.flatten()[SHARED])
        assert bias[len(SHARED) :].tolist() == [0.0] * 3
    assert model.config.vocab_size == table.num_embeddings == len(NEW)

    # and after a round through a file
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path).eval()
    ids = list(range(len(NEW)))
    torch.testing.assert_close(logits(again, ids), logits(model, ids))


def test_untied_output_rows_are_drawn_at_their_own_scale():
    model = build("bert", tied=False)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(0.01).add_(5)
    install_embeddings(model, initialise(model), words(NEW))
    new_rows = model.get_output_embeddings().weight[len(SHARED) :]
    assert ((new_rows - 5).abs() < 0.01).all()


def test_a_model_without_a_head():
    model = toy_model("bert", vocab=len(OLD), **IDS).bert
    result = initialise(model)
    install_embeddings(model, result, words(NEW))
    assert torch.equal(model.get_input_embeddings().weight, result.matrix)


def test_half_of_an_untied_model_is_refused():
    model = build("bert", tied=False)
    half = initialise(build("bert"))
    with pytest.raises(UnibridgeError, match="embedding_table"):
        install_embeddings(model, half, words(NEW))


def test_another_padding_id_is_refused_only_where_positions_depend_on_it():
    moved = ["<pad>", "<s>", *NEW[2:]]
    for family in FAMILIES:
        model = build(family)
        table = embedding_table(model)
        settings = EmbeddingSettings(method="lexical")
        result = initialise_embeddings(table, words(OLD), words(moved), [], settings)
        if family == "xlm-roberta":
            with pytest.raises(UnibridgeError, match="Give the padding token id 1"):
                install_embeddings(model, result, words(moved))
            assert torch.equal(embedding_table(model), table)
        else:
            install_embeddings(model, result, words(moved))
            assert model.config.pad_token_id == 0
            assert model.config.bos_token_id == 1
            assert model.get_input_embeddings().padding_idx in (None, 0)
