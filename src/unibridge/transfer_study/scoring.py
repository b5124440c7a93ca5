"""Task adapters on an encoder: their training on a mix, and what they score on test sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome
from unibridge.metrics import MACRO_F1, METRICS, Metric
from unibridge.stages.workplace import Workplace
from unibridge.transfer.task import TrainedTask, train_task
from unibridge.transfer_study.data import TaskData
from unibridge.transfer_study.settings import StudyTask

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.encoded import Encoded

STAGE = "mix"
SEED = 0
"""Of every task adapter: the baseline is one number, and what differs from it is the encoder."""


def mix_stage(
    at: Workplace, name: str, data: TaskData, section: StudyTask, left_out: str = ""
) -> Path:
    """The folder of a task adapter that was trained on the mix, no language adapter beneath it.

    left_out: a language of the mix that it does not see.
    """
    mix = {code: part for code, part in data.mix.items() if code != left_out}

    def build(folder: Path) -> Outcome:
        trained = train_task(
            at.base,
            data.task,
            mix,
            dict.fromkeys(mix),
            data.labels,
            section.training,
            name=f"mix-{name}",
            seed=SEED,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"{STAGE}-{name}"),
        )
        trained.save(folder)
        sizes = {code: len(part) for code, part in mix.items()}
        return Outcome({**trained.facts, "mix": sizes, "left_out": left_out}, trained.warnings)

    return at.run(
        STAGE,
        f"{name}-without-{left_out}" if left_out else name,
        build,
        settings={
            **section.training.model_dump(mode="json"),
            **section.model_dump(mode="json", include={"max_mix", "balance"}),
            "labels": data.labels,
            "seed": SEED,
        },
        inputs={f"mix.{code}": data.hashes[f"mix.{code}"] for code in mix},
    )


@dataclass(frozen=True)
class Scored:
    """What a metric says of a test set. counts: (examples, k) per example, from which it does."""

    metric: str
    value: float
    counts: list[list[float]]


def score_task(
    base: "Base",
    encoder: Any,
    trained: TrainedTask,
    data: TaskData,
    encoded: "Mapping[str, Sequence[Encoded]]",
    metrics: Sequence[str],
    *,
    beneath: Sequence[str] = (),
    batch_size: int = 32,
) -> dict[str, "list[Scored] | Exception"]:
    """Put a task adapter with its head on an encoder and score test sets; takes it off again.

    encoded: target -> its examples, encoded. beneath: adapters that lie under it. A target that
    fails gives its error, and no other one is lost.
    """
    from unibridge.adapters import attach

    name = f"task-{trained.name}"
    attach.add_adapter(encoder, base.family, name, trained.config, seed=SEED)
    try:
        attach.load_adapter_state(encoder, name, trained.adapter)
        attach.activate(encoder, *beneath, name)
        head = head_of(base, trained, data)
        found: dict[str, list[Scored] | Exception] = {}
        for target, rows in encoded.items():
            try:
                said = predictions(base, encoder, head, data, rows, batch_size)
                gold = [data.task.gold(example) for example in data.targets[target]]
                found[target] = [_scored(metric, gold, said, data.labels) for metric in metrics]
            except Exception as error:
                found[target] = error
        return found
    finally:
        attach.activate(encoder, *beneath)
        attach.delete_adapter(encoder, name)


def head_of(base: "Base", trained: TrainedTask, data: TaskData) -> Any:
    """The task's head with its trained weights, on the base's device, in evaluation mode."""
    from unibridge.tasks.heads import build_head
    from unibridge.tasks.shapes import HeadShape

    config: Any = base.model.get_submodule(base.family.encoder).config
    shape = HeadShape(
        config.hidden_size,
        len(trained.labels),
        0.0,
        config.num_hidden_layers,
        trained.head_settings,
    )
    head = build_head(data.task, shape, seed=SEED)
    head.load_state_dict(trained.head)
    return head.to(base.model.device).eval()


def predictions(
    base: "Base",
    encoder: Any,
    head: Any,
    data: TaskData,
    rows: "Sequence[Encoded]",
    batch_size: int,
) -> list[Any]:
    """What the task says of encoded examples, in their order."""
    import torch

    read: list[Any] = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].input_ids))
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            batch = [rows[i] for i in part]
            said = outputs(base, encoder, head, data, batch)
            cpu = {name: tensor.cpu() for name, tensor in said.items()}
            for i, one in zip(part, data.task.reading(cpu, batch), strict=True):
                read[i] = one
        return data.task.decode(read, rows, data.labels)


def outputs(
    base: "Base", encoder: Any, head: Any, data: TaskData, batch: "Sequence[Encoded]"
) -> "dict[str, torch.Tensor]":
    """What the head says of a batch, by output."""
    from unibridge.models.states import last_states, layer_states

    inputs = data.task.collate(batch, base.tokenizer.pad_token_id)
    inputs = {name: value.to(base.model.device) for name, value in inputs.items()}
    own = {name: inputs.pop(name) for name in data.task.head_inputs}
    states = layer_states if head.reads_layers else last_states
    return head(states(encoder, **inputs), inputs["attention_mask"], **own)


def _scored(name: str, gold: Sequence[Any], said: Sequence[Any], labels: Sequence[str]) -> Scored:
    metric: Metric = METRICS.resolve(name)
    # the columns of a mean over classes are the classes that occur; all of them occur here
    beside = list(labels) if metric is MACRO_F1 else []
    found: Any = metric.count([*gold, *beside], [*said, *beside])
    counts = (found if hasattr(found, "tolist") else found.toarray())[: len(gold)]
    return Scored(metric.name, float(metric.score(counts.sum(axis=0))), counts.tolist())
