"""Tokens per second of language adaptation: ours beside other ways to train the same.

    python benchmarks/adaptation.py [--shape small|base] [--repeats N] [--parity PYTHON]

Every side is a process of its own that trains on the same padded batches, a turn at a time, so that
a busy machine slows all of them. The reference side is built as UniBridge's own code is: modules of
AdapterHub, logits at every position, the teacher at every step; it needs the environment of
`make parity`. transformers' Trainer gets our model and no KL term. Random weights serve for speed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

PIECES, LENGTH, SPECIAL, PAD, MASK = 24_000, 128, 5, 1, 4
SHAPES = {"small": (256, 6, 4), "base": (768, 12, 12)}
"""hidden size, layers, heads"""
GOALS = {"small": 2.5, "base": 1.6}
Batch = dict[str, torch.Tensor]
Turns = Callable[[], None]


def make_batches(count: int, samples: int) -> tuple[list[Batch], list[Batch]]:
    """Batches as the samples come, and the same samples in batches by length.

    Samples of 64 to 128 tokens. ids, mask, corrupted (batch, length); labels: -100 where nothing is
    to be predicted; teacher (batch, hidden) is added by whoever stores it.
    """
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(LENGTH // 2, LENGTH + 1, (count * samples,), generator=draw)
    rows = [torch.randint(SPECIAL, PIECES, (int(n),), generator=draw) for n in lengths]

    def batch(indices: list[int]) -> Batch:
        ids = torch.nn.utils.rnn.pad_sequence([rows[i] for i in indices], True, PAD)
        mask = (ids != PAD).long()
        chosen = (torch.rand(ids.shape, generator=draw) < 0.15) & mask.bool()
        corrupted = ids.masked_fill(chosen, MASK)
        labels = ids.masked_fill(~chosen, -100)
        return {"ids": ids, "mask": mask, "corrupted": corrupted, "labels": labels}

    orders = list(range(len(rows))), lengths.argsort().tolist()
    mixed, sorted_ = (
        [batch(order[i : i + samples]) for i in range(0, len(order), samples)] for order in orders
    )
    return mixed, sorted_


def config(shape: str) -> Any:
    from transformers import XLMRobertaConfig

    hidden, layers, heads = SHAPES[shape]
    return XLMRobertaConfig(
        vocab_size=PIECES,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        max_position_embeddings=LENGTH + 2,
        type_vocab_size=1,
        pad_token_id=PAD,
    )


def kl(student: torch.Tensor, mask: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    pooled = (student * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    log_p, log_q = pooled.log_softmax(-1), teacher.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


# ------------------------------------------------------------------------------------- the sides


def our_model(shape: str) -> tuple[Any, dict[str, torch.nn.Parameter]]:
    """The student of an adaptation, and what is trained of it."""
    from transformers import XLMRobertaForMaskedLM

    from unibridge.adapters import attach
    from unibridge.adapters.settings import LANGUAGE_ADAPTER
    from unibridge.models.families import FAMILIES

    family = FAMILIES["xlm-roberta"]
    model = XLMRobertaForMaskedLM(config(shape))
    attach.add_adapter(model, family, "xx", LANGUAGE_ADAPTER, seed=0)
    attach.activate(model, "xx")
    attach.freeze(model)
    trained = {f"adapter.{i}": p for i, p in enumerate(attach.adapter_parameters(model, "xx"))}
    trained["embeddings"] = model.get_parameter(f"{family.encoder}.{family.word_embeddings}.weight")
    trained["output_bias"] = model.get_parameter(f"{family.projection}.bias")
    for parameter in trained.values():
        parameter.requires_grad_(True)
    return model.train(), trained


def ours(shape: str, batches: list[Batch], steps: int, turn: Turns) -> None:
    """`fit()` with the loss of `adapt_language`: masked positions only, a stored teacher."""
    from unibridge.models.families import FAMILIES
    from unibridge.models.objectives import Corrupted, objective_of
    from unibridge.models.states import encoder_states
    from unibridge.training import TrainingSettings, fit
    from unibridge.transfer.pooled import mean_pool, state_divergence

    family = FAMILIES["xlm-roberta"]
    model, trained = our_model(shape)
    stored = [torch.randn(len(b["ids"]), SHAPES[shape][0]) for b in batches]

    def loss(indices: list[int], generator: torch.Generator, rows: slice) -> tuple:
        batch = batches[indices[0]]
        hidden = encoder_states(model, family, batch["corrupted"], batch["mask"])
        masked = Corrupted(batch["corrupted"], batch["mask"], batch["labels"])
        mlm = objective_of(family).loss(model, family, hidden, masked)
        apart = state_divergence(mean_pool(hidden, batch["mask"]), stored[indices[0]])
        return mlm + apart, {"mlm": mlm.detach(), "kl": apart.detach()}, int(batch["mask"].sum())

    settings = TrainingSettings(steps=steps, schedule="constant")
    order = [[i] for i in range(len(batches))]
    fit(trained, loss, lambda _: order, settings, seed=0, progress=lambda *_: turn())


def reference(shape: str, batches: list[Batch], steps: int, turn: Turns) -> None:
    """AdapterHub's modules; logits and cross-entropy everywhere; the teacher at every step."""
    from transformers import XLMRobertaModel

    from adapters import AutoAdapterModel, SeqBnInvConfig

    layers = SHAPES[shape][1]
    teacher = XLMRobertaModel(config(shape), add_pooling_layer=False).eval()
    model = AutoAdapterModel.from_config(config(shape))
    model.add_adapter("xx", SeqBnInvConfig(reduction_factor=2, leave_out=[layers - 1]))
    model.add_masked_lm_head("mlm")
    model.set_active_adapters("xx")
    table, decoder = model.get_input_embeddings(), model.heads["mlm"][-1]
    decoder.weight = table.weight
    trained = [p for n, p in model.named_parameters() if ".xx." in n or "adapters." in n]
    trained += [table.weight, decoder.bias]
    model.requires_grad_(False)
    for parameter in trained:
        parameter.requires_grad_(True)
    model.train()
    optimiser = torch.optim.AdamW(trained, lr=5e-4)
    for step in range(steps):
        batch = batches[step % len(batches)]
        out = model(
            input_ids=batch["corrupted"], attention_mask=batch["mask"], output_hidden_states=True
        )
        mlm = F.cross_entropy(out.logits.flatten(0, 1), batch["labels"].flatten())
        with torch.no_grad():
            read = teacher(input_ids=batch["ids"], attention_mask=batch["mask"]).last_hidden_state
            pooled = (read * batch["mask"][..., None]).sum(1) / batch["mask"].sum(1, keepdim=True)
        loss = mlm + kl(out.hidden_states[-1], batch["mask"], pooled)
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in trained), "an adapter is not active"
        optimiser.step()
        loss.item()
        turn()


def trainer(shape: str, batches: list[Batch], steps: int, turn: Turns) -> None:
    """transformers' Trainer on our model: its own loss, no KL term."""
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    class Turn(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            turn()

    model, _ = our_model(shape)
    with tempfile.TemporaryDirectory() as folder:
        loop = Trainer(
            model,
            TrainingArguments(
                folder,
                max_steps=steps,
                per_device_train_batch_size=1,
                learning_rate=5e-4,
                lr_scheduler_type="constant",
                max_grad_norm=0.0,
                report_to=[],
                logging_strategy="no",
                save_strategy="no",
                use_cpu=True,
                remove_unused_columns=False,
            ),
            train_dataset=range(len(batches)),
            data_collator=lambda rows: {
                "input_ids": batches[rows[0]]["corrupted"],
                "attention_mask": batches[rows[0]]["mask"],
                "labels": batches[rows[0]]["labels"],
            },
            callbacks=[Turn()],
        )
        loop.remove_callback(PrinterCallback)
        loop.remove_callback(ProgressCallback)
        loop.train()


SIDES = {
    "ours": ours,
    "ours, by length": ours,
    "reference": reference,
    "transformers' Trainer": trainer,
}


# ------------------------------------------------------------------------------------- the turns


def take_turns(side: str, shape: str, samples: int, count: int, turns: int) -> None:
    """Train `count` batches for each line read, and answer with the seconds; then the peak."""
    mixed, by_length = make_batches(count, samples)
    batches = by_length if "length" in side else mixed
    torch.manual_seed(0)
    done, started = 0, 0.0

    def turn() -> None:
        nonlocal done, started
        done += 1
        if done % count == 0:
            print(json.dumps(time.perf_counter() - started), flush=True)
            if done < turns * count:
                input()
                started = time.perf_counter()

    input()
    started = time.perf_counter()
    SIDES[side](shape, batches, turns * count, turn)
    status = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--samples", type=int, default=16, help="samples per batch")
    parser.add_argument("--batches", type=int, default=4, help="batches per turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns after the first")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--parity", type=Path, default=Path(".parity-venv/bin/python"))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        take_turns(given.side, given.shape, given.samples, given.batches, given.repeats + 1)
        return

    workers: dict[str, subprocess.Popen[str]] = {}
    for side in given.sides:
        python = given.parity if side == "reference" else Path(sys.executable)
        if not python.exists():
            print(f"{side}: left out, since there is no {python} (make .parity-venv/ready)")
            continue
        command = [str(python), __file__, "--side", side, "--shape", given.shape]
        for name in ("samples", "batches", "repeats"):
            command += [f"--{name}", str(getattr(given, name))]
        workers[side] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    seconds: dict[str, list[float]] = {side: [] for side in workers}
    for number in range(given.repeats + 1):
        for side, worker in workers.items():
            assert worker.stdin and worker.stdout
            worker.stdin.write("go\n")
            worker.stdin.flush()
            said = worker.stdout.readline()
            if not said:
                raise SystemExit(f"{side} ended in its turn {number}")
            if number:  # the first one warms up
                seconds[side].append(float(said))
    peaks = {side: int(worker.communicate()[0].split()[-1]) for side, worker in workers.items()}

    tokens = sum(int(b["mask"].sum()) for b in make_batches(given.batches, given.samples)[0])
    hidden, layers, _ = SHAPES[given.shape]
    print(
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; hidden {hidden}, {layers} "
        f"layers, {PIECES:,} pieces; batches of {given.samples}, {tokens:,} tokens a turn without "
        f"padding; medians of {given.repeats}"
    )
    print(f"{'':24}{'tokens/s':>10}{'s/step':>9}{'peak GB':>9}{'ours is':>9}")
    medians = {side: statistics.median(times) for side, times in seconds.items()}
    for side, median in medians.items():
        ahead = f"{median / medians['ours']:.2f}x" if "ours" in medians else ""
        print(
            f"{side:24}{tokens / median:>10,.0f}{median / given.batches:>9.3f}"
            f"{peaks[side] * 1024 / 1e9:>9.2f}{ahead:>9}"
        )
    if {"ours", "reference"} <= medians.keys():
        ratio, goal = medians["reference"] / medians["ours"], GOALS[given.shape]
        print(f"against the reference: {ratio:.2f}x, goal {goal}x: {said_of(ratio >= goal)}")
    if {"ours", "transformers' Trainer"} <= medians.keys():
        ratio = medians["transformers' Trainer"] / medians["ours"]
        print(f"against the Trainer: {ratio:.2f}x, goal 1x: {said_of(ratio >= 1)}")


def said_of(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
