"""Comparisons of settings over languages and seeds, through the library's own stages.

A cell is one variant (settings laid over a run's) for one language and seed. All cells share one
folder of stages, so that a source's adapter and task adapter, which do not depend on the target's
vocabulary, are trained once for a base, its labels and a seed. A finished cell is a line of
results.jsonl and is not computed again; its embeddings and adapter are then deleted.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy.stats import t as student_t

from unibridge.artifacts import fingerprint, read_manifest
from unibridge.config import Config, load_config
from unibridge.config.identity import base_name
from unibridge.demo import write_demo
from unibridge.grid.cells import Cell
from unibridge.grid.executors import EXECUTORS
from unibridge.grid.run import run_grid
from unibridge.methods import Variant
from unibridge.report.tables import METRIC_TITLES, decimal, signed
from unibridge.stages.inputs import Inputs
from unibridge.stages.workplace import Workplace
from unibridge.study.cell import run_method
from unibridge.study.inputs import read_inputs
from unibridge.text.languages import language as language_record

ROOT = Path(__file__).parents[1]
PARALLEL = "../../shared/data/parallel"
# real languages: an example of the same task, and what to change in it
REAL = {
    # NTREX has neither of the next two: a bridge takes SIB-200
    "lij": ("pos_lij_minilm.toml", ()),
    "wol": (
        "pos_lij_minilm.toml",
        (
            "target.language=wol",
            'target.text=["../../shared/data/mono/wol.txt"]',
            "target.test=../../shared/data/pos/wol/test.conllu",
            f'sources.0.parallel=["{PARALLEL}/sib200/wol.txt", "{PARALLEL}/sib200/en.txt"]',
        ),
    ),
    "hau": (
        "ner_lug_minilm.toml",
        (
            "target.language=hau",
            'target.text=["../../shared/data/mono/hau.txt"]',
            "target.test=../../shared/data/ner/hau/test.conll",
            f'sources.0.parallel=["{PARALLEL}/ntrex/hau.txt", "{PARALLEL}/ntrex/en.txt"]',
            f'sources.1.parallel=["{PARALLEL}/ntrex/hau.txt", "{PARALLEL}/ntrex/sw.txt"]',
        ),
    ),
}
ABOUT = {
    "lij": "lij: parts of speech from English, on real text with MiniLM.",
    "wol": "wol: parts of speech from English, on real text with MiniLM.",
    "hau": "hau: named entities from English and Swahili, on real text with MiniLM.",
}
DEFAULT_LANGUAGES = ("am", "km", "so", "lij", "hau")
EVERYWHERE = ("adaptation.held_out=0.05",)  # with 1% of 4,000 phrases the loss is noise
# sections that decide a cell's numbers
SECTIONS = (
    *("vocabulary", "embeddings", "adaptation", "source_adaptation", "task_training"),
    "weights",
)

Row = Mapping[str, Any]
Variants = Callable[["Prepared"], Mapping[str, Variant]]


@dataclass(frozen=True)
class Prepared:
    """A language with everything that is read for it."""

    language: str
    config: Config
    inputs: Inputs
    at: Workplace


def parser(description: str) -> argparse.ArgumentParser:
    """The options that all comparisons have."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument(
        "--languages",
        nargs="+",
        default=list(DEFAULT_LANGUAGES),
        help=f"CLDR codes, and {', '.join(REAL)} (real text with MiniLM)",
    )
    found.add_argument("--seeds", type=int, default=1, help="seeds, from 0 up")
    found.add_argument(
        "--real-seeds", type=int, default=1, help="those of real languages: minutes a cell"
    )
    found.add_argument("--steps", type=int, default=200, help="steps of the target's adaptation")
    found.add_argument(
        "--parallel",
        type=int,
        default=1_000,
        help="translated CLDR phrases that a bridge may use; the weights take the first ten",
    )
    found.add_argument("--out", type=Path, required=True, help="folder of results.jsonl and stages")
    found.add_argument("--write", type=Path, help="a results page to write")
    found.add_argument("--set", action="append", default=[], help="section.field=value, everywhere")
    found.add_argument("--executor", default="serial", help=", ".join(EXECUTORS))
    found.add_argument("--workers", type=int, default=1, help="languages and seeds at a time")
    return found


def prepare(
    language: str, out: Path, steps: int, parallel: int, overrides: Sequence[str]
) -> Prepared:
    """Configuration and inputs: the demo's for a CLDR language, an example's for a real one."""
    if language in REAL:
        example, own = REAL[language]
        path = ROOT / "examples" / example
    else:
        path = out / f"data-{parallel}" / language / "demo.toml"
        own = ('sources.0.text=["data/text/en.txt"]',)
        if not path.exists():
            write_demo(path.parent, language, parallel=parallel)
    config = load_config(
        path, [*own, *EVERYWHERE, f"adaptation.training.steps={steps}", *overrides]
    )
    inputs = read_inputs(config)
    at = Workplace(out / "stages", inputs.base, inputs.base_hash)
    return Prepared(language, config, inputs, at)


def compare(options: argparse.Namespace, variants: Variants) -> list[Row]:
    """The rows of all cells, seed by seed; what results.jsonl has already is not done again.

    options: as `parser` reads them.
    """
    work = Measure(options.out.absolute(), options.steps, options.parallel, tuple(options.set))
    prepared = [work.prepared(language) for language in options.languages]
    for one in prepared:
        work.chosen[one.language] = dict(variants(one))
    cells = [
        work.cell(one, name, seed)
        for seed in range(options.seeds)
        for one in prepared
        if one.language not in REAL or seed < options.real_seeds
        for name in work.chosen[one.language]
    ]
    return run_grid(
        cells,
        work,
        work.out / "results.jsonl",
        executor=options.executor,
        workers=options.workers,
        tell=lambda line: print(line, flush=True),
    )


@dataclass
class Measure:
    """The work of a cell. chosen: language -> variant -> what it changes.

    What is read of a language is kept for its next cell, and read anew in another process.
    """

    out: Path
    steps: int
    parallel: int
    overrides: tuple[str, ...]
    chosen: dict[str, dict[str, Variant]] = field(default_factory=dict)
    _prepared: dict[str, Prepared] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_prepared": {}}

    def prepared(self, language: str) -> Prepared:
        """A language's configuration and inputs."""
        if language not in self._prepared:
            given = (self.out, self.steps, self.parallel, self.overrides)
            self._prepared[language] = prepare(language, *given)
        return self._prepared[language]

    def config(self, one: Prepared, variant: str) -> Config:
        """A language's configuration with one variant as its method."""
        method = self.chosen[one.language][variant]
        return one.config.model_copy(update={"methods": {variant: method}})

    def cell(self, one: Prepared, variant: str, seed: int) -> Cell:
        """A variant in a language; its settings and the aligned lines make it what it is."""
        config = self.config(one, variant).for_method(variant)
        settings = f"{_settings(config)}, {_translations(one, config)} translations"
        return Cell(one.language, variant, seed, base_name(config), settings)

    def __call__(self, cell: Cell) -> dict[str, Any]:
        one = self.prepared(cell.data)
        config = self.config(one, cell.method)
        about = {
            "language": cell.data,
            "variant": cell.method,
            "translations": _translations(one, config.for_method(cell.method)),
        }
        return about | measure(one, config, cell.method, cell.seed)


def _translations(one: Prepared, config: Config) -> int:
    """Aligned lines that the cell's embeddings are made from."""
    found = one.inputs.translations
    number = 0 if found is None else len(found.parallel)
    return number if config.embeddings.reads_translations(number) else 0


def _settings(config: Config) -> str:
    # without what is at its default: a setting that is new then leaves the finished cells finished
    return fingerprint([getattr(config, s).model_dump(exclude_defaults=True) for s in SECTIONS])


def measure(one: Prepared, config: Config, name: str, seed: int) -> dict[str, Any]:
    """One cell. Its language and embedding stages are deleted, all others kept for the next.

    seconds: of wall time, whatever was trained for it; loss and curve: of held-out target text,
    nats per masked token.
    """
    started = time.perf_counter()
    cell = run_method(config.for_method(name), name, one.inputs, one.at, seed)
    seconds = time.perf_counter() - started
    if cell.ensemble is None or cell.ensemble.language is None or cell.prediction is None:
        raise SystemExit(f"{name} adapts no language, or {one.language} has no test file")
    manifests = [read_manifest(path) for path in cell.stages]
    of_stage = {m["stage"]: m["facts"] for m in manifests}
    adapted = read_manifest(cell.ensemble.language)["facts"]
    score = read_manifest(cell.prediction)["facts"]
    embedded, vocabulary = of_stage["embed"], of_stage["vocabulary"]
    for path, manifest in zip(cell.stages, manifests, strict=True):
        if path == cell.ensemble.language or manifest["stage"] == "embed":
            shutil.rmtree(path)
    return {
        "target": language_record(one.language).name,
        "label": config.methods[name].label,
        "task": one.inputs.task.name,
        "metric": METRIC_TITLES.get(score["metric"], score["metric"]),
        "score": score["score"],
        "low": score["low"],
        "high": score["high"],
        "examples": score["examples"],
        "steps": adapted["steps"],
        "loss_before": adapted["loss_before"],
        "loss": adapted["curve"][-1]["valid_loss"],
        "curve": [[0, adapted["loss_before"]]]
        + [[row["step"], row["valid_loss"]] for row in adapted["curve"]],
        "kl_weight": adapted["kl_weight"],
        "unknown": one.inputs.teacher_unknown,
        "vocabulary": vocabulary["chosen"],
        "alp": vocabulary["trace"][-1]["alp"],
        "counts": embedded["counts"],
        "semantic_off": embedded.get("semantic_step_off", ""),
        "held_out_precision": embedded.get("held_out_precision"),
        "weights": dict(cell.ensemble.weights.by_source),
        "seconds": seconds,
    }


def about(languages: Sequence[str]) -> str:
    """What was read for these languages, in a sentence for each kind."""
    cldr = [code for code in languages if code not in REAL]
    known = f"{', '.join(cldr)}: named entities in CLDR's phrases, on the packaged base."
    return " ".join([known] * bool(cldr) + [ABOUT[code] for code in languages if code in REAL])


# ---- figures over seeds


def by_cell(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """(variant, language) -> its rows, seeds ascending."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        found.setdefault((row["variant"], row["language"]), []).append(row)
    return found


def seeds_of(rows: Sequence[Row]) -> str:
    """How many seeds there are: "5 seeds", or "5 seeds (am, so) and one seed (lij)"."""
    seeds: dict[str, set[int]] = {}
    for row in rows:
        seeds.setdefault(row["language"], set()).add(row["seed"])
    languages: dict[int, list[str]] = {}
    for language, found in seeds.items():
        languages.setdefault(len(found), []).append(language)
    texts = {n: "one seed" if n == 1 else f"{n} seeds" for n in languages}
    if len(texts) == 1:
        return "".join(texts.values())
    return " and ".join(f"{text} ({', '.join(languages[n])})" for n, text in texts.items())


def over_seeds(values: Sequence[float], digits: int = 1) -> str:
    """Mean [lowest, highest]; of one value itself."""
    mean = decimal(statistics.fmean(values), digits)
    if len(values) < 2:
        return mean
    return f"{mean} [{decimal(min(values), digits)}, {decimal(max(values), digits)}]"


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences with its 95% t interval over seeds, None for one seed."""

    mean: float
    interval: tuple[float, float] | None

    @property
    def clear(self) -> bool:
        """Whether the interval is on one side of 0."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)

    def __str__(self) -> str:
        if self.interval is None:
            return signed(self.mean)
        return f"{signed(self.mean)} [{signed(self.interval[0])}, {signed(self.interval[1])}]"


def difference(one: Sequence[Row], other: Sequence[Row], measure: str = "score") -> Difference:
    """Of two variants in one language, over the seeds that both have."""
    first, second = ({row["seed"]: row[measure] for row in rows} for rows in (one, other))
    values = [first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())]
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Difference(mean, None)
    half = student_t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return Difference(mean, (mean - half, mean + half))
