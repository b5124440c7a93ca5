import pytest
import torch

from unibridge.embeddings.neighbours import mutual_nearest


def vectors(count, seed, dimension=20):
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed))


def brute_force(target, source):
    cosines = torch.nn.functional.cosine_similarity(target[:, None], source[None], dim=2)
    return [
        (i, j)
        for i in range(len(target))
        for j in [int(cosines[i].argmax())]
        if int(cosines[:, j].argmax()) == i
    ]


def test_by_hand():
    # target 0 and 1 both prefer source 0, which prefers target 1; target 2 and source 1 agree
    target = torch.tensor([[1.0, 0.5], [2.0, 0.1], [0.0, 3.0]])
    source = torch.tensor([[5.0, 0.0], [0.1, 1.0]])
    pairs = mutual_nearest(target, source)
    assert [side.tolist() for side in pairs[:2]] == [[1, 2], [0, 1]]
    expected = torch.tensor([2 / 4.01**0.5, 1 / 1.01**0.5])
    torch.testing.assert_close(pairs[2], expected)


@pytest.mark.parametrize("block_bytes", [1, 4 * 9, 4 * 1000, 2**24])
def test_blocks_of_any_size_find_the_pairs_of_brute_force(block_bytes):
    target, source = vectors(70, 0), vectors(113, 1)
    targets, sources, cosines = mutual_nearest(target, source, block_bytes=block_bytes)
    assert list(zip(targets.tolist(), sources.tolist(), strict=True)) == brute_force(target, source)
    torch.testing.assert_close(
        cosines, torch.nn.functional.cosine_similarity(target[targets], source[sources])
    )


@pytest.mark.parametrize("block_bytes", [4, 2**24])
def test_equal_cosines_go_to_the_lowest_index(block_bytes):
    target = torch.eye(3)[[2, 0, 0]]
    source = torch.eye(3)[[1, 0, 0, 2, 2]]
    targets, sources, _ = mutual_nearest(target, source, block_bytes=block_bytes)
    assert (targets.tolist(), sources.tolist()) == ([0, 1], [3, 1])


@pytest.mark.parametrize(("targets", "sources"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_search_gives_no_pairs(targets, sources):
    pairs = mutual_nearest(torch.zeros(targets, 2), torch.zeros(sources, 2))
    assert [len(side) for side in pairs] == [0, 0, 0]
