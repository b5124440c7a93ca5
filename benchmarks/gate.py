"""Is the packaged base worth building on? Zero-shot transfer to languages it has read unlabelled.

A whole-model fine-tuning on labelled phrases of the five sources, scored on French, German and
Turkish, beside the floor that sees only word shapes. The base passes where the intervals are apart.

    python benchmarks/gate.py [BASE]
"""

import sys
import tempfile
from pathlib import Path

from unibridge.demo import GATE_LANGUAGES, SOURCES, gate_phrases
from unibridge.models.base import load_base
from unibridge.tasks import TASKS
from unibridge.text.cldr import write_task_data
from unibridge.text.labels import TaggedSentence, read_labels
from unibridge.training import TrainingSettings
from unibridge.transfer.infer import MultiSourceModel
from unibridge.transfer.task import TaskSettings, train_task


def main() -> int:
    base = load_base(sys.argv[1] if len(sys.argv) > 1 else "cldr")
    task = TASKS["ner"]
    with tempfile.TemporaryDirectory() as folder:
        write_task_data(
            Path(folder),
            GATE_LANGUAGES[0],
            SOURCES,
            train_count=1500,
            plain_count=10,
            test_count=10,
            parallel_count=1,
            seed=1,
        )
        labels = Path(folder) / "labels"
        train = {s: read_labels(labels / f"{s}.train.conll").examples for s in SOURCES}
    classes = task.collect_labels(train.values())
    settings = TaskSettings(
        training=TrainingSettings(epochs=3, learning_rate=5e-4, schedule="linear", warmup=0.05)
    )
    trained = train_task(base, task, train, {}, classes, settings, name="gate", train="model")
    model = MultiSourceModel.assemble(base, None, {"all": trained}, {"all": 1.0})

    everything = [example for source in SOURCES for example in train[source]]
    passed = True
    print(f"{'language':10}{'floor':>22}{'fine-tuned, zero-shot':>26}   apart")
    for language in GATE_LANGUAGES:
        test = [TaggedSentence(p.words, p.tags) for p in gate_phrases(language)]
        floor = task.score(test, task.floor(everything, test))
        score = task.score(test, model.predict(test))
        apart = score.low > floor.high
        passed &= apart
        cells = [f"{s.value:.1f} [{s.low:.1f}, {s.high:.1f}]" for s in (floor, score)]
        print(f"{language:10}{cells[0]:>22}{cells[1]:>26}   {'yes' if apart else 'NO'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
