"""A round of self-training as folder in, folder out: a task that went on from another one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.artifacts import Outcome
from unibridge.processes import processes
from unibridge.stages.inputs import Labels, Text
from unibridge.stages.language import load_language
from unibridge.stages.predict import plain_notes
from unibridge.stages.workplace import Workplace, stage_input
from unibridge.transfer.self_training import SelfTrainingSettings
from unibridge.transfer.task_settings import TaskSettings
from unibridge.transfer.trained import TrainedTask
from unibridge.transfer.updates.base import UpdateSettings

if TYPE_CHECKING:
    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.tasks.base import Task


def self_training_stage(
    at: Workplace,
    task: "Task",
    model: "Callable[[], MultiSourceModel]",
    learnt: Path,
    language: Path | None,
    text: Text,
    train: Mapping[str, Labels],
    held_out: Mapping[str, Labels],
    settings: SelfTrainingSettings,
    updates: UpdateSettings,
    *,
    target: str,
    round: int,
    seed: int,
) -> Path:
    """The target's text labelled by `model`; its surest lines and the sources' examples learnt.

    learnt: the `train-task` stage that the model is made of, with its whole encoder or an adapter.
    language: the `adapt` stage beneath it. train: the sources' labels that are mixed in. held_out:
    those of which the scores before and after are told (`source_scores`). updates: what of a whole
    model is trained.
    """
    from unibridge.text.corpus import spread
    from unibridge.transfer.self_training import choose_lines, labelled_lines
    from unibridge.transfer.task import train_task

    def build(folder: Path) -> Outcome:
        # 1. Label, and keep what is surest; another part of the text in every round.
        lines = [line for line in text.lines if line.strip()]
        lines = spread(lines[(round - 1) % max(len(lines), 1) :], settings.max_lines)
        plain, told = task.examples_of_text(lines)
        examples = [task.as_example(one) for one in plain]
        labeller = model()
        decided = labeller.decided(examples)
        chosen = choose_lines(decided, settings)
        cut: list[str] = []
        predictions = labeller.predict([examples[i] for i in chosen.places], warn=cut.append)
        kept = [examples[place] for place in chosen.places]
        own = labelled_lines(task, kept, predictions, range(len(kept)))

        # 2. Learn it beside the sources' examples, from where the task was.
        before = TrainedTask.load(learnt)
        share = settings.source_share
        each = round_up(len(own) * share / (1 - share) / len(train)) if own else 0
        mixed = {s: spread(labels.file.examples, each) for s, labels in train.items() if each}
        if not own:
            before.save(folder)
            return Outcome({"steps": 0, **chosen.facts}, ["No line was kept for self-training."])
        shared = load_language(language)
        held = {s: spread(one.file.examples, settings.max_held_out) for s, one in held_out.items()}
        able = {s: task.score(own, labeller.predict(own)).value for s, own in held.items()}
        trained = train_task(
            at.base,
            task,
            {**mixed, target: own},
            dict.fromkeys((*mixed, target), shared),
            before.labels,
            TaskSettings(
                adapter=before.config,
                head=before.head_settings,
                max_tokens=labeller.config.max_tokens,
                max_held_out=settings.max_held_out,
                updates=updates,
                forgetting=settings.forgetting,
                training=settings.training,
            ),
            held_out=held,
            name=before.name,
            train="adapter" if before.adapter else "model",
            start=before,
            remembered=sorted(mixed),
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"self-train-{target}"),
        )
        if processes().main:
            trained.save(folder)
        facts = {**trained.facts, **chosen.facts, "max_tokens": labeller.config.max_tokens}
        facts["source_scores"] = {"before": able, "after": trained.facts["dev_scores"]}
        return Outcome(facts, [*told, *plain_notes(cut), *trained.warnings])

    inputs = {f"{s}:{k}": v for s, labels in train.items() for k, v in labels.inputs.items()}
    return at.run(
        "train-task",
        f"{target}-self-trained-{round}",
        build,
        settings={
            **settings.model_dump(),
            **({} if updates.method == "all" else {"updates": updates.model_dump()}),
            "task": task.reference,
            "round": round,
            "seed": seed,
        },
        inputs={
            **text.inputs,
            **inputs,
            **stage_input("learnt", learnt, "train-task"),
            **stage_input("language", language),
        },
        together=True,
    )


def round_up(value: float) -> int:
    """To a whole number, and at least one."""
    return max(1, -int(-value // 1))
