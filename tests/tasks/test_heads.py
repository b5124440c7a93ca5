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
