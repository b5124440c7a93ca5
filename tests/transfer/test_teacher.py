import resource
import shutil

import numpy as np
import pytest
import torch

from toy import LINES, toy_base
from unibridge.transfer import teacher
from unibridge.transfer.pooled import pooled_states
from unibridge.transfer.teacher import store_bytes, teacher_of

SAMPLES = [f"{line} {number}" for number in range(3) for line in LINES]


def reader(base, read, samples=SAMPLES):
    """The real teacher; `read` gets the texts of each of its calls."""

    def states(numbers):
        texts = [samples[i] for i in numbers]
        read.append(texts)
        return pooled_states(base.model, base.family, base.tokenizer, texts)

    return states


def make(store, read, *, passes=5.0, file=None, samples=SAMPLES):
    given = {"store": store, "passes": passes, "file": file}
    return teacher_of(reader(toy_base("bert"), read, samples), samples, 16, **given)


@pytest.mark.parametrize("place", ["temporary", "kept"])
def test_stored_states_are_those_of_every_step_to_1e_6(tmp_path, monkeypatch, place):
    monkeypatch.setattr(teacher, "BLOCK", 4)  # 15 samples: three blocks and a rest
    read, file = [], tmp_path / "states" if place == "kept" else None
    stored, computed = make("on", read, file=file), make("off", [])
    assert [len(texts) for texts in read] == [4, 4, 4, 3], "memory is bounded by a block"
    for indices in ([0], [14, 3, 3, 7], list(range(15))):
        expected = computed.states(indices)
        assert torch.allclose(stored.states(indices), expected, atol=1e-6, rtol=0)
    assert len(read) == 4, "read once"
    assert stored.stored_bytes == store_bytes(15, 16) == 15 * 16 * 4 and computed.stored_bytes == 0


def test_a_kept_file_is_found_again_by_the_same_samples_only(tmp_path):
    first, again, other = [], [], []
    file = tmp_path / "states"
    expected = make("on", first, file=file).states([2])
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_size == store_bytes(15, 16)
    assert torch.equal(make("on", again, file=file).states([2]), expected) and not again
    make("on", other, file=file, samples=SAMPLES[1:])
    assert other


def test_an_interrupted_writing_leaves_no_file(tmp_path):
    def broken(texts):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher_of(broken, SAMPLES, 16, store="on", passes=5, file=tmp_path / "states")
    assert not list(tmp_path.iterdir())


def test_auto_stores_what_is_read_more_than_once():
    assert make("auto", [], passes=1.0).stored_bytes == 0
    assert make("auto", [], passes=1.5).stored_bytes > 0


def test_short_of_disk_the_states_are_computed_with_a_warning(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (store_bytes(14, 16), limits[1]))
        found = make("on", [], file=tmp_path / "states")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert torch.equal(found.states([1, 2]), make("off", []).states([1, 2]))
    (warning,) = found.warnings
    assert "need 960 bytes" in warning and "File too large" in warning
    assert not found.stored_bytes and not list(tmp_path.iterdir())


def test_a_store_larger_than_the_disk_is_not_begun(tmp_path):
    width = shutil.disk_usage(tmp_path).total // 4  # a row for every sample, each as large as all
    read = []
    given = {"store": "on", "passes": 5.0, "file": tmp_path / "states"}
    found = teacher_of(reader(toy_base("bert"), read), SAMPLES, width, **given)
    assert not read and "No space left" in found.warnings[0]


def test_samples_of_several_rows_come_back_in_their_order_and_in_two_bytes(tmp_path):
    rows = np.array([2, 0, 3, 1])
    states = torch.randn(6, 5)
    parts = states.split(rows.tolist())

    def read(numbers):
        return torch.cat([parts[i] for i in numbers])

    given = {"passes": 5.0, "rows": rows, "half": True, "file": tmp_path / "states"}
    stored = teacher_of(read, SAMPLES[:4], 5, store="on", **given)
    assert stored.stored_bytes == next(tmp_path.iterdir()).stat().st_size == 6 * 5 * 2
    for indices in ([0], [3, 2], [1, 2, 2]):
        found = stored.states(indices)
        assert found.dtype == torch.float32 and torch.allclose(found, read(indices), atol=1e-3)
