import pytest

from unibridge.training import batches_of, shares


@pytest.mark.parametrize("groups", [(), [i % 3 for i in range(101)]])
def test_batches_cover_every_index_once_and_never_mix_groups(groups):
    lengths = [1 + (7 * i) % 40 for i in range(101)]
    batches = batches_of(lengths, 4, seed=5, epoch=2, groups=groups)
    assert sorted(i for batch in batches for i in batch) == list(range(101))
    assert all(len(batch) <= 4 for batch in batches)
    if groups:
        assert all(len({groups[i] for i in batch}) == 1 for batch in batches)


def test_batches_are_reproducible_differ_by_epoch_and_save_padding():
    lengths = [1 + (7 * i) % 40 for i in range(400)]
    one, again, other = (batches_of(lengths, 8, seed=5, epoch=e) for e in (0, 0, 1))
    assert one == again != other

    def padded(batches):
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    unsorted = [list(range(i, i + 8)) for i in range(0, 400, 8)]
    assert padded(one) < 1.1 * sum(lengths) < 0.8 * padded(unsorted)


@pytest.mark.parametrize("samples", [1, 2, 7, 32])
@pytest.mark.parametrize("micro_batch", [None, 1, 3])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_row_is_read_by_one_process_once(samples, micro_batch, count):
    given = [shares(samples, micro_batch, rank=rank, count=count) for rank in range(count)]
    rows = [list(range(samples))[part] for parts in given for part in parts]
    assert [row for part in rows for row in part] == list(range(samples))
    assert all(0 < len(part) <= (micro_batch or samples) for part in rows)
    sizes = [sum(part.stop - part.start for part in parts) for parts in given]
    assert max(sizes) - min(sizes) <= 1
