"""Does our AdapterFusion compute what AdapterHub's does? (`make parity` runs both.)

    AdapterHub's  parity_fusion.py make-golden FOLDER   two adapters, a fusion, what they compute
    ours          parity_fusion.py check FOLDER         reads them and compares

FOLDER is one of parity.py's: a family's base/ is taken from there, fusion/ is written beside it.
Stack(Fuse(a, b), c), bottlenecks only: AdapterHub takes the invertible part of the first alone.
Prints the largest absolute difference of the states and exits with 1 above the threshold.
"""

from pathlib import Path

import torch
from parity import EFFECT, adapterhub_model, auto, randomise, take_turn
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FAMILIES = ("bert", "xlm-roberta", "deberta-v2")
PARTS = ("query.weight", "query.bias", "key.weight", "key.bias", "value.weight")


def make_golden(folder: Path) -> dict[str, float]:
    """Write AdapterHub's adapters, the weights of its fusion and its states."""
    from adapters.composition import Stack

    from adapters import Fuse, SeqBnConfig

    for family in FAMILIES:
        here = folder / family / "fusion"
        model = adapterhub_model(folder / family / "base", family)
        for name in "abc":
            model.add_adapter(name, SeqBnConfig(reduction_factor=4))
        model.add_adapter_fusion(["a", "b"])
        generator = torch.Generator().manual_seed(1)
        randomise([p for n, p in model.named_parameters() if "adapters." in n], generator)
        fusions = [m for m in model.modules() if type(m).__name__ == "BertFusion"]
        for fusion in fusions:
            randomise([p for n, p in fusion.named_parameters() if "value" not in n], generator)
            with torch.no_grad():
                fusion.value.weight += 0.1 * torch.randn(16, 16, generator=generator)
        for name in "abc":
            (here / name).mkdir(parents=True, exist_ok=True)
            model.save_adapter(here / name, name, with_head=False, use_safetensors=True)
        ids = torch.randint(4, 40, (3, 9), generator=generator)
        ids[1, 6:] = 1
        inputs = {"input_ids": ids, "attention_mask": (ids != 1).long()}
        found: dict[str, Tensor] = dict(inputs)
        for i, fusion in enumerate(fusions):
            found |= {f"{i}.{part}": fusion.get_parameter(part).detach() for part in PARTS}
        model.eval()
        with torch.no_grad():
            for label, stack in (("one", Stack("a", "c")), ("fused", Stack(Fuse("a", "b"), "c"))):
                model.set_active_adapters(stack)
                found[f"states.{label}"] = model.base_model(**inputs).last_hidden_state
        save_file({k: v.contiguous() for k, v in found.items()}, here / "expected.safetensors")
    return dict.fromkeys(FAMILIES, 0.0)


def fused(model: nn.Module, family: str, folder: Path) -> tuple[Tensor, Tensor, Tensor]:
    """(our states, AdapterHub's, its own without the second adapter) of a family's golden files."""
    from unibridge.adapters import adapterhub, attach
    from unibridge.adapters.fusion import Attention, add_fusion
    from unibridge.models.families import FAMILIES as RECORDS

    record = RECORDS[family]
    expected = load_file(folder / "expected.safetensors")
    for name in "abc":
        adapterhub.load_adapter(model, record, folder / name)
    add_fusion(model, "ab", ["a", "b"], mixing="attention")
    with torch.no_grad():
        for i, module in enumerate(m for m in model.modules() if isinstance(m, Attention)):
            for part in PARTS:
                module.get_parameter(part).copy_(expected[f"{i}.{part}"])
        attach.activate(model, "ab", "c")
        inputs = {name: expected[name] for name in ("input_ids", "attention_mask")}
        states = model.get_submodule(record.encoder)(**inputs).last_hidden_state
    real = expected["attention_mask"].bool()
    return states[real], expected["states.fused"][real], expected["states.one"][real]


def check(folder: Path) -> dict[str, float]:
    """Compare ours with AdapterHub's states."""
    worst = {}
    for family in FAMILIES:
        model = auto(family).from_pretrained(folder / family / "base").eval()
        ours, theirs, one = fused(model, family, folder / family / "fusion")
        difference = (ours - theirs).abs().max().item()
        effect = (theirs - one).abs().max().item()
        print(f"{family:14} fusion difference {difference:.1e}   effect {effect:.2f}")
        worst[family] = difference if effect > EFFECT else float("inf")
    return worst


if __name__ == "__main__":
    take_turn(__doc__, {"make-golden": make_golden, "check": check})
