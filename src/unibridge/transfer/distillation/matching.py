"""The student's states of words against the frozen base's: the loss, and what it is compared to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from unibridge.models.states import chosen_layers
from unibridge.text.corpus import spread
from unibridge.training import TrainingSettings, precision
from unibridge.transfer.distillation.base import DistillationSettings
from unibridge.transfer.distillation.plan import Plan, plan_units, without_units
from unibridge.transfer.pooled import deviation_of
from unibridge.transfer.rates import held_out_loss
from unibridge.transfer.teacher import Teacher, TeacherStore, teacher_of

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

# texts that say how far the teacher's states are spread, and those the teacher reads at a time
MEASURED, BATCH = 200, 32
States = Sequence[torch.Tensor]


@dataclass
class Matching:
    """What student and teacher make of the same units of some texts.

    levels: numbers of the layers. deviation: of the teacher's states, (levels · hidden,).
    """

    plan: Plan
    teacher: Teacher
    levels: list[int]
    deviation: torch.Tensor
    warnings: list[str] = field(default_factory=list)

    def loss(
        self,
        states: States,
        indices: Sequence[int],
        rows: slice,
        changed: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """These rows' share of the mean over the units of a step; see `errors`.

        states: of the rows, one tensor a level. indices: texts of the whole step. changed: its
        tokens that are hidden from the student, (texts, length), whose units are left out.
        """
        kept = self._kept(indices, changed)
        counts = self.plan.counts[list(indices)].tolist()
        first, last, _ = rows.indices(len(counts))
        start = sum(counts[:first])
        own = kept[start : start + sum(counts[first:last])]
        errors = self.errors(states, indices[rows])
        return (errors * own.to(errors)).sum() / max(int(kept.sum()), 1)

    def errors(self, states: States, indices: Sequence[int]) -> torch.Tensor:
        """Of each unit the squared distance to the teacher's state, (units,).

        In the teacher's variances, mean over dimensions and levels: 0 where both agree, and 1 on
        average of a student who always says the teacher's mean.
        """
        said = unit_means(states, *self._places(self.plan.ours, indices))
        wanted = self.teacher.states(indices).to(said)
        return ((said - wanted) / self.deviation.to(said)).square().mean(1)

    def held_out(self, read: Callable[[range], States], batch_size: int) -> dict[str, float]:
        """{valid_loss, valid_error} over all texts. read: text numbers -> states by level."""
        sums = torch.zeros(len(self.plan.counts))
        for start in range(0, len(sums), batch_size):
            part = range(start, min(start + batch_size, len(sums)))
            errors = self.errors(read(part), part).float().cpu()
            owner = torch.tensor(part).repeat_interleave(torch.tensor(self.plan.counts[part]))
            sums.index_add_(0, owner, errors)
        return held_out_loss(sums.numpy(), self.plan.counts)

    def _places(self, store: Any, indices: Sequence[int]) -> tuple[torch.Tensor, int]:
        return unit_places(self.plan, store, indices)

    def _kept(self, indices: Sequence[int], changed: torch.Tensor | None) -> torch.Tensor:
        places, units = self._places(self.plan.ours, indices)
        kept = torch.ones(units, dtype=torch.bool)
        if changed is not None:
            kept[places[changed & (places >= 0)]] = False
        return kept


def unit_places(plan: Plan, store: Any, indices: Sequence[int]) -> tuple[torch.Tensor, int]:
    """(texts, length): each token's unit, counted over all these texts, or less than 0; units."""
    owners, _ = store.batch(indices, -1)
    counts = torch.tensor(plan.counts[list(indices)])
    before = (counts.cumsum(0) - counts).unsqueeze(1)
    return torch.where(owners >= 0, owners + before, owners), int(counts.sum())


def unit_means(states: States, places: torch.Tensor, units: int) -> torch.Tensor:
    """Mean states of units, (units, levels · hidden), float32; as `unit_places` says."""
    device = states[0].device
    inside = (places >= 0).to(device)
    owner = places.to(device)[inside]
    tokens = torch.zeros(units, 1, device=device).index_add_(
        0, owner, torch.ones(len(owner), 1, device=device)
    )
    means = [
        torch.zeros(units, level.shape[-1], device=device).index_add(
            0, owner, level[inside].float()
        )
        / tokens
        for level in states
    ]
    return torch.cat(means, dim=1)


def matching_of(
    base: "Base",
    reader: Any,
    texts: Sequence[str],
    read: Sequence[str],
    settings: DistillationSettings,
    *,
    limit: int,
    more: Sequence[int] = (),
    store: TeacherStore = "off",
    training: TrainingSettings | None = None,
    file: Path | None = None,
    like: "Matching | None" = None,
) -> Matching:
    """The frozen base's states of units, of texts that a student reads through `reader`.

    read: of each text the beginning that the student reads in `limit` tokens. more: lengths of
    further texts that are left out. store, file: where the teacher's states are kept, as for
    `teacher_of`, in 2 bytes each. like: matching of other texts whose deviation counts; then in 4.
    """
    from unibridge.models.base import max_tokens
    from unibridge.transfer.distillation import UNITS

    # 1. Which tokens belong together.
    family, model, tokenizer = base.family, base.model, base.tokenizer
    training = training or TrainingSettings()
    levels = settings.levels(
        cast(Any, model.get_submodule(family.encoder)).config.num_hidden_layers
    )
    plan = plan_units(
        texts, read, (reader, limit), (tokenizer, max_tokens(base)), UNITS.resolve(settings.method)
    )
    plan = without_units(plan, more)
    width = len(levels) * model.config.hidden_size

    # 2. What the teacher says of them, once or whenever it is asked.
    def states(numbers: Sequence[int]) -> torch.Tensor:
        found = [torch.zeros(0, width, device=model.device)]
        was = model.training
        model.eval()
        with torch.inference_mode(), precision(training, model.device, model.config.hidden_size):
            for start in range(0, len(numbers), BATCH):
                part = [i for i in numbers[start : start + BATCH] if plan.counts[i]]
                if part:
                    ids, mask = plan.tokens.batch(part, tokenizer.pad_token_id)
                    _, layers = chosen_layers(model, family, ids, mask, levels)
                    found.append(unit_means(layers, *unit_places(plan, plan.theirs, part)))
        model.train(was)
        return torch.cat(found).clone()

    teacher = teacher_of(
        states,
        read,
        width,
        store=store if plan.counts.any() else "off",
        passes=training.passes(len(read)),
        file=file,
        rows=plan.counts,
        half=like is None,
    )
    warnings = list(teacher.warnings)

    # 3. How far its states are spread.
    if like is not None:
        return Matching(plan, teacher, levels, like.deviation, warnings)
    if not plan.counts.any():
        return Matching(plan, teacher, levels, torch.ones(width), warnings)
    seen = teacher.states(spread(plan.counts.nonzero()[0].tolist(), MEASURED))
    found = int(plan.counts.sum())
    if plan.divided > found / 2 and settings.method == "words":
        warnings.append(
            f"Most of this text is written without spaces: {plan.divided:,} of the {found:,} units "
            "that are matched are parts of words at whose ends both tokenizers cut."
        )
    return replace(Matching(plan, teacher, levels, deviation_of(seen)), warnings=warnings)
