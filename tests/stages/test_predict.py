from unibridge.artifacts import read_manifest
from unibridge.stages.ends import Predictor
from unibridge.stages.inputs import Labels
from unibridge.stages.predict import predict_stage
from unibridge.stages.workplace import Workplace
from unibridge.tasks import TASKS
from unibridge.text.labels import read_labels


class Says:
    """A model that warns as a pack does."""

    def predict(self, examples, warn):
        for _ in range(2):
            warn("warning: 1 of 2 texts are longer than 9 tokens")
        return [example.label for example in examples]


def test_texts_that_were_cut_are_a_warning_of_the_predictions(tmp_path):
    (tmp_path / "test.tsv").write_text("one text\tgood\nanother one\tbad\n")
    test = Labels(read_labels(tmp_path / "test.tsv"), {"test.tsv": "0"})
    ending = Predictor.of(Says, {}, None)
    folder = predict_stage(
        Workplace(tmp_path / "run", None, "0"),
        "unibridge",
        test,
        TASKS["classification"],
        lambda: ending.predict(test.file.examples),
        settings={},
        inputs={},
        told=ending.told,
    )
    manifest = read_manifest(folder)
    assert manifest["facts"]["score"] == 100
    assert manifest["warnings"] == ["1 of 2 texts are longer than 9 tokens"]
