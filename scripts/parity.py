"""Do our adapters compute what AdapterHub's do? Both ways, through files.

AdapterHub's library needs transformers 4 and ours transformers 5, so two environments take turns
(`make parity` builds the other one and runs all three):

    AdapterHub's  parity.py make-golden FOLDER   tiny bases, its adapters, what they compute
    ours          parity.py check FOLDER         reads them, compares; then writes adapters of ours
    AdapterHub's  parity.py check-back FOLDER    reads ours, compares

A family's folder holds base/ (transformers format), en/ (language adapter, safetensors), ner/
(task adapter, the older .bin), expected.safetensors, and after `check` also ours/. Prints the
largest absolute difference per stack and exits with 1 above the threshold. tests/golden is one
FOLDER of `make-golden`, kept for the ordinary tests.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, BertConfig, XLMRobertaConfig
from transformers.utils.logging import disable_progress_bar

THRESHOLD = 1e-5
EFFECT = 0.01
"""What a stack has to change in the logits at least, for its agreement to mean anything."""
STACKS = {"none": (), "en": ("en",), "ner": ("ner",), "en+ner": ("en", "ner")}
SHAPE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}
CONFIGS = {
    "bert": lambda: BertConfig(pad_token_id=1, **SHAPE),
    "xlm-roberta": lambda: XLMRobertaConfig(type_vocab_size=1, **SHAPE),
}
Run = Callable[[tuple[str, ...], dict[str, Tensor]], tuple[Tensor, Tensor]]
"""(stack, inputs) -> (encoder states, masked-LM logits)."""


def make_golden(folder: Path) -> float:
    """Write the bases, AdapterHub's adapters and its results."""
    from adapters import SeqBnConfig, SeqBnInvConfig

    for family, config in CONFIGS.items():
        here = folder / family
        here.mkdir(parents=True, exist_ok=True)
        generator = torch.Generator().manual_seed(len(family))
        plain = AutoModelForMaskedLM.from_config(config())
        randomise(plain, generator)
        plain.save_pretrained(here / "base")

        model = adapterhub_model(here / "base")
        model.add_adapter("en", SeqBnInvConfig(reduction_factor=2, leave_out=[2]))
        model.add_adapter("ner", SeqBnConfig(reduction_factor=4, non_linearity="gelu"))
        randomise([p for n, p in model.named_parameters() if "adapters." in n], generator)
        model.save_adapter(here / "en", "en", with_head=False, use_safetensors=True)
        model.save_adapter(here / "ner", "ner", with_head=False, use_safetensors=False)

        ids = torch.randint(4, SHAPE["vocab_size"], (3, 9), generator=generator)
        ids[1, 6:] = 1
        inputs = {"input_ids": ids, "attention_mask": (ids != 1).long()}
        save_file(results(adapterhub_runner(model), inputs), here / "expected.safetensors")
    return 0.0


def check(folder: Path) -> float:
    """Compare ours with AdapterHub's results, then write adapters and results of our own."""
    from unibridge.adapters import adapterhub, attach
    from unibridge.adapters.modules import LANGUAGE_ADAPTER, TASK_ADAPTER
    from unibridge.models.families import FAMILIES

    worst = 0.0
    for family, record in FAMILIES.items():
        here = folder / family
        expected = load_file(here / "expected.safetensors")
        model = AutoModelForMaskedLM.from_pretrained(here / "base").eval()
        for name in ("en", "ner"):
            adapterhub.load_adapter(model, record, here / name)

        def run(
            stack: tuple[str, ...], inputs: dict[str, Tensor], model=model, record=record
        ) -> tuple[Tensor, Tensor]:
            attach.activate(model, *stack)
            states = getattr(model, record.encoder)(**inputs).last_hidden_state
            return states, model(**inputs).logits

        worst = max(worst, compare(f"{family}: AdapterHub's files, ours", expected, run))

        generator = torch.Generator().manual_seed(1)
        for name, config in (("en", LANGUAGE_ADAPTER), ("ner", TASK_ADAPTER)):
            attach.delete_adapter(model, name)
            attach.add_adapter(model, record, name, config, seed=0)
            randomise(list(attach.adapter_parameters(model, name)), generator)
            adapterhub.save_adapter(model, name, here / "ours" / name)
        save_file(results(run, inputs_of(expected)), here / "ours" / "expected.safetensors")
    return worst


def check_back(folder: Path) -> float:
    """Let AdapterHub read the adapters that `check` wrote, and compare."""
    worst = 0.0
    for family in CONFIGS:
        here = folder / family
        model = adapterhub_model(here / "base")
        for name in ("en", "ner"):
            model.load_adapter(str(here / "ours" / name), use_safetensors=True)
        expected = load_file(here / "ours" / "expected.safetensors")
        run = adapterhub_runner(model)
        worst = max(worst, compare(f"{family}: our files, AdapterHub", expected, run))
    return worst


def adapterhub_model(base: Path) -> nn.Module:
    """AdapterHub's model class (its static ones never apply the inverse) with the base's head."""
    from adapters import AutoAdapterModel

    plain = AutoModelForMaskedLM.from_pretrained(base)
    model = AutoAdapterModel.from_pretrained(base)
    model.add_masked_lm_head("mlm")
    bert = plain.config.model_type == "bert"
    transform = plain.cls.predictions.transform if bert else plain.lm_head
    norm = transform.LayerNorm if bert else transform.layer_norm
    decoder = plain.get_output_embeddings()
    head = model.heads["mlm"]
    for ours, theirs in ((head[0], transform.dense), (head[2], norm), (head[3], decoder)):
        ours.load_state_dict(theirs.state_dict())
    return model.eval()


def adapterhub_runner(model: nn.Module) -> Run:
    from adapters.composition import Stack

    def run(stack: tuple[str, ...], inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        model.set_active_adapters(Stack(*stack) if stack else None)
        return model.base_model(**inputs).last_hidden_state, model(**inputs, head="mlm").logits

    return run


def randomise(parameters: nn.Module | list[nn.Parameter], generator: torch.Generator) -> None:
    """Weights large enough that every adapter changes the results by far more than THRESHOLD."""
    if isinstance(parameters, nn.Module):
        parameters = list(parameters.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


@torch.no_grad()
def results(run: Run, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inputs, and states and logits of every stack."""
    found = dict(inputs)
    for label, stack in STACKS.items():
        found[f"states.{label}"], found[f"logits.{label}"] = run(stack, inputs)
    return {name: tensor.contiguous() for name, tensor in found.items()}


def inputs_of(expected: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: expected[name] for name in ("input_ids", "attention_mask")}


def compare(title: str, expected: dict[str, Tensor], run: Run) -> float:
    """Print and return the largest absolute difference of any stack; a stack must do something."""
    found = results(run, inputs_of(expected))
    worst = 0.0
    for label in STACKS:
        keys = (f"states.{label}", f"logits.{label}")
        difference = max((found[key] - expected[key]).abs().max().item() for key in keys)
        effect = (expected[f"logits.{label}"] - expected["logits.none"]).abs().max().item()
        print(f"{title:40} {label:8} difference {difference:.1e}   effect {effect:.2f}")
        worst = max(worst, difference if effect > EFFECT or label == "none" else float("inf"))
    return worst


def main() -> None:
    steps = {"make-golden": make_golden, "check": check, "check-back": check_back}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=steps)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    # both libraries announce on every load what is meant here: new heads, inactive adapters
    logging.disable(logging.WARNING)
    disable_progress_bar()
    worst = steps[arguments.step](arguments.folder)
    if not worst <= THRESHOLD:
        sys.exit(f"the largest difference, {worst:.1e}, is above {THRESHOLD:.0e}")


if __name__ == "__main__":
    main()
