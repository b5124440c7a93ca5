"""A toy language in which both tokenizers cut every word alike but for what they keep whole."""

import random
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.match import shared_tokens
from unibridge.embeddings.precision import held_out_precision
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.vectors import STATIC_SPACES, StaticSpace, StaticVectors

TOPICS, WORDS_OF_TOPIC = 12, 10
SETTINGS = EmbeddingSettings(static_dimension=32, static_epochs=10, static_rate=0.1)


def words_tokenizer(words):
    vocabulary = {token: i for i, token in enumerate(["<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.fixture(scope="module")
def toy():
    """Words that occur in lines of their own topic only; both vocabularies have all of them."""
    draw = random.Random(0)
    topics = [[f"w{t}x{i}" for i in range(WORDS_OF_TOPIC)] for t in range(TOPICS)]
    lines = [" ".join(draw.sample(draw.choice(topics), 8)) for _ in range(500)]
    words = [word for topic in topics for word in topic]
    source, target = words_tokenizer(words), words_tokenizer(words[::-1])
    request = InitRequest(torch.zeros(len(source), 4), source, target, lines, SETTINGS, 0)
    return request, shared_tokens(source, target, without={target.unk_token_id})


def precision(toy, space, model, seed=0):
    request, shared = toy
    settings = request.settings.model_copy(update={"static_model": model, "joint_model": model})
    given = InitRequest(
        request.source_embeddings,
        request.source_tokenizer,
        request.target_tokenizer,
        request.lines,
        settings,
        seed,
    )
    return held_out_precision(given, shared, space)


@pytest.mark.parametrize("model", ["counts", "fasttext"])
def test_joint_finds_held_out_tokens_and_separate_does_not(model, toy):
    joint, apart = precision(toy, "joint", model), precision(toy, "separate", model)
    words = TOPICS * WORDS_OF_TOPIC
    assert joint.tokens == apart.tokens == words // 3
    assert joint.candidates == apart.candidates == words
    # chance is 1 in 120 for any word, 1 in 10 for whoever knows the topic
    assert joint.value > (0.95 if model == "counts" else 0.3)
    assert apart.value < 0.1


def test_the_seed_decides(toy):
    first, again = precision(toy, "joint", "fasttext"), precision(toy, "joint", "fasttext")
    other = precision(toy, "joint", "fasttext", seed=1)
    assert first.value == again.value
    assert (first.value, first.seconds) != (other.value, other.seconds)
    assert first.seconds > 0


def test_held_out_tokens_are_hidden_from_the_space(toy):
    request, shared = toy
    seen = {}

    def half_right(given, rest):
        """Even target ids stand where their partner stands, odd ones on their neighbour."""
        seen.update(settings=given.settings, rest=dict(rest))
        size = len(given.target_tokenizer)
        partner = torch.zeros(size, dtype=torch.long)
        partner[list(shared)] = torch.tensor(list(shared.values()))
        table = torch.eye(size)
        ids = torch.arange(1, size)
        placed = torch.where(ids % 2 == 0, partner[ids], partner[ids] % (size - 1) + 1)
        return StaticSpace(
            StaticVectors(ids, table[placed], 0.0), StaticVectors(ids, table[ids], 0.0)
        )

    found = held_out_precision(request, shared, half_right, share=0.5)
    hidden = shared.keys() - seen["rest"].keys()
    assert len(hidden) == found.tokens == len(shared) // 2
    assert seen["rest"].items() <= shared.items()
    assert not seen["settings"].static_ngrams
    assert found.value == pytest.approx(sum(t % 2 == 0 for t in hidden) / len(hidden))


# without those that other tests register
OURS = [name for name, make in STATIC_SPACES.items() if make.__module__.startswith("unibridge.")]


@pytest.mark.parametrize("name", OURS)
def test_contract_of_spaces(name, toy):
    request, shared = toy
    lines = request.lines[:100]
    # what a bridge stands on; the others do not look at it
    request = replace(request, source_lines=lines, parallel=[(line, line) for line in lines])
    space = STATIC_SPACES[name](request, shared)
    again = STATIC_SPACES[name](request, shared)
    if name == "none":
        assert space is None
        return
    for side, tokenizer in (
        ("target", request.target_tokenizer),
        ("source", request.source_tokenizer),
    ):
        vectors = getattr(space, side)
        assert vectors.vectors.shape == (len(vectors.ids), SETTINGS.static_dimension)
        assert vectors.vectors.dtype == torch.float32
        assert vectors.vectors.isfinite().all()
        assert (vectors.vectors.abs().sum(dim=1) > 0).all()
        assert torch.equal(vectors.ids, vectors.ids.sort().values)
        assert vectors.ids.min() >= 0 and vectors.ids.max() < len(tokenizer)
        assert torch.equal(vectors.vectors, getattr(again, side).vectors)
    measured = held_out_precision(request, shared, name)
    assert 0 <= measured.value <= 1


def test_the_joint_space_names_the_tokens_of_one_word(toy):
    """Both read every word whole here, but for one that only the target's does."""
    request, _ = toy
    whole = request.lines[0].split()[0]
    halves = [*request.source_tokenizer.get_vocab(), "ab", "cd"]
    source = words_tokenizer([word for word in halves if word != "<unk>"])
    source.backend_tokenizer.normalizer = normalizers.Replace(whole, "ab cd")
    request = replace(request, source_tokenizer=source)
    shared = shared_tokens(source, request.target_tokenizer, without={0})
    space = STATIC_SPACES["joint"](request, shared)
    ids = request.target_tokenizer.get_vocab()
    expected = {(ids[whole], source.get_vocab()[half]) for half in ("ab", "cd")} | {
        (t, s) for t, s in shared.items() if t != ids[whole]
    }
    assert expected == set(map(tuple, space.same_word.tolist()))


def test_shared_tokens_of_the_joint_space_have_one_vector(toy):
    request, shared = toy
    space = STATIC_SPACES["joint"](request, shared)
    source_row = {int(i): row for row, i in enumerate(space.source.ids)}
    assert len(space.target.ids) == len(shared)
    for row, target_id in enumerate(space.target.ids.tolist()):
        same = space.source.vectors[source_row[shared[target_id]]]
        assert torch.equal(space.target.vectors[row], same)
