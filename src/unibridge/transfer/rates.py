"""Choose a learning rate by successive halving (Jamieson & Talwalkar 2016, arXiv 1502.07943).

The paper picks one of four rates per language and does not say how. Here all are trained a little,
the better half on held-out data goes on, and so forth until one is left.
"""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unibridge.processes import processes
from unibridge.training import DivergedError, FitResult, TrainingSettings
from unibridge.transfer.adapted import kept_copy

if TYPE_CHECKING:
    import numpy as np
    import torch

RateSearch = Literal["auto", "none", "halving"]
# the set of paper Table 8
PUBLISHED_RATES = (5e-5, 2e-4, 5e-4, 1e-3)
# of whole models: what multilingual-e5-small learns tasks by, and how wide it is (docs/log.md)
WHOLE_MODEL_RATE, WHOLE_MODEL_WIDTH = 2e-4, 384


def whole_model_rate(width: int) -> float:
    """AdamW's peak rate for all weights of an encoder whose states are so wide.

    It falls with the square of the width, which gives 5e-5 for models of 768 and 2.8e-5 for those
    of 1,024 dimensions, the usual rates of both (Devlin et al. 2019, A.3); at most 5e-4.
    """
    return min(5e-4, WHOLE_MODEL_RATE * (WHOLE_MODEL_WIDTH / width) ** 2)


@dataclass(frozen=True)
class Trial:
    """One rate after so many optimiser steps in all: its held-out loss, nats per masked token.

    valid_error: the loss's standard error over samples, where it is known.
    """

    rate: float
    steps: int
    valid_loss: float
    valid_error: float | None = None


@dataclass
class RateChoice:
    """rate: the winner. steps, tokens: that the search took. trials: in their order.

    unsettled: rates whose last held-out loss is within one standard error of the winner's of the
    same round, so that another text might have chosen them.
    """

    rate: float
    steps: int = 0
    tokens: int = 0
    trials: list[Trial] = field(default_factory=list)
    unsettled: list[float] = field(default_factory=list)


def held_out_loss(nats: "np.ndarray", tokens: "np.ndarray") -> dict[str, float]:
    """{valid_loss: nats per token, valid_error: its standard error} over samples.

    nats, tokens: of each sample, (samples,). The error is that of a ratio of sums (Cochran 1977,
    Eq. 2.45): samples were drawn, and the tokens of one are no independent draws. It is left out
    of a single sample, which has none.
    """
    total = max(float(tokens.sum()), 1.0)
    loss = float(nats.sum()) / total
    found = {"valid_loss": loss}
    count = len(nats)
    if count > 1:
        squares = float(((nats - loss * tokens) ** 2).sum())
        found["valid_error"] = math.sqrt(squares * count / (count - 1)) / total
    return found


def halve(
    rates: Sequence[float],
    train: Callable[[float, int], float | Mapping[str, float]],
    *,
    budget: int,
) -> RateChoice:
    """The rate with the lowest held-out loss, half of the rates given up in each round.

    train: (rate, optimiser steps in all) -> held-out loss, or `valid_loss` and `valid_error`; it
    goes on from where that rate was left. budget: steps of all trials together, the same for each
    round (§2 of the source), at least one a trial. A loss that is not finite loses; of equal ones
    the lower rate wins.
    """
    # 1. Rounds of equal cost, until one is left.
    left = sorted(set(rates))
    rounds = math.ceil(math.log2(len(left))) if len(left) > 1 else 0
    found = RateChoice(left[0])
    steps = 0
    for _ in range(rounds):
        # 2. Every rate that is left goes on.
        more = max(1, budget // (rounds * len(left)))
        steps += more
        trials = [_trial(rate, steps, train(rate, steps)) for rate in left]
        found.trials += trials
        found.steps += more * len(left)
        # 3. The better half stays.
        losses = {t.rate: t.valid_loss if math.isfinite(t.valid_loss) else math.inf for t in trials}
        left = sorted(left, key=lambda rate: (losses[rate], rate))[: math.ceil(len(left) / 2)]
    found.rate = left[0]
    found.unsettled = _unsettled(found)
    return found


def _trial(rate: float, steps: int, told: float | Mapping[str, float]) -> Trial:
    if isinstance(told, Mapping):
        return Trial(rate, steps, told["valid_loss"], told.get("valid_error"))
    return Trial(rate, steps, told)


def _unsettled(found: RateChoice) -> list[float]:
    """Rates that lost by no more than the standard error of what they lost to."""
    close = []
    for own in (t for t in found.trials if t.rate == found.rate and t.valid_error is not None):
        close += [
            other.rate
            for other in found.trials
            if other.steps == own.steps
            and other.rate != own.rate
            and other.valid_loss <= own.valid_loss + (own.valid_error or 0.0)
        ]
    return sorted(set(close))


def choose_rate(
    search: RateSearch,
    rates: Sequence[float],
    otherwise: float,
    trained: "Mapping[str, torch.nn.Parameter]",
    run: Callable[..., FitResult],
    training: TrainingSettings,
    *,
    steps: int,
    share: float,
    checkpoint: Path | None = None,
) -> RateChoice:
    """The rate to train by: as `training` says, or what is found where that is wanted.

    search: halving, none, or auto: halving where training.learning_rate is unset. otherwise: the
    rate where it is unset and not searched for. steps: of the whole training, of which the search
    takes a share more. The rest as for `search_rate`.
    """
    unset = training.learning_rate is None
    if search == "halving" or (unset and search == "auto"):
        budget = round(share * steps)
        return search_rate(rates, trained, run, training, budget=budget, checkpoint=checkpoint)
    return RateChoice(otherwise if training.learning_rate is None else training.learning_rate)


def search_rate(
    rates: Sequence[float],
    trained: "Mapping[str, torch.nn.Parameter]",
    run: Callable[..., FitResult],
    training: TrainingSettings,
    *,
    budget: int,
    checkpoint: Path | None = None,
) -> RateChoice:
    """The best of short trainings of `trained` from the same start, which it is left at.

    run: (settings, checkpoint, save_end) -> how a training went; its curve has `valid_loss`.
    budget: as for `halve`. checkpoint: beside it those of the trials are kept, for resuming.
    """
    import torch

    start = {name: kept_copy(parameter) for name, parameter in trained.items()}
    searched: dict[float, int] = {}

    def restore() -> None:
        with torch.no_grad():
            for name, value in start.items():
                trained[name].copy_(value)

    with tempfile.TemporaryDirectory() as temporary:
        # one place for all processes
        place = checkpoint or Path(processes().told(temporary)) / "checkpoint.pt"

        def try_rate(rate: float, steps: int) -> float | Mapping[str, float]:
            restore()
            trial = training.model_copy(
                update={
                    "learning_rate": rate,
                    "steps": steps,
                    "schedule": "constant",
                    "warmup": 0.0,
                    "patience": 0,
                    "recovery": False,
                }
            )
            try:
                file = place.with_name(f"{place.stem}-rate-{rate:g}.pt")
                found = run(trial, file, save_end=True)
            except DivergedError:
                return math.inf
            searched[rate] = found.tokens
            # in a resumed search it may have gone further already
            return next(row for row in found.curve if row["step"] == steps)

        choice = halve(rates, try_rate, budget=budget)
    restore()
    choice.tokens = sum(searched.values())
    return choice
