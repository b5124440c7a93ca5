import pytest
import torch
from torch.nn.functional import cosine_similarity

from toy import LINES, toy_base
from unibridge.errors import UnibridgeError
from unibridge.transfer.adapted import language_model
from unibridge.transfer.contrast import ContrastSettings, align_sentences, info_nce, retrieval


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_loss_is_the_formula_pair_by_pair(temperature):
    first, second = drawn(5, 8), drawn(5, 8, seed=1)
    found = info_nce(first, second, temperature, both_ways=False)
    for place in range(5):
        scores = torch.tensor(
            [float(cosine_similarity(first[place], other, dim=0)) / temperature for other in second]
        )
        assert float(found[place]) == pytest.approx(
            float(scores.logsumexp(0) - scores[place]), abs=1e-5
        )
    turned = info_nce(second, first, temperature, both_ways=False)
    both = info_nce(first, second, temperature)
    assert torch.allclose(both, (found + turned) / 2, atol=1e-6)


@pytest.mark.slow  # the library takes its time to import
def test_the_loss_is_that_of_sentence_transformers():
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    first, second = drawn(6, 8), drawn(6, 8, seed=1)
    theirs = losses.MultipleNegativesRankingLoss(model=torch.nn.Identity(), scale=20.0)
    wanted = theirs.compute_loss_from_embeddings([first, second], labels=None)
    assert float(info_nce(first, second, 1 / 20, both_ways=False).mean()) == pytest.approx(
        float(wanted), rel=1e-5
    )


def test_retrieval_counts_the_lines_whose_translation_is_nearest_from_either_side():
    first = torch.eye(3)
    assert vars(retrieval(first, first)) == {"from_target": 1.0, "from_source": 1.0, "lines": 3}
    # two lines of one side are nearest to the same line of the other
    found = retrieval(
        torch.tensor([[1.0, 0.0], [0.9, 0.1]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    )
    assert (found.from_target, found.from_source) == (0.5, 1.0)


PAIRS = [(line, " ".join(reversed(line.split()))) for line in LINES] * 4


def settings(**training):
    own = {"epochs": 6, "batch_size": 5, "learning_rate": 1e-3, "schedule": "constant", **training}
    return ContrastSettings(training=own)


def test_translations_come_nearer_and_the_base_is_left_alone():
    base = toy_base("bert", dropout=0.0)
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    found = align_sentences(base, {"en": PAIRS, "sw": PAIRS[:6]}, settings(), language="lug")
    assert all(torch.equal(before[n], value) for n, value in base.model.state_dict().items())
    assert found.facts["curve"][-1]["train_loss"] < found.facts["curve"][0]["train_loss"]
    assert found.facts["retrieval_before"].keys() == {"en", "sw"}
    assert found.facts["retrieval_after"]["en"]["lines"] == 4 and found.facts["pairs"] == 16 + 5
    changed = language_model(base, found)
    assert any(not torch.equal(before[n], value) for n, value in changed.state_dict().items())


def test_small_memories_and_one_batch_give_the_same_model():
    base = toy_base("bert", dropout=0.0)
    one, parts = (
        align_sentences(base, {"en": PAIRS}, settings(micro_batch=m, epochs=2), language="lug")
        for m in (None, 2)
    )
    for name, value in one.encoder.items():
        assert torch.allclose(value.float(), parts.encoder[name].float(), atol=1e-5), name


def test_one_line_is_not_enough():
    with pytest.raises(UnibridgeError, match="fewer than two aligned lines"):
        align_sentences(toy_base("bert"), {"en": PAIRS[:1]}, settings(), language="lug")
