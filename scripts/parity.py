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
import dataclasses
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

THRESHOLD = 1e-5
THRESHOLDS = {"mt5": 2e-5}
"""Of families whose states are so large that rounding shows."""
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
    "pad_token_id": 1,
}
HALVES = {
    "vocab_size": 40,
    "d_model": 16,
    "decoder_start_token_id": 2,
    "pad_token_id": 1,
    "eos_token_id": 2,
}
ENDS = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 2)
CONFIGS: dict[str, dict[str, object]] = {
    "bert": SHAPE,
    "xlm-roberta": SHAPE | {"type_vocab_size": 1},
    "deberta-v2": SHAPE
    | {
        "relative_attention": True,
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "modernbert": SHAPE | ENDS | {"local_attention": 4},
    "gpt2": {
        "vocab_size": 40,
        "n_embd": 16,
        "n_layer": 3,
        "n_head": 2,
        "n_inner": 24,
        "n_positions": 20,
        "pad_token_id": 1,
        **dict.fromkeys(("bos_token_id", "eos_token_id"), 2),
    },
    "mbart": HALVES
    | {
        **dict.fromkeys(("encoder_layers", "decoder_layers"), 2),
        **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
        **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 24),
        "max_position_embeddings": 20,
        "scale_embedding": True,
    },
    "mt5": HALVES
    | {
        **dict.fromkeys(("num_layers", "num_decoder_layers", "num_heads"), 2),
        "d_kv": 8,
        "d_ff": 24,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 20,
    },
}
AUTO = {
    "gpt2": "AutoModelForCausalLM",
    "mbart": "AutoModelForSeq2SeqLM",
    "mt5": "AutoModelForSeq2SeqLM",
}
"""The Auto class with the language model's head, where it is not the masked one."""
Run = Callable[[tuple[str, ...], dict[str, Tensor]], tuple[Tensor, Tensor]]
"""(stack, inputs) -> (encoder states, language-model logits)."""


def make_golden(folder: Path) -> dict[str, float]:
    """Write the bases, AdapterHub's adapters and its results."""
    from adapters import SeqBnConfig, SeqBnInvConfig

    for family, config in CONFIGS.items():
        here = folder / family
        here.mkdir(parents=True, exist_ok=True)
        generator = torch.Generator().manual_seed(len(family))
        plain = auto(family).from_config(AutoConfig.for_model(family, **config))
        randomise(plain, generator)
        plain.save_pretrained(here / "base")

        model = adapterhub_model(here / "base", family)
        last = 3 if family in ("mbart", "mt5") else 2
        model.add_adapter("en", SeqBnInvConfig(reduction_factor=2, leave_out=[last]))
        model.add_adapter("ner", SeqBnConfig(reduction_factor=4, non_linearity="gelu"))
        own = [p for n, p in model.named_parameters() if "adapters." in n or ".adapter_" in n]
        randomise(own, generator)
        model.save_adapter(here / "en", "en", with_head=False, use_safetensors=True)
        model.save_adapter(here / "ner", "ner", with_head=False, use_safetensors=False)

        ids = torch.randint(4, 40, (3, 9), generator=generator)
        ids[1, 6:] = 1
        inputs = {"input_ids": ids, "attention_mask": (ids != 1).long()}
        if plain.config.is_encoder_decoder:
            inputs["decoder_input_ids"] = torch.randint(4, 40, (3, 5), generator=generator)
        save_file(results(adapterhub_runner(model), inputs), here / "expected.safetensors")
    return dict.fromkeys(CONFIGS, 0.0)


def check(folder: Path) -> dict[str, float]:
    """Compare ours with AdapterHub's results, then write adapters and results of our own."""
    from unibridge.adapters import adapterhub, attach
    from unibridge.adapters.settings import LANGUAGE_ADAPTER, TASK_ADAPTER
    from unibridge.models.families import FAMILIES

    worst = {}
    for family, record in FAMILIES.items():
        here = folder / family
        expected = load_file(here / "expected.safetensors")
        model = auto(family).from_pretrained(here / "base").eval()
        for name in ("en", "ner"):
            adapterhub.load_adapter(model, record, here / name)

        def run(
            stack: tuple[str, ...], inputs: dict[str, Tensor], model=model, record=record
        ) -> tuple[Tensor, Tensor]:
            attach.activate(model, *stack)
            given = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            states = model.get_submodule(record.encoder)(**given).last_hidden_state
            return states, model(**inputs).logits

        worst[family] = compare(f"{family}: AdapterHub's files, ours", expected, run)

        generator = torch.Generator().manual_seed(1)
        for name, config in (("en", LANGUAGE_ADAPTER), ("ner", TASK_ADAPTER)):
            attach.delete_adapter(model, name)
            attach.add_adapter(model, record, name, config, seed=0)
            randomise(list(attach.adapter_parameters(model, name)), generator)
            adapterhub.save_adapter(model, name, here / "ours" / name)
        save_file(results(run, inputs_of(expected)), here / "ours" / "expected.safetensors")
    return worst


def check_back(folder: Path) -> dict[str, float]:
    """Let AdapterHub read the adapters that `check` wrote, and compare."""
    worst = {}
    for family in CONFIGS:
        here = folder / family
        model = adapterhub_model(here / "base", family)
        for name in ("en", "ner"):
            model.load_adapter(str(here / "ours" / name), use_safetensors=True)
        expected = load_file(here / "ours" / "expected.safetensors")
        run = adapterhub_runner(model)
        worst[family] = compare(f"{family}: our files, AdapterHub", expected, run)
    return worst


def auto(family: str) -> type[PreTrainedModel]:
    return getattr(transformers, AUTO.get(family, "AutoModelForMaskedLM"))


def adapterhub_model(base: Path, family: str) -> nn.Module:
    """AdapterHub's model with the base's head.

    Its flexible classes, as its static ones never apply the inverse; ModernBERT, for which it has
    neither, through its plug-in interface.
    """
    import adapters

    plain = auto(family).from_pretrained(base)
    if family == "modernbert":
        adapters.init(plain, interface=modernbert_interface())
        return plain.eval()
    if family == "mt5":
        # whose head from_pretrained takes for a part of its body
        model = adapters.AutoAdapterModel.from_config(plain.config)
        lost = model.base_model.load_state_dict(plain.state_dict(), strict=False)
        assert not lost.missing_keys, lost.missing_keys
    else:
        model = adapters.AutoAdapterModel.from_pretrained(base)
    projection = plain.get_output_embeddings()
    if family in AUTO:
        if family == "gpt2":
            model.add_causal_lm_head("lm", layers=1, activation_function=None)
        else:
            model.add_seq2seq_lm_head("lm")
        parts = [projection]
    else:
        model.add_masked_lm_head("lm")
        if family == "xlm-roberta":
            parts = [plain.lm_head.dense, plain.lm_head.layer_norm, projection]
        else:
            transform = plain.cls.predictions.transform
            parts = [transform.dense, transform.LayerNorm, projection]
    own = [m for m in model.heads["lm"] if isinstance(m, nn.Linear | nn.LayerNorm)]
    for ours, theirs in zip(own, parts, strict=True):
        if getattr(ours, "bias", None) is not None and theirs.bias is None:
            nn.init.zeros_(ours.bias)
        ours.load_state_dict(theirs.state_dict(), strict=theirs.bias is not None)
    return model.eval()


def modernbert_interface() -> Any:
    """AdapterHub's record of ModernBERT, for bottlenecks and invertible adapters.

    Its own wraps the fused projection for LoRA, which alone changes what the base says (adapters
    1.3.0: by 0.8 in these logits), and takes what the norm gives for the residual.
    """
    from adapters.wrappers.interfaces import get_adapter_interface

    return dataclasses.replace(
        get_adapter_interface("modernbert"),
        adapter_methods=["bottleneck", "invertible"],
        layer_pre_self_attn="attn_norm",
        layer_pre_ffn="mlp_norm",
        layer_ln_1=None,
    )


def adapterhub_runner(model: nn.Module) -> Run:
    from adapters.composition import Stack

    def run(stack: tuple[str, ...], inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        model.set_active_adapters(Stack(*stack) if stack else None)
        head = {} if getattr(model, "heads", None) is None else {"head": "lm"}
        states = model.base_model(**inputs)
        states = getattr(states, "encoder_last_hidden_state", None), states.last_hidden_state
        return states[1] if states[0] is None else states[0], model(**inputs, **head).logits

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
    return {name: tensor for name, tensor in expected.items() if "." not in name}


def real_positions(expected: dict[str, Tensor], key: str) -> Tensor:
    """Where states or logits are of something: padding may see nothing at all in a narrow window,
    and then says what the attention's implementation makes of that."""
    decoded = "decoder_input_ids" in expected and key.startswith("logits")
    ids = expected["decoder_input_ids" if decoded else "input_ids"]
    return torch.ones_like(ids).bool() if decoded else expected["attention_mask"].bool()


def compare(title: str, expected: dict[str, Tensor], run: Run) -> float:
    """Print and return the largest absolute difference of any stack; a stack must do something."""
    found = results(run, inputs_of(expected))
    worst = 0.0
    for label in STACKS:
        keys = (f"states.{label}", f"logits.{label}")
        difference = max(
            (found[key] - expected[key])[real_positions(expected, key)].abs().max().item()
            for key in keys
        )
        effect = (expected[f"logits.{label}"] - expected["logits.none"]).abs().max().item()
        print(f"{title:40} {label:8} difference {difference:.1e}   effect {effect:.2f}")
        worst = max(worst, difference if effect > EFFECT or label == "none" else float("inf"))
    return worst


def take_turn(doc: str | None, steps: dict[str, Callable[[Path], dict[str, float]]]) -> None:
    """A script's command line: one step on FOLDER; exits with 1 where one is above its limit."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=steps)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    # both libraries announce on every load what is meant here: new heads, inactive adapters
    logging.disable(logging.WARNING)
    disable_progress_bar()
    worst = steps[arguments.step](arguments.folder)
    limits = {name: THRESHOLDS.get(name, THRESHOLD) for name in worst}
    if far := [name for name in worst if not worst[name] <= limits[name]]:
        sys.exit("; ".join(f"{f}: {worst[f]:.1e} is above {limits[f]:.0e}" for f in far))


if __name__ == "__main__":
    take_turn(__doc__, {"make-golden": make_golden, "check": check, "check-back": check_back})
