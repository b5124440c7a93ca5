import random

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.bridge import bridge
from unibridge.embeddings.initialise import initialise_embeddings
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.errors import UnibridgeError

MEANINGS = 24
SETTINGS = EmbeddingSettings(
    static_dimension=16, static_epochs=10, bridge_copies=5, bridge_trusted_lines=100
)


def words(letter):
    vocabulary = {"<unk>": 0} | {f"{letter}{i}": i + 1 for i in range(MEANINGS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def lines(count, seed):
    """Meanings in topics of four, so that a word has a company to be known by."""
    generator = random.Random(seed)
    topics = [[4 * generator.randrange(MEANINGS // 4)] * 6 for _ in range(count)]
    return [[first + generator.randrange(4) for first in topic] for topic in topics]


def said(letter, meanings):
    return [" ".join(f"{letter}{i}" for i in line) for line in meanings]


def request(**given):
    return InitRequest(
        torch.eye(MEANINGS + 1),
        words("s"),
        words("t"),
        said("t", lines(150, 0)),
        SETTINGS,
        0,
        **{"source_lines": said("s", lines(150, 1))} | given,
    )


def same_topic(space):
    """Share of target words whose nearest source word is of the same topic."""
    cosines = torch.nn.functional.normalize(space.target.vectors, dim=1) @ (
        torch.nn.functional.normalize(space.source.vectors, dim=1).T
    )
    near = space.source.ids[cosines.argmax(dim=1)]
    return float(((near - 1) // 4 == (space.target.ids - 1) // 4).float().mean())


def parallel(count):
    meanings = lines(count, 2)
    return list(zip(said("t", meanings), said("s", meanings), strict=True))


@pytest.mark.parametrize(
    "translations",
    [
        {"parallel": parallel(100)},
        {"dictionary": [(f"t{i}", f"s{i}") for i in range(0, MEANINGS, 2)]},
    ],
    ids=["parallel lines", "half of the words in a dictionary"],
)
def test_translations_bring_equal_topics_together(translations):
    assert same_topic(bridge(request(**translations), {})) > 0.9
    # misaligned lines, or a wrong dictionary, do not
    (kind, pairs), *_ = translations.items()
    moved = [(t, s) for (t, _), (_, s) in zip(pairs, pairs[5:] + pairs[:5], strict=True)]
    assert same_topic(bridge(request(**{kind: moved}), {})) < 0.5


def test_shared_tokens_are_one_symbol_and_special_ones_none():
    space = bridge(request(parallel=parallel(20)), {3: 7})
    assert 0 not in space.target.ids and 0 not in space.source.ids
    both = [side.having(torch.tensor([i])) for side, i in ((space.target, 3), (space.source, 7))]
    assert torch.equal(both[0].vectors, both[1].vectors) and len(both[0].ids) == 1


def test_few_lines_are_said():
    assert "on 20 aligned lines" in bridge(request(parallel=parallel(20)), {}).warnings[0]
    assert not bridge(request(parallel=parallel(100)), {}).warnings


@pytest.mark.parametrize("given", [{}, {"source_lines": [], "parallel": [("t1", "s1")]}])
def test_a_bridge_without_an_end_is_refused(given):
    with pytest.raises(UnibridgeError, match="a bridge needs text"):
        bridge(request(**given), {})


def wechsel(dictionary, **settings):
    asked = request(dictionary=dictionary)
    chosen = {"method": "wechsel", "static_dimension": 16, "static_epochs": 20} | settings
    return initialise_embeddings(
        asked.source_embeddings,
        asked.source_tokenizer,
        asked.target_tokenizer,
        asked.lines,
        EmbeddingSettings(**chosen),
        source_lines=asked.source_lines,
        dictionary=dictionary,
    )


def test_wechsel_rows_are_softmax_mixtures_of_near_source_rows():
    # the base's rows are the axes, so a row of the result is its weights
    full = [(f"t{i}", f"s{i}") for i in range(MEANINGS)]
    weights = wechsel(full, wechsel_neighbours=3).matrix[1:]
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(MEANINGS))
    assert ((weights > 0).sum(dim=1) == 3).all()
    topics = weights[:, 1:].reshape(MEANINGS, -1, 4).sum(dim=2)
    assert (topics.argmax(dim=1) == torch.arange(MEANINGS) // 4).float().mean() > 0.9
    # weights are exp(cosine / τ): their logarithms' differences times τ do not depend on τ
    cold = wechsel(full, wechsel_neighbours=3, wechsel_temperature=0.02).matrix[1:]
    spread = [table.topk(3).values.log().diff() for table in (weights, cold)]
    torch.testing.assert_close(spread[0] * 0.1, spread[1] * 0.02, atol=1e-4, rtol=1e-3)


def test_wechsel_says_what_it_needs():
    with pytest.raises(UnibridgeError, match=r"needs text .* and a dictionary"):
        wechsel([])
    with pytest.raises(UnibridgeError, match="no entry of the dictionary"):
        wechsel([("s1", "t1")])
    assert any("undetermined" in text for text in wechsel([("t1", "s1")]).warnings)
