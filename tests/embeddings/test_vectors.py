import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.match import canonical_forms, shared_tokens, vocabulary_size
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.vectors import STATIC_SPACES, train_static_vectors

SETTINGS = EmbeddingSettings(static_model="fasttext", static_dimension=16, static_buckets=500)


@pytest.fixture
def request_(tokenizers, texts):
    source, target = tokenizers["source", "unigram"], tokenizers["target", "unigram"]
    table = torch.zeros(vocabulary_size(source), 4)
    return InitRequest(table, source, target, texts[1], SETTINGS, 0)


def test_seen_tokens_and_only_they_have_a_vector(tokenizers, texts):
    tokenizer = tokenizers["source", "wordpiece"]
    static = train_static_vectors(tokenizer, texts[1], SETTINGS, seed=0)
    seen = {i for line in texts[1] for i in tokenizer(line, add_special_tokens=False)["input_ids"]}
    assert static.ids.tolist() == sorted(seen)
    assert static.vectors.shape == (len(seen), 16)
    every = train_static_vectors(tokenizer, texts[1], SETTINGS, seed=0, unseen=True)
    assert set(every.ids.tolist()) > seen
    assert torch.equal(every.having(static.ids).vectors, static.vectors)


def test_rare_tokens_can_be_left_out(tokenizers):
    tokenizer = tokenizers["source", "wordpiece"]
    twice = SETTINGS.model_copy(update={"static_min_count": 2})
    static = train_static_vectors(tokenizer, ["a a b"], twice, seed=0)
    assert [canonical_forms(tokenizer)[i] for i in static.ids] == ["▁a"]


@pytest.mark.parametrize(("kind", "line"), [("wordpiece", "ሰላም ae"), ("unigram", "ሰላም ae ሰ ሰ")])
def test_unknown_share_counts_no_bare_word_starts(kind, line, tokenizers):
    tokenizer = tokenizers["source", kind]
    ids = tokenizer(line, add_special_tokens=False)["input_ids"]
    tokens = [t for t in tokenizer.convert_ids_to_tokens(ids) if t != "▁"]
    static = train_static_vectors(tokenizer, [line], SETTINGS, seed=0)
    assert 0 < static.unknown_share < 1
    assert static.unknown_share == pytest.approx(
        tokens.count(tokenizer.unk_token) / len(tokens), abs=1e-9
    )


def test_procrustes_is_the_best_rotation_of_the_shared_tokens(request_):
    shared = shared_tokens(request_.source_tokenizer, request_.target_tokenizer)
    apart = STATIC_SPACES["separate"](request_, shared)
    rotated = STATIC_SPACES["procrustes"](request_, shared)
    anchors = [(t, s) for t, s in shared.items() if t in apart.target.ids and s in apart.source.ids]
    assert len(anchors) > 20
    a = torch.stack([apart.target.vectors[apart.target.ids == t][0] for t, _ in anchors])
    b = torch.stack([apart.source.vectors[apart.source.ids == s][0] for _, s in anchors])
    rotation, _ = orthogonal_procrustes(a.double().numpy(), b.double().numpy())
    expected = apart.target.vectors @ torch.from_numpy(rotation).float()
    torch.testing.assert_close(rotated.target.vectors, expected, atol=1e-4, rtol=1e-3)
    assert torch.equal(rotated.source.vectors, apart.source.vectors)


def test_spaces_trained_apart_do_not_share_their_starting_numbers(request_):
    # the same tokenizer on both sides: equal seeds would make both spaces the same one
    same = InitRequest(
        request_.source_embeddings,
        request_.source_tokenizer,
        request_.source_tokenizer,
        request_.lines,
        SETTINGS,
        0,
    )
    space = STATIC_SPACES["separate"](same, {})
    cosines = torch.cosine_similarity(space.target.vectors, space.source.vectors, dim=1)
    assert cosines.abs().mean() < 0.6
