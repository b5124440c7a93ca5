"""Is the packaged base worth building on? Zero-shot transfer to languages it has read unlabelled.

A whole-model fine-tuning on labelled phrases of the five sources, scored on French, German and
Turkish, beside the floor that sees only word shapes. The base passes where the intervals are apart.

    python benchmarks/gate.py [BASE] [--write docs/results/gate.md]
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from unibridge.artifacts import versions, write_bytes
from unibridge.demo import GATE_LANGUAGES, GATE_PHRASES, SOURCES, gate_phrases
from unibridge.ensemble.model import MultiSourceModel
from unibridge.metrics import Score
from unibridge.models.base import load_base
from unibridge.report.tables import Table, decimal, markdown_table
from unibridge.tasks import TASKS
from unibridge.text.cldr import write_task_data
from unibridge.text.labels import TaggedSentence, read_labels
from unibridge.text.languages import language as language_record
from unibridge.training import TrainingSettings
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings

TRAIN_PHRASES, EPOCHS = 1500, 3
PAGE = """# Is the base worth building on?

Written by `python benchmarks/gate.py {base} --write PAGE` on {date} ({versions}).

The whole base `{base}`, fine-tuned on the labels of five sources ({train:,} phrases each,
{epochs} epochs), scored on {test} test phrases of languages that it has read unlabelled. F1 with
95% bootstrap intervals; it passes where the intervals are apart.

{table}
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("base", nargs="?", default="cldr")
    parser.add_argument("--write", type=Path, help="a results page to write")
    options = parser.parse_args()
    base = load_base(options.base)
    task = TASKS["ner"]
    with tempfile.TemporaryDirectory() as folder:
        write_task_data(
            Path(folder),
            GATE_LANGUAGES[0],
            SOURCES,
            train_count=TRAIN_PHRASES,
            plain_count=10,
            test_count=10,
            parallel_count=1,
            seed=1,
        )
        labels = Path(folder) / "labels"
        train = {s: read_labels(labels / f"{s}.train.conll").examples for s in SOURCES}
    classes = task.collect_labels(train.values())
    settings = TaskSettings(
        training=TrainingSettings(epochs=EPOCHS, learning_rate=5e-4, schedule="linear", warmup=0.05)
    )
    trained = train_task(base, task, train, {}, classes, settings, name="gate", train="model")
    model = MultiSourceModel.assemble(base, None, {"all": trained}, {"all": 1.0})

    everything = [example for source in SOURCES for example in train[source]]
    passed = True
    rows: list[tuple[str, ...]] = []
    for language in GATE_LANGUAGES:
        test = [TaggedSentence(p.words, p.tags) for p in gate_phrases(language)]
        floor = task.score(test, task.floor(everything, test))
        score = task.score(test, model.predict(test))
        apart = score.low > floor.high
        passed &= apart
        name = language_record(language).name
        rows.append((name, _with_interval(floor), _with_interval(score), "yes" if apart else "NO"))
    heads = ("Language", "Floor: word shapes", "Fine-tuned, zero-shot", "Apart")
    table = markdown_table(Table(heads, "lrrl", list(rows)))
    print(table)
    if options.write:
        used = ", ".join(f"{name} {number}" for name, number in versions().items())
        page = PAGE.format(
            base=options.base,
            date=datetime.now(UTC).date(),
            versions=used,
            train=TRAIN_PHRASES,
            epochs=EPOCHS,
            test=GATE_PHRASES,
            table=table,
        )
        write_bytes(options.write, page.encode())
    return 0 if passed else 1


def _with_interval(score: Score) -> str:
    return f"{decimal(score.value)} [{decimal(score.low)}, {decimal(score.high)}]"


if __name__ == "__main__":
    sys.exit(main())
