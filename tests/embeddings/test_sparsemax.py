import pytest
import torch
from entmax import sparsemax as reference

from unibridge.embeddings.sparsemax import sparsemax


def test_by_hand():
    # support {1.0, 0.6}: threshold (1.6 - 1) / 2 = 0.3
    weights = sparsemax(torch.tensor([[1.0, 0.6, 0.0], [0.0, 0.0, 0.0]]))
    torch.testing.assert_close(weights, torch.tensor([[0.7, 0.3, 0.0], [1 / 3, 1 / 3, 1 / 3]]))


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("top", [1, 7, 128, 1000])
def test_agrees_with_entmax_wherever_the_rows_are_cut(scale, top):
    scores = torch.randn(40, 500, generator=torch.Generator().manual_seed(0)) * scale + 2
    torch.testing.assert_close(
        sparsemax(scores, top=top), reference(scores, dim=1), atol=1e-6, rtol=0
    )


def test_rows_with_supports_on_both_sides_of_the_cut():
    narrow, wide = torch.linspace(0, 9, 50), torch.linspace(0, 1e-4, 50)
    scores = torch.stack([narrow, wide])
    weights = sparsemax(scores, top=10)
    assert (weights[0] > 0).sum() < 10 < (weights[1] > 0).sum()
    torch.testing.assert_close(weights, reference(scores, dim=1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(0, 4), (3, 1)])
def test_degenerate_shapes(shape):
    assert sparsemax(torch.zeros(shape)).tolist() == [[1.0]] * shape[0]
