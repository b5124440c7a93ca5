"""The work of a cell: make its encoder, score it on every target, keep nothing of it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.grid.cells import Cell
from unibridge.transfer.task import TrainedTask
from unibridge.transfer_study.cells import Pair, Unit
from unibridge.transfer_study.data import StudyData, read_data
from unibridge.transfer_study.plan import Plan
from unibridge.transfer_study.scores import Line, line_of
from unibridge.transfer_study.scoring import Scored, score_task
from unibridge.transfer_study.tuning import TuningText, mixed, shuffled, tune

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.encoded import Encoded
    from unibridge.transfer.adapted import AdaptedLanguage


@dataclass
class Kit:
    """What cells share, in memory: the base, the texts, the task adapters and the test sets.

    adapters: (task, language that it has not seen or "") -> the task adapter. languages: adapters
    of the transfer languages, where interference is studied.
    """

    plan: Plan
    base: "Base"
    data: StudyData
    adapters: Mapping[tuple[str, str], TrainedTask]
    languages: "Mapping[str, AdaptedLanguage]"
    _texts: dict[tuple[str, str], TuningText] = field(default_factory=dict, repr=False)
    _encoded: "dict[Pair, list[Encoded]]" = field(default_factory=dict, repr=False)

    def text(self, unit: Unit) -> TuningText:
        """What a unit is tuned on, encoded once."""
        key = unit.kind, "".join(unit.transfer)
        if key not in self._texts:
            settings = self.plan.settings.tuning
            if unit.kind == "mixed":
                lines = mixed(self.data.texts, settings.max_lines)
            else:
                lines = self.data.texts[unit.transfer[0]]
            if unit.kind == "shuffled":
                lines = shuffled(lines)
            self._texts[key] = TuningText(self.base, lines, settings)
        return self._texts[key]

    def encoded(self, task: str, target: str) -> "list[Encoded]":
        """A test set as the base reads it."""
        if (task, target) not in self._encoded:
            from unibridge.models.base import max_tokens

            data = self.data.tasks[task]
            most = self.plan.settings.tasks[task].training.max_tokens
            self._encoded[task, target] = data.task.encode(
                self.base.tokenizer,
                data.targets[target],
                data.labels,
                min(most, max_tokens(self.base)),
            )
        return self._encoded[task, target]

    def scores(
        self, unit: Unit, encoder: Any, pairs: Sequence[Pair], beneath: Sequence[str] = ()
    ) -> list[Line]:
        """The lines of an encoder: each (task, target) with its value, or with its error."""
        lines: list[Line] = []
        for key, targets in self.grouped(pairs).items():
            task = key[0]
            found = score_task(
                self.base,
                encoder,
                self.adapters[key],
                self.data.tasks[task],
                {target: self.encoded(task, target) for target in targets},
                self.plan.measures(task),
                beneath=beneath,
                precision=self.plan.settings.scoring_precision,
            )
            for target, scored in found.items():
                lines += self.lines(unit, (task, target), scored)
        return lines

    def grouped(self, pairs: Sequence[Pair]) -> dict[tuple[str, str], list[str]]:
        """(task, language that its adapter has not seen) -> the targets that it is scored on."""
        found: dict[tuple[str, str], list[str]] = {}
        for task, target in pairs:
            found.setdefault((task, self.plan.left_out(task, target)), []).append(target)
        return found

    def lines(self, unit: Unit, pair: Pair, scored: "list[Scored] | Exception") -> list[Line]:
        """A line for each metric of a pair."""
        if isinstance(scored, Exception):
            error = f"{type(scored).__name__}: {scored}"
            return [
                {**line_of(unit, pair, metric), "error": error}
                for metric in self.plan.metrics(pair[0])
            ]
        return [
            {
                **line_of(unit, pair, one.metric),
                "value": one.value,
                "examples": len(one.counts),
                "counts": one.counts,
            }
            for one in scored
        ]


@dataclass
class Measure:
    """Measures cells of a study; in another process it reads its kit from the disk.

    units: the grid's key -> unit. pending: of which only these scores are wanted. adapters,
    languages: the folders of finished stages.
    """

    plan: Plan
    units: Mapping[str, Unit]
    pending: Mapping[str, Sequence[Pair]]
    adapters: Mapping[tuple[str, str], Path]
    languages: Mapping[str, Path]
    kit: Kit | None = field(default=None, repr=False)

    def __call__(self, cell: Cell) -> dict[str, Any]:
        """`scores`: the lines of this cell."""
        import torch

        torch.set_num_threads(self.plan.settings.run.threads)
        self.kit = kit = self.kit or self.load()
        _to_device(kit, self.plan.settings.base.device)
        unit, pairs = self.units[cell.key], self.pending[cell.key]
        if unit.kind == "fusion":
            from unibridge.transfer_study.interference import fused_scores

            return {"scores": fused_scores(kit, unit, pairs)}
        model = kit.base.model
        if unit.steps:
            model = tune(kit.base, kit.text(unit), unit.steps, seed=unit.seed)
            if self.plan.settings.keep_encoders:
                self._keep(unit, model)
        else:
            model = copy.deepcopy(model)
        encoder = model.get_submodule(kit.base.family.encoder)
        return {"scores": kit.scores(unit, encoder, pairs)}

    def load(self) -> Kit:
        """Read the base, the data and the finished stages."""
        from transformers.utils import logging

        logging.disable_progress_bar()
        return load_kit(self.plan, self.adapters, self.languages)

    def carried(self) -> "Measure":
        """With its kit, for other machines."""
        return replace(self, kit=self.kit or self.load())

    def __getstate__(self) -> dict[str, Any]:
        # a kit goes along where it was put on purpose, by `carried`; encoded texts never do
        state = dict(self.__dict__)
        if self.kit is not None:
            kit = replace(self.kit, _texts={}, _encoded={})
            if kit.base.model.device.type != "cpu":  # there may be none where it is unpacked
                kit.base = replace(kit.base, model=copy.deepcopy(kit.base.model).cpu())
            state["kit"] = kit
        return state

    def _keep(self, unit: Unit, model: Any) -> None:
        name = f"{unit.kind}-{unit.cell.data}-{unit.steps}-{unit.seed}"
        model.save_pretrained(self.plan.settings.run.folder / "encoders" / name)


def _to_device(kit: Kit, name: str) -> None:
    """What came from another machine goes to this one's device."""
    from unibridge.models.base import torch_device

    device = torch_device(name)
    if kit.base.model.device.type != device.type:
        model: Any = kit.base.model
        model.to(device)


def load_kit(
    plan: Plan,
    adapters: Mapping[tuple[str, str], Path],
    languages: Mapping[str, Path],
    *,
    base: "Base | None" = None,
    data: StudyData | None = None,
) -> Kit:
    """The kit of finished stages. base, data: where they were read already."""
    from unibridge.transfer.adapted import AdaptedLanguage

    return Kit(
        plan,
        base or load_study_base(plan),
        data or read_data(plan),
        {key: TrainedTask.load(folder) for key, folder in adapters.items()},
        {code: AdaptedLanguage.load(folder) for code, folder in languages.items()},
    )


def load_study_base(plan: Plan) -> "Base":
    """The base, as the plan says."""
    from unibridge.models.base import load_base

    given = plan.settings.base
    return load_base(given.model, family=given.family, dropout=given.dropout, device=given.device)
