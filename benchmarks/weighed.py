"""A finished run whose sources have predicted once: every weighting of it, and what it scores."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

import unibridge
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, Difference, bootstrap_difference
from unibridge.report.folder import Run, read_run
from unibridge.tasks.base import Task
from unibridge.tasks.encoded import Encoded
from unibridge.text.corpus import nested_draw, read_text, spread
from unibridge.text.labels import read_labels
from unibridge.weighting import WEIGHTINGS
from unibridge.weighting.base import (
    SourcePredictions,
    WeightRequest,
    Weights,
    WeightSettings,
    sharpened,
)
from unibridge.weighting.typology import language_distances
from unibridge.weighting.unlabelled import sentence_weights

ENTROPIES = (0.9, 0.7, 0.5, 0.3)
FEW = (10, 50, 100)
DRAWS = 5
HARMONY, ORACLE = "Harmony (the paper's)", "Single: oracle"


@dataclass(frozen=True)
class Scored:
    """Means over draws and seeds, 0 to 100; entropy: of the weights, as a share of equal weights'.

    ahead: less the harmony weights on the same examples, None where these are not known.
    """

    score: float
    low: float
    high: float
    entropy: float
    ahead: Difference | None = None


@dataclass(frozen=True)
class Language:
    """One run: what its sources predict, and what weightings may read.

    few: for each draw, predictions for the most labelled target examples, in the order drawn; empty
    where there are not so many.
    """

    run: Run
    model: MultiSourceModel
    test: list[Any]
    on_test: SourcePredictions
    unlabelled: SourcePredictions | None
    few: list[SourcePredictions]
    harmony_distances: Mapping[str, float]

    @property
    def task(self) -> Task:
        return self.model.task


def read_language(folder: Path) -> Language:
    """Load a run's pack and files, and let every source predict once."""
    run = read_run(folder)
    model = unibridge.load(folder)
    target = run.about["settings"]["target"]
    # of the pack's own adapted language, whichever method asked for it
    adapted = run.of("adapt")[0]["fingerprint"]
    weighed = [
        manifest["facts"]
        for manifest in run.stages.values()
        if manifest["stage"] == "weigh" and manifest["inputs"]["target"] == adapted
    ]
    if len(model.config.sources) < 2 or not weighed:
        raise UnibridgeError("its pack weighs no sources", where=folder)

    def here(path: str) -> Path:
        """A file of the run, also where its folder has moved."""
        old = Path(run.about["settings"]["run"]["folder"])
        inside = Path(path).is_relative_to(old)
        return folder / Path(path).relative_to(old) if inside else Path(path)

    def examples(path: str) -> list[Any]:
        how = run.about["settings"]["task"]
        return read_labels(
            here(path), how["reader"], how["columns"] or None, expect=model.task.reads
        ).examples

    test = examples(target["test"])
    lines = read_text([str(here(file)) for file in target["text"]]).lines
    labelled = examples(target["train"]) if target["train"] else []
    plain = model.task.reads_plain_text
    limit = WeightSettings().unlabelled_sentences
    return Language(
        run=run,
        model=model,
        test=test,
        on_test=model.predict_sources(test),
        unlabelled=model.predict_sources(spread(lines, limit)) if plain else None,
        few=[
            model.predict_sources(nested_draw(labelled, max(FEW), seed=seed))
            for seed in range(DRAWS if len(labelled) >= max(FEW) else 0)
        ],
        # empty where no method of the run weighs by parallel sentences
        harmony_distances=next(
            (
                facts["distances"]
                for facts in weighed
                if facts["weighting"] in ("harmony", "single")
            ),
            {},
        ),
    )


def rows(uriel: bool) -> dict[str, Callable[[Language], Iterator[Weights]]]:
    """Row of the table -> its weights for a language, one for each draw; none: not possible."""

    def from_distances(found: Mapping[str, float], settings: WeightSettings) -> Weights:
        request = WeightRequest({}, dict.fromkeys(found), settings)
        return sharpened({s: 1 / d for s, d in found.items()}, request)

    def harmony(entropy: float | None, one: Language) -> Iterator[Weights]:
        if one.harmony_distances:
            yield from_distances(one.harmony_distances, WeightSettings(entropy=entropy))

    def closest(one: Language) -> Iterator[Weights]:
        far = one.harmony_distances
        if far:
            best = min(sorted(far), key=far.__getitem__)
            yield Weights({s: float(s == best) for s in far})

    def plain(method: str, entropy: float | None, one: Language) -> Iterator[Weights]:
        if one.unlabelled is not None:
            settings = WeightSettings(method=method, entropy=entropy)
            sources = dict.fromkeys(one.on_test.sources)
            yield WEIGHTINGS[method](
                WeightRequest({}, sources, settings, unlabelled=one.unlabelled)
            )

    def on_labels(method: str, count: int, one: Language) -> Iterator[Weights]:
        for few in one.few:
            # a smaller draw is the beginning of a larger one
            first = few.examples < count
            few = replace(
                few,
                log_probabilities=few.log_probabilities[:, first],
                examples=few.examples[first],
                gold=few.gold[first],
            )
            sources = dict.fromkeys(one.on_test.sources)
            yield WEIGHTINGS[method](
                WeightRequest({}, sources, WeightSettings(method=method), labelled=few)
            )

    def typology(kind: str, one: Language) -> Iterator[Weights]:
        try:
            far = language_distances(one.run.target, one.on_test.sources, kind=kind)
        except UnibridgeError as error:
            print(f"{one.run.target}: {error}", file=sys.stderr)
            return
        yield from_distances(far, WeightSettings())

    def alone(one: Language) -> Iterator[Weights]:
        singles = [
            Weights({s: float(s == best) for s in one.on_test.sources})
            for best in one.on_test.sources
        ]
        yield max(singles, key=lambda weights: scored(one, [weights]).score)

    every: dict[str, Callable[[Language], Iterator[Weights]]] = {
        HARMONY: partial(harmony, None),
        **{f"Harmony, entropy {share:g}": partial(harmony, share) for share in ENTROPIES},
        "Uniform": plain_uniform,
    }
    for kind in ("featural", "genetic", "geographic") if uriel else ():
        every[f"Typology, {kind}"] = partial(typology, kind)
    for method in ("confidence", "agreement", "per_sentence"):
        title = method.capitalize().replace("_", " ")
        every[title] = partial(plain, method, None)
        every[f"{title}, entropy 0.7"] = partial(plain, method, 0.7)
    for method, title in (("fitted", "Fitted"), ("fitted_logits", "Fitted, logits")):
        for count in FEW:
            every[f"{title}, {count} target examples"] = partial(on_labels, method, count)
    every["Single: closest"] = closest
    for count in FEW:
        every[f"Single: likeliest, {count} target examples"] = partial(
            on_labels, "best_single", count
        )
    every[ORACLE] = alone
    return every


def plain_uniform(one: Language) -> Iterator[Weights]:
    yield WEIGHTINGS["uniform"](WeightRequest({}, dict.fromkeys(one.on_test.sources)))


def predictions(one: Language, weights: Weights) -> list[Any]:
    """What the run's pack predicts for its test file under these weights."""
    found, task, labels = one.on_test, one.task, one.model.config.labels
    shares = torch.tensor([weights.weights[s] for s in found.sources])[:, None]
    if weights.sentence_temperature is not None:
        shares = sentence_weights(found.entropies, weights.sentence_temperature)
        shares = shares[:, found.examples]
    # a log-probability is a logit less the same number for every label
    logits = (shares.unsqueeze(-1) * found.log_probabilities).sum(0)
    counts = torch.bincount(found.examples, minlength=len(one.test)).tolist()
    predicted: list[Any] = []
    for own in logits.split(counts):
        predicted += task.decode([own], [Encoded([], [], [])], labels)
    return predicted


def scored(one: Language, found: Sequence[Weights], beside: Sequence[Any] | None = None) -> Scored:
    """Score of the test file, a mean over draws. beside: what the harmony weights predict."""
    predicted = [predictions(one, weights) for weights in found]
    scores = [one.task.score(one.test, own) for own in predicted]
    most = float(torch.tensor(float(len(one.on_test.sources))).log())
    ahead = None
    if beside is not None:
        gold, metric = [one.task.gold(e) for e in one.test], METRICS.resolve(one.task.metric)
        ahead = mean_difference(
            [bootstrap_difference(gold, own, beside, metric) for own in predicted]
        )
    return Scored(
        fmean(score.value for score in scores),
        fmean(score.low for score in scores),
        fmean(score.high for score in scores),
        fmean(weights.entropy / most for weights in found),
        ahead,
    )


def mean_difference(found: Sequence[Difference]) -> Difference:
    """Each part's mean: of several draws or seeds an interval that is rather too wide."""
    parts = zip(*((d.value, d.low, d.high, d.p) for d in found), strict=True)
    return Difference(*(fmean(part) for part in parts))


def mean_scored(found: Sequence[Scored]) -> Scored:
    """One cell of several seeds."""
    ahead = [one.ahead for one in found if one.ahead is not None]
    return Scored(
        fmean(one.score for one in found),
        fmean(one.low for one in found),
        fmean(one.high for one in found),
        fmean(one.entropy for one in found),
        mean_difference(ahead) if ahead else None,
    )
