"""Task adapters on an encoder: their training on a mix, and what they score on test sets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unibridge.artifacts import Outcome
from unibridge.errors import ConfigError
from unibridge.metrics import MACRO_F1, Metric
from unibridge.stages.workplace import Workplace
from unibridge.training import TrainingSettings
from unibridge.training import precision as in_precision
from unibridge.transfer.task import TrainedTask, train_task
from unibridge.transfer_study.data import TaskData
from unibridge.transfer_study.plan import Plan
from unibridge.transfer_study.settings import StudyTask

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.encoded import Encoded

Precision = Literal["float32", "auto", "bfloat16"]
STAGE = "mix"
SEED = 0
"""Of every task adapter: the baseline is one number, and what differs from it is the encoder."""
TOKENS = 1024
"""Of a batch that is scored: products of matrices are fast by then, and states fit in the cache."""


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
    metrics: Sequence[Metric],
    *,
    beneath: Sequence[str] = (),
    precision: Precision = "float32",
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
        said = predictions(base, encoder, head_of(base, trained, data), data, encoded, precision)
        return {target: _all_scored(data, target, one, metrics) for target, one in said.items()}
    finally:
        attach.activate(encoder, *beneath)
        attach.delete_adapter(encoder, name)


def _all_scored(
    data: TaskData, target: str, said: list[Any] | Exception, metrics: Sequence[Metric]
) -> list[Scored] | Exception:
    if isinstance(said, Exception):
        return said
    try:
        gold = [data.task.gold(example) for example in data.targets[target]]
        return [_scored(metric, gold, said, data.labels) for metric in metrics]
    except Exception as error:
        return error


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
    encoded: "Mapping[str, Sequence[Encoded]]",
    precision: Precision = "float32",
) -> dict[str, list[Any] | Exception]:
    """What the task says of the examples of each target, in their order, or the target's error.

    All targets are read in one pass, by length: test sets are small, and a batch of one of them
    alone would be padding for the most part.
    """
    import torch

    read: dict[str, list[Any]] = {target: [None] * len(rows) for target, rows in encoded.items()}
    failed: dict[str, Exception] = {}
    width = int(encoder.config.hidden_size)
    context = in_precision(TrainingSettings(precision=precision), base.model.device, width)

    def read_batch(places: Sequence[tuple[str, int]]) -> None:
        batch = [encoded[target][i] for target, i in places]
        try:
            said = outputs(base, encoder, head, data, batch)
            cpu = {name: tensor.float().cpu() for name, tensor in said.items()}
            for (target, i), one in zip(places, data.task.reading(cpu, batch), strict=True):
                read[target][i] = one
        except Exception as error:
            targets = dict.fromkeys(target for target, _ in places)
            if len(targets) == 1:
                failed.update(dict.fromkeys(targets, error))
            for target in targets if len(targets) > 1 else ():
                read_batch([place for place in places if place[0] == target])

    with torch.inference_mode(), context:
        for places in _by_length(encoded):
            read_batch(places)
    found: dict[str, list[Any] | Exception] = {}
    for target, rows in encoded.items():
        try:
            found[target] = failed.get(target) or data.task.decode(read[target], rows, data.labels)
        except Exception as error:
            found[target] = error
    return found


def _by_length(encoded: "Mapping[str, Sequence[Encoded]]") -> Iterator[list[tuple[str, int]]]:
    """Batches of (target, place) of at most `TOKENS` tokens, padding counted, the short first."""
    lengths = {
        (target, i): len(row.input_ids)
        for target, rows in encoded.items()
        for i, row in enumerate(rows)
    }
    batch: list[tuple[str, int]] = []
    for place in sorted(lengths, key=lambda place: lengths[place]):
        if batch and (len(batch) + 1) * lengths[place] > TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


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


def check_metrics(plan: Plan, tasks: Mapping[str, TaskData]) -> None:
    """Score right answers by every metric: one that cannot would fail after all the training.

    Raises ConfigError that lists every metric that cannot, or whose score is not 0 to 100.
    """
    faults = []
    for name, data in tasks.items():
        target = next(iter(data.targets))
        for metric in plan.measures(name):
            gold = [data.task.gold(example) for example in data.targets[target]]
            try:
                value = _scored(metric, gold, gold, data.labels).value
                why = "" if 0 <= value <= 100 else f"right answers get {value:g}, not 0 to 100"
            except Exception as error:  # of many kinds: a metric may be the user's own
                why = str(error) or type(error).__name__
            if why:
                faults.append(
                    f"tasks.{name}.metrics: {metric.name!r} cannot score the right answers of "
                    f"{target!r} ({why}); take one that fits the task {data.task.name!r}"
                )
    if faults:
        raise ConfigError(faults)


def _scored(
    metric: Metric, gold: Sequence[Any], said: Sequence[Any], labels: Sequence[str]
) -> Scored:
    # the columns of a mean over classes are the classes that occur; all of them occur here
    beside = list(labels) if metric is MACRO_F1 else []
    found: Any = metric.count([*gold, *beside], [*said, *beside])
    counts = (found if hasattr(found, "tolist") else found.toarray())[: len(gold)]
    return Scored(metric.name, float(metric.score(counts.sum(axis=0))), counts.tolist())
