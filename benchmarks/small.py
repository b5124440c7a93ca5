"""A finished run's pack made small: its size, its speed and its score, before and after.

    unibridge demo --folder runs/demo
    python benchmarks/small.py runs/demo [--out build/small] [--sentences 200] [--write]

The pack as it is; trimmed to the pieces that the run's plain text uses, the target's and the
sources' (`unibridge trim`); with its weights in 8 bits (`unibridge export --format onnx-int8`); and
both. All are scored on the run's test file, with the paired difference to the pack, and read the
same sentences in turns, one at a time on one thread, timed by the processor's clock, which other
work on the machine does not move. `--write` puts the table between the marks of
docs/results/small.md. What was made already is not made again.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime
import torch

import unibridge
from unibridge.artifacts import read_manifest, write_bytes
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, Difference, Score, bootstrap_difference
from unibridge.pack import find
from unibridge.pack.export import answered_by, export_pack
from unibridge.pack.trim import TrimOutput, trim
from unibridge.report.folder import Run, read_run
from unibridge.report.tables import METRIC_TITLES, Table, decimal, markdown_table, signed
from unibridge.tasks import task_of
from unibridge.text.corpus import spread
from unibridge.text.labels import read_labels

PAGE = Path(__file__).parents[1] / "docs" / "results" / "small.md"
MARKS = "<!-- written by benchmarks/small.py -->", "<!-- end -->"
WHOLE, TRIMMED, INT8, BOTH = "the pack", "trimmed", "8 bits", "trimmed, 8 bits"


@dataclass
class Form:
    """One form of a pack. folder: all that is passed on. weights: megabytes of them in it."""

    folder: Path
    model: MultiSourceModel
    milliseconds: list[float] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    score: Score | None = None
    behind: Difference | None = None

    @property
    def weights(self) -> float:
        """Megabytes of its weights."""
        return megabytes(self.folder, (".safetensors", ".onnx"))


def megabytes(folder: Path, suffixes: Sequence[str] = ()) -> float:
    """Of the files in a folder, of these suffixes or of all."""
    files = [f for f in folder.iterdir() if not suffixes or f.suffix in suffixes]
    return sum(file.stat().st_size for file in files) / 1e6


def make_forms(pack: Path, out: Path, text: Sequence[str | Path]) -> dict[str, Form]:
    """The pack and what is made of it below `out`, ready to read on one thread."""
    folder, trimmed = find(pack), trim(pack, out / "trimmed", text, TrimOutput())
    whole, small = unibridge.load(folder), unibridge.load(trimmed)

    def in_8_bits(source: Path, model: MultiSourceModel, name: str) -> Form:
        made = export_pack(source, out / name, "onnx-int8")
        # a copy, so that the weights are there once
        return Form(made, answered_by(copy.copy(model), made / "model.onnx", threads=1))

    return {
        WHOLE: Form(folder, whole),
        TRIMMED: Form(trimmed, small),
        INT8: in_8_bits(folder, whole, "int8"),
        BOTH: in_8_bits(trimmed, small, "trimmed-int8"),
    }


def measure(forms: Mapping[str, Form], examples: Sequence[Any], sentences: int) -> None:
    """Score every form on all examples, and time them in turns on some."""
    task = forms[WHOLE].model.task
    metric, gold = METRICS.resolve(task.metric), [task.gold(example) for example in examples]
    for form in forms.values():
        form.said = form.model.predict(examples)
        form.score = task.score(list(examples), form.said)
        form.behind = bootstrap_difference(gold, form.said, forms[WHOLE].said, metric)
    for example in spread(examples, sentences):
        for form in forms.values():
            started = time.process_time()
            form.model.predict([example])
            form.milliseconds.append((time.process_time() - started) * 1e3)


def table_of(forms: Mapping[str, Form]) -> Table:
    """Forms down; sizes, speed and score across."""
    whole = forms[WHOLE]
    body = []
    for name, form in forms.items():
        score, behind = form.score, form.behind
        assert score is not None and behind is not None
        took, before = map(statistics.median, (form.milliseconds, whole.milliseconds))
        difference = f"{signed(behind.value)} [{signed(behind.low)}, {signed(behind.high)}]"
        body.append(
            (
                name,
                f"{len(form.model.tokenizer):,}",
                f"{form.weights:,.1f}",
                f"{100 * form.weights / whole.weights:.0f}%",
                f"{megabytes(form.folder):,.1f}",
                f"{took:.1f}",
                f"{before / took:.1f}",
                f"{decimal(score.value)} [{decimal(score.low)}, {decimal(score.high)}]",
                "" if form is whole else difference,
            )
        )
    metric = whole.model.task.metric
    heads = ("Form", "pieces", "weights, MB", "of the pack's", "folder, MB", "ms a sentence")
    heads += ("times as fast", METRIC_TITLES.get(metric, metric), "from the pack")
    return Table(heads, "l" + "r" * (len(heads) - 1), body)


def content(run: Run, forms: Mapping[str, Form], examples: int) -> str:
    """What was measured and on what, then the table."""
    lines = read_manifest(forms[TRIMMED].folder)["facts"]["lines"]
    about = (
        f"{run.target_name}, {run.about['task']}, sources {', '.join(run.about['sources'])}, base "
        f"`{run.about['base']}`: {examples:,} test examples, trimmed to {lines:,} lines of plain "
        f"text. Medians of {len(forms[WHOLE].milliseconds)} sentences, one at a time, in turns, on "
        f"one thread, of processor time; torch {torch.__version__}, for 8 bits onnxruntime "
        f"{onnxruntime.__version__}. Intervals of 95%, the difference's on the same resamples."
    )
    return f"{about}\n\n{markdown_table(table_of(forms))}"


def write_page(page: Path, text: str) -> None:
    """Put the text between the page's marks."""
    before, start, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        raise UnibridgeError("the place for the table is not marked", where=page)
    write_bytes(page, f"{before}{start}\n\n{text}\n\n{end}{after}".encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a finished run with a pack")
    parser.add_argument("--out", type=Path, default=Path("build/small"), help="of what is made")
    parser.add_argument("--sentences", type=int, default=200, help="that are timed")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}, between its marks")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    run = read_run(options.run)
    given = run.about["settings"]
    text = [file for one in (given["target"], *given["sources"]) for file in one["text"]]
    task = task_of(run.about["task"])
    examples = read_labels(given["target"]["test"], expect=task.reads).examples
    forms = make_forms(options.run, options.out, text)
    measure(forms, examples, options.sentences)
    found = content(run, forms, len(examples))
    print(found)
    if options.write:
        write_page(options.page, found)


if __name__ == "__main__":
    main()
