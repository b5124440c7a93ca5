import pytest
import torch

from unibridge.embeddings.neighbours import SIMILARITIES, mutual_nearest, nearest
from unibridge.errors import UnibridgeError

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
BLOCKS = [1, 4 * 9, 4 * 1000, 2**24]


def vectors(count, seed, dimension=20):
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed))


def all_similarities(target, source, similarity, neighbourhood=10):
    cosines = torch.nn.functional.cosine_similarity(target[:, None], source[None], dim=2)
    if similarity == "cosine":
        return cosines
    of_target = cosines.sort(dim=1, descending=True).values[:, :neighbourhood].mean(dim=1)
    of_source = cosines.sort(dim=0, descending=True).values[:neighbourhood].mean(dim=0)
    return 2 * cosines - of_target[:, None] - of_source


def brute_force(target, source, *similarity):
    table = all_similarities(target, source, *similarity)
    return [
        (i, j)
        for i in range(len(target))
        for j in [int(table[i].argmax())]
        if int(table[:, j].argmax()) == i
    ]


def test_by_hand():
    # target 0 and 1 both prefer source 0, which prefers target 1; target 2 and source 1 agree
    target = torch.tensor([[1.0, 0.5], [2.0, 0.1], [0.0, 3.0]])
    source = torch.tensor([[5.0, 0.0], [0.1, 1.0]])
    pairs = mutual_nearest(target, source)
    assert [side.tolist() for side in pairs[:2]] == [[1, 2], [0, 1]]
    expected = torch.tensor([2 / 4.01**0.5, 1 / 1.01**0.5])
    torch.testing.assert_close(pairs[2], expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("neighbourhood", [1, 10, 1000])
@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_blocks_of_any_size_find_the_pairs_of_brute_force(
    block_bytes, similarity, neighbourhood, device
):
    target, source = vectors(30, 0), 1 + vectors(47, 1)
    targets, sources, found = mutual_nearest(
        target.to(device),
        source.to(device),
        similarity=similarity,
        neighbourhood=neighbourhood,
        block_bytes=block_bytes,
    )
    assert found.device.type == device
    pairs = list(zip(targets.tolist(), sources.tolist(), strict=True))
    assert pairs == brute_force(target, source, similarity, neighbourhood)
    table = all_similarities(target, source, similarity, neighbourhood)
    torch.testing.assert_close(found.cpu(), table[targets.cpu(), sources.cpu()])


@pytest.mark.parametrize("block_bytes", BLOCKS)
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_the_nearest_in_order_are_those_of_a_full_sort(similarity, block_bytes):
    queries, keys, among = vectors(30, 0), 1 + vectors(47, 1), torch.tensor([3, 29, 0])
    table = all_similarities(queries, keys, similarity).sort(dim=1, descending=True)
    ask = {"similarity": similarity, "block_bytes": block_bytes}
    values, indices = nearest(queries, keys, 5, **ask)
    assert torch.equal(indices, table.indices[:, :5])
    torch.testing.assert_close(values, table.values[:, :5])
    assert torch.equal(nearest(queries, keys, 5, among=among, **ask)[1], indices[among])
    assert torch.equal(nearest(queries, keys, 99, **ask)[1], table.indices)


def test_csls_takes_a_hub_out_of_the_way():
    # every target is closest to the mean of the sources, which is there as a source of its own
    source, target = torch.eye(8) + 0.4, torch.eye(8) + 1.2
    source = torch.cat([source, source.mean(dim=0, keepdim=True)])
    right = [(i, i) for i in range(8)]
    assert brute_force(target, source, "cosine") != right
    targets, sources, _ = mutual_nearest(target, source, similarity="csls", neighbourhood=3)
    assert list(zip(targets.tolist(), sources.tolist(), strict=True)) == right


@pytest.mark.parametrize("block_bytes", [4, 2**24])
def test_equal_cosines_go_to_the_lowest_index(block_bytes):
    target = torch.eye(3)[[2, 0, 0]]
    source = torch.eye(3)[[1, 0, 0, 2, 2]]
    targets, sources, _ = mutual_nearest(target, source, block_bytes=block_bytes)
    assert (targets.tolist(), sources.tolist()) == ([0, 1], [3, 1])


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize(("targets", "sources"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_search_gives_no_pairs(targets, sources, similarity):
    pairs = mutual_nearest(torch.zeros(targets, 2), torch.zeros(sources, 2), similarity=similarity)
    assert [len(side) for side in pairs] == [0, 0, 0]


def test_an_unknown_similarity_is_answered_with_the_known_ones():
    with pytest.raises(UnibridgeError, match="Did you mean 'csls'"):
        mutual_nearest(vectors(2, 0), vectors(2, 1), similarity="cslss")
