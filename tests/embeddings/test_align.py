import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from unibridge.embeddings.align import ALIGNMENTS, align_embeddings, induce_dictionary
from unibridge.embeddings.rotation import AlignmentSettings, best_rotation
from unibridge.embeddings.word_vectors import WordVectors, write_word_vectors
from unibridge.errors import UnibridgeError

QUICK = AlignmentSettings(
    epochs=5, steps=100, discriminator_hidden=32, discriminator_steps=2, discriminator_dropout=0
)


def rotated_clusters(words=150, dimension=3, *, noise=0.005, shared=0):
    """(source, target, rotation source -> target): uneven clusters, and the same turned.

    Word i of one side translates word i of the other; the first `shared` are identical strings.
    """
    generator = torch.Generator().manual_seed(2)
    centres = torch.randn(5, dimension, generator=generator)
    shares = torch.tensor([2.0**-i for i in range(5)])
    cluster = torch.multinomial(shares, words, replacement=True, generator=generator)
    target = centres[cluster] + 0.2 * torch.randn(words, dimension, generator=generator)
    turn = torch.randn(dimension, dimension, generator=generator)
    rotation = torch.matrix_exp((turn - turn.T) / 2)
    source = target @ rotation.T + noise * torch.randn(words, dimension, generator=generator)
    names = [[f"{side}{i}" if i >= shared else f"{i}" for i in range(words)] for side in "st"]
    return WordVectors(tuple(names[0]), source), WordVectors(tuple(names[1]), target), rotation


def gold(source, target):
    return list(zip(source.words, target.words, strict=True))


@pytest.mark.parametrize("method", ALIGNMENTS)
def test_contract(method):
    source, target, _ = rotated_clusters(shared=20)
    brief = QUICK.model_copy(update={"epochs": 2, "steps": 10, "refinements": 1})
    before = torch.get_rng_state()
    found = align_embeddings(source, target, method, brief)
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(
        found.rotation @ found.rotation.T, torch.eye(3), atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(found.source.vectors, source.vectors @ found.rotation)
    assert found.source.words == source.words and found.target is target
    torch.rand(3)
    assert torch.equal(found.rotation, align_embeddings(source, target, method, brief).rotation)


@pytest.mark.parametrize(
    ("method", "settings", "how"),
    [
        ("procrustes", AlignmentSettings(refinements=0), "dictionary"),
        ("procrustes", AlignmentSettings(), "strings"),
        ("adversarial", QUICK, "nothing"),
    ],
)
def test_a_rotated_space_is_turned_back(method, settings, how):
    source, target, rotation = rotated_clusters(shared=20 if how == "strings" else 0)
    pairs = gold(source, target)
    dictionary = pairs[:30] if how == "dictionary" else None
    found = align_embeddings(source, target, method, settings, dictionary=dictionary)
    assert induce_dictionary(source, target, pairs).precision[5] < 0.2
    assert induce_dictionary(found.source, found.target, pairs).precision[5] > 0.95
    assert (found.rotation - rotation).norm() < 0.1


def test_the_best_rotation_is_scipys():
    rows, onto = torch.randn(2, 30, 6, generator=torch.Generator().manual_seed(0))
    expected, _ = orthogonal_procrustes(rows.double().numpy(), onto.double().numpy())
    torch.testing.assert_close(best_rotation(rows, onto), torch.from_numpy(expected).float())


def test_the_best_of_several_starts_goes_on():
    source, target, _ = rotated_clusters()
    several = QUICK.model_copy(update={"restarts": 3, "epochs": 2, "steps": 20, "refinements": 0})
    facts = align_embeddings(source, target, "adversarial", several).facts
    bests = [max(epochs) for epochs in facts["criterion_of_epochs"]]
    assert len(bests) == 3 and max(bests) - min(bests) > 0.02
    assert facts["criterion_of_rounds"] == [pytest.approx(max(bests), abs=0.005)]


def test_precision_is_that_of_brute_force():
    generator = torch.Generator().manual_seed(4)
    source = WordVectors(tuple("abcdefgh"), torch.randn(8, 4, generator=generator))
    target = WordVectors(tuple("ABCDEFGHIJ"), torch.randn(10, 4, generator=generator))
    target.vectors[:3] += source.vectors[:3]
    pairs = [*((word, word.upper()) for word in "abcdefgh"), ("a", "J"), ("b", "?"), ("?", "A")]
    found = induce_dictionary(source, target, pairs, top=(1, 3), similarity="cosine")
    right = {1: 0, 3: 0}
    for row, word in enumerate(source.words):
        cosines = torch.cosine_similarity(source.vectors[row : row + 1], target.vectors, dim=1)
        ranked = [target.words[i] for i in cosines.argsort(descending=True)]
        translations = {t for s, t in pairs if s == word}
        for k in right:
            right[k] += bool(translations & set(ranked[:k]))
    assert 0 < right[1] < right[3] < 8
    assert found.precision == {k: count / 8 for k, count in right.items()}
    assert (found.words, found.missing) == (8, 2)


def test_files_are_read_and_few_anchors_are_said(tmp_path):
    source, target, _ = rotated_clusters(shared=2)
    for name, side in (("s", source), ("t", target)):
        write_word_vectors(tmp_path / name, side.words, side.vectors)
    found = align_embeddings(tmp_path / "s", tmp_path / "t")
    assert found.facts["anchors"] == 2 and found.facts["anchors_from"] == "identical strings"
    assert any("2 anchors leave a rotation in 3 dimensions" in text for text in found.warnings)


def test_mistakes_are_explained():
    source, target, _ = rotated_clusters()
    with pytest.raises(UnibridgeError, match=r"no anchor.*method = 'adversarial'"):
        align_embeddings(source, target)
    with pytest.raises(UnibridgeError, match="Did you mean 'procrustes'"):
        align_embeddings(source, target, "procrustean")
    with pytest.raises(UnibridgeError, match="have 3 dimensions, the target's 2"):
        align_embeddings(source, WordVectors(target.words, target.vectors[:, :2]))
    with pytest.raises(UnibridgeError, match="which column is which"):
        induce_dictionary(source, target, [("t1", "s1")])
