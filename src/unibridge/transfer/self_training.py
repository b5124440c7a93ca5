"""Self-training: a model labels the target's own text, and learns from what it is surest of.

The oldest way to use text without labels (Yarowsky 1995; for cross-lingual transfer Dong and de
Melo, EMNLP 2019): label plain text by the model, keep the lines with the highest confidence, mix
them with the sources' examples so that what is learnt there stays, and train on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unibridge.settings import Settings
from unibridge.training import TrainingSettings
from unibridge.transfer.forgetting.base import ForgettingSettings

if TYPE_CHECKING:
    import torch

    from unibridge.tasks.base import Task


class SelfTrainingSettings(Settings):
    """How many lines are labelled, which are kept, and how they are learnt."""

    rounds: int = Field(1, ge=0, description="times that text is labelled anew; 0: none at all")
    max_lines: int = Field(
        4000, ge=1, description="lines of the target's text that are labelled in a round"
    )
    keep: float = Field(
        0.5, gt=0, le=1, description="share of these lines that is kept, the surest of them"
    )
    telling: float = Field(
        0.75,
        ge=0,
        le=1,
        description="for taggers: share of the kept lines with another tag than the commonest, "
        "such as a name, where there are so many",
    )
    source_share: float = Field(
        0.55, ge=0, lt=1, description="share of the training examples that are the sources' own"
    )
    # it decides what is told, not what is learnt, so stages from before it keep their names
    max_held_out: int = Field(
        200,
        ge=1,
        exclude_if=lambda count: count == 200,
        description="held-out examples of each source that tell what was forgotten, before and "
        "after and at each row of the curve",
    )
    forgetting: ForgettingSettings = Field(
        ForgettingSettings(), exclude_if=lambda s: s.method == "none"
    )
    training: TrainingSettings = TrainingSettings(
        epochs=1, batch_size=16, learning_rate=5e-5, schedule="linear", warmup=0.06, clip=1.0
    )


@dataclass(frozen=True)
class Chosen:
    """What a round learns from: places of the lines, the surest first, and what is said of them."""

    places: list[int]
    facts: dict[str, Any]


def choose_lines(decisions: "Sequence[torch.Tensor]", settings: SelfTrainingSettings) -> Chosen:
    """The lines to keep, by the mean log-probability of what is decided in each.

    decisions: per line its logits, (decisions, classes). Lines with several decisions are kept in
    two groups, those that have another class than the commonest of all and those that have not;
    lines with a single one (texts) as many of each class as were predicted, so that the surest
    class does not take all places. Lines without a decision are never kept.
    """
    sure: dict[int, float] = {}
    said: dict[int, list[int]] = {}
    for place, logits in enumerate(decisions):
        if len(logits):
            best = logits.float().log_softmax(-1).max(-1)
            sure[place], said[place] = float(best.values.mean()), best.indices.tolist()
    counts = Counter(label for labels in said.values() for label in labels)
    commonest = counts.most_common(1)[0][0] if counts else None
    wanted = round(settings.keep * len(sure))

    groups: dict[Any, list[int]] = {}
    texts = all(len(labels) == 1 for labels in said.values())
    for place, labels in said.items():
        key = labels[0] if texts else any(label != commonest for label in labels)
        groups.setdefault(key, []).append(place)
    if texts:
        sizes = {key: round(settings.keep * len(places)) for key, places in groups.items()}
    else:
        telling = min(len(groups.get(True, ())), round(settings.telling * wanted))
        sizes = {True: telling, False: wanted - telling}
    chosen = [
        place
        for key, places in sorted(groups.items())
        for place in sorted(places, key=lambda place: -sure[place])[: sizes[key]]
    ]
    chosen.sort(key=lambda place: -sure[place])
    return Chosen(
        chosen,
        {
            "lines": len(decisions),
            "kept": len(chosen),
            "kept_by_group": {str(key): min(sizes[key], len(p)) for key, p in groups.items()},
            "least_sure": sure[chosen[-1]] if chosen else None,
            "decisions": dict(Counter(label for place in chosen for label in said[place])),
        },
    )


def labelled_lines(
    task: "Task[Any, Any]",
    examples: Sequence[Any],
    predictions: Sequence[Any],
    places: Sequence[int],
) -> list[Any]:
    """The kept lines as examples whose labels are what was predicted."""
    return [task.with_labels(examples[place], predictions[place]) for place in places]
