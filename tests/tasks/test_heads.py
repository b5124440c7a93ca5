"""What heads read, and the biaffine one beside AdapterHub's."""

import sys
from pathlib import Path

import pytest
import torch

from toy import head_shape
from unibridge.tasks import TASKS
from unibridge.tasks.heads import build_head


def test_heads_are_told_what_to_read():
    states = [torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    task, labels = TASKS["ner"], 3
    mixed = build_head(task, head_shape(labels, layer_mix=True), seed=0).eval()
    plain = build_head(task, head_shape(labels), seed=0).eval()
    assert mixed.reads_layers and not plain.reads_layers
    with torch.no_grad():
        mixed.out.load_state_dict(plain.out.state_dict())
        expected = plain(sum(states) / 4, mask)["tags"]
        assert torch.allclose(mixed(states, mask)["tags"], expected, atol=1e-6)
        mixed.mix.weight.copy_(torch.tensor([0.0, 0.0, 50.0, 0.0]))
        assert torch.allclose(mixed(states, mask)["tags"], plain(states[2], mask)["tags"])
    first, mean = (
        build_head(TASKS["classification"], head_shape(2, pooling=how), seed=0).eval()
        for how in ("first", "mean")
    )
    with torch.no_grad():
        pooled = torch.stack([states[0][0].mean(0), states[0][1, :2].mean(0)])[:, None]
        expected = first(pooled, mask[:, :1])["label"]
        assert torch.allclose(mean(states[0], mask)["label"], expected, atol=1e-6)


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_arcs_and_labels_are_adapterhubs(family, monkeypatch):
    """tests/golden was written by its own library (scripts/parity_biaffine.py)."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.delitem(sys.modules, "parity_biaffine", raising=False)
    import parity_biaffine

    found = parity_biaffine.scores(family, ROOT / "tests" / "golden")
    pairs = 4 * 5 + 2 * 3
    assert {name: theirs.shape for name, (_, theirs) in found.items()} == {
        "arcs": (pairs,),
        "labels": (pairs, parity_biaffine.LABELS),
    }
    for ours, theirs in found.values():
        assert (ours - theirs).abs().max() < 1e-5 < 0.01 < theirs.std(0).max()
