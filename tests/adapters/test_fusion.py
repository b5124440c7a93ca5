"""Several adapters as one: AdapterHub's numbers, the mean, and couplings that stay invertible."""

import copy
import sys
from pathlib import Path

import pytest
import torch
import transformers

from toy import toy_base
from unibridge.adapters import attach
from unibridge.adapters.fusion import Attention, add_fusion, regularisation
from unibridge.adapters.settings import AdapterConfig
from unibridge.errors import UnibridgeError

ROOT = Path(__file__).parents[2]
PLAIN = AdapterConfig(reduction_factor=4, leave_out=(), invertible="none")


@pytest.fixture(params=["bert", "xlm-roberta", "deberta-v2"])
def family(request):
    return request.param


def test_states_are_adapterhubs(family, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.delitem(sys.modules, "parity_fusion", raising=False)
    import parity_fusion

    golden = ROOT / "tests" / "golden" / family
    model = transformers.AutoModelForMaskedLM.from_pretrained(golden / "base").eval()
    ours, theirs, one = parity_fusion.fused(model, family, golden / "fusion")
    assert (ours - theirs).abs().max() < 1e-5 < 0.01 < (theirs - one).abs().max()


def with_adapters(config, names="ab"):
    """A toy with adapters whose weights are drawn wide enough to be seen."""
    base = toy_base("xlm-roberta", dropout=0.0)
    draw = torch.Generator().manual_seed(3)
    for name in names:
        attach.add_adapter(base.model, base.family, name, config, seed=0)
        for parameter in attach.adapter_parameters(base.model, name):
            with torch.no_grad():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=draw))
    return base


IDS = {"input_ids": torch.tensor([[0, 5, 9, 7, 2]]), "attention_mask": torch.ones(1, 5).long()}


def said(base, *stack):
    attach.activate(base.model, *stack)
    with torch.no_grad():
        return base.model(**IDS).logits


def test_the_mean_of_the_same_twice_is_the_one():
    base = with_adapters(PLAIN)
    attach.load_adapter_state(base.model, "b", attach.adapter_state(base.model, "a"))
    add_fusion(base.model, "mean", ["a", "b"], mixing="uniform")
    add_fusion(base.model, "drawn", ["a", "b"], mixing="attention")
    assert torch.allclose(said(base, "mean"), said(base, "a"), atol=1e-6)
    # weights of one sum to one, and V is the identity but for 1e-6
    assert torch.allclose(said(base, "drawn"), said(base, "a"), atol=1e-3)
    assert regularisation(base.model, "drawn").item() < 1e-6
    assert not list(attach.adapter_parameters(base.model, "mean"))


def test_what_is_drawn_depends_on_the_seed_and_is_copied_along():
    base = with_adapters(PLAIN)
    for seed in (0, 1):
        add_fusion(base.model, f"seed{seed}", ["a", "b"], mixing="attention", seed=seed)
    first, second = said(base, "seed0"), said(base, "seed1")
    assert not torch.allclose(first, second, atol=1e-5)
    other = copy.deepcopy(base)
    for parameter in attach.adapter_parameters(base.model, "a"):
        with torch.no_grad():
            parameter.zero_()
    assert torch.equal(said(other, "seed0"), first)
    assert not torch.equal(said(base, "seed0"), first)


@pytest.mark.parametrize("mixing", ["attention", "uniform"])
def test_fused_couplings_are_undone_exactly(mixing):
    base = with_adapters(AdapterConfig(reduction_factor=4, leave_out=()))
    add_fusion(base.model, "ab", ["a", "b"], mixing=mixing)
    for module in base.model.modules():
        if isinstance(module, Attention):
            torch.nn.init.normal_(module.query.weight)
            torch.nn.init.normal_(module.key.weight)
    attach.activate(base.model, "ab")
    (coupling,) = attach.ledger_of(base.model).running()
    states = torch.randn(2, 4, 16)
    there = coupling(states)
    assert (there - states).abs().max() > 0.01
    assert torch.allclose(coupling.inverse(there), states, atol=1e-5)


def test_one_adapter_or_an_unknown_one_is_no_fusion():
    base = with_adapters(PLAIN)
    with pytest.raises(UnibridgeError, match="of two adapters or more"):
        add_fusion(base.model, "x", ["a"], mixing="uniform")
    with pytest.raises(UnibridgeError, match="unknown adapter 'c'"):
        add_fusion(base.model, "x", ["a", "c"], mixing="uniform")
    with pytest.raises(UnibridgeError, match="has an adapter 'b' already"):
        add_fusion(base.model, "b", ["a", "b"], mixing="uniform")
