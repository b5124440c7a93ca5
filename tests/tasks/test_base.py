import subprocess
import sys

import pytest
import torch

from unibridge.errors import UnibridgeError
from unibridge.tasks import TASKS, task_of
from unibridge.tasks.classification import TextClassification
from unibridge.text.labels import LabelledText, TaggedSentence


def tagged(*tags):
    return [TaggedSentence(("w",) * len(tags), tags)]


def test_label_lists():
    entities = TASKS["ner"].collect_labels([tagged("I-PER", "O"), tagged("B-LOC")])
    assert entities == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert len(TASKS["pos"].collect_labels([tagged("NOUN")])) == 17
    assert TASKS["pos"].collect_labels([tagged("NN", "VB")]) == ["NN", "VB"]
    texts = [LabelledText("a", None, "x"), LabelledText("b", None, "w"), LabelledText("c")]
    assert TASKS["classification"].collect_labels([texts]) == ["w", "x"]
    with pytest.raises(UnibridgeError, match="no label for the task ner"):
        TASKS["ner"].collect_labels([[TaggedSentence(("w",))]])


def test_sources_must_share_their_labels():
    ner = TASKS["ner"]
    same = {"en": tagged("B-PER", "I-PER", "O", "B-LOC"), "sw": tagged("B-LOC", "B-PER")}
    assert ner.check_labels_shared(same) == []
    differing = same | {"ru": tagged("B-PER", "B-DATE")}
    with pytest.raises(UnibridgeError) as caught:
        ner.check_labels_shared(differing)
    message = str(caught.value)
    assert "ru has DATE, PER, not LOC" in message and "en has LOC, PER, not DATE" in message
    assert "allow_label_union" in message
    (warning,) = ner.check_labels_shared(differing, allow_label_union=True)
    assert "ru has DATE, PER, not LOC" in warning
    pos = TASKS["pos"]
    assert pos.check_labels_shared({"en": tagged("NOUN", "INTJ"), "ja": tagged("NOUN")}) == []
    with pytest.raises(UnibridgeError, match="do not share"):
        pos.check_labels_shared({"en": tagged("NN"), "ja": tagged("NOUN")})


def test_test_labels_that_no_source_has_are_a_warning():
    warnings = TASKS["ner"].check_labels_shared({"en": tagged("B-PER")}, tagged("B-DATE", "I-PER"))
    assert len(warnings) == 1 and "DATE" in warnings[0] and "PER" not in warnings[0]


def test_entropies_leave_out_padding_and_what_encloses_the_text():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 5, 3, generator=draw)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    found = TASKS["ner"].entropies({"tags": logits}, mask)
    for source in range(2):
        for row, inside in enumerate(([1, 2, 3], [1])):
            p = logits[source, row, inside].softmax(-1)
            expected = -(p * p.log()).sum(-1).mean()
            assert found[source, row] == pytest.approx(float(expected), abs=1e-6)


def test_names_need_no_torch():
    code = "import sys, unibridge.tasks as t; print(sorted(t.TASKS), 'torch' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed.strip() == "['classification', 'ner', 'pairs', 'parsing', 'pos', 'qa'] False"


class Mood(TextClassification):
    """A task of a user's own."""

    name = "mood"


class Unmakeable(TextClassification):
    def __init__(self, size):
        self.size = size


def test_a_task_of_the_users_own_is_found_again_by_its_import_path():
    task = task_of(f"{__name__}:Mood")
    assert isinstance(task, Mood) and task_of(task.reference).name == "mood"
    assert task_of(task) is task
    assert all(task_of(own.reference) is own for own in TASKS.values())
    with pytest.raises(UnibridgeError, match="cannot be made"):
        task_of(f"{__name__}:Unmakeable")
    with pytest.raises(UnibridgeError, match="is not a task"):
        task_of(f"{__name__}:TASKS")


@pytest.mark.parametrize(
    ("task", "own", "known", "said"),
    [
        ("ner", ["B-per", "O"], {"B-PER", "I-PER", "O"}, "per (not PER)"),
        ("ner", ["I-PER", "O"], {"B-PER", "O"}, ""),
        ("pos", ["noun", "VERB"], {"NOUN"}, "noun (not NOUN)"),
        ("pos", ["VERB"], {"NOUN"}, ""),
        ("pos", ["NN"], {"NOUN"}, "NN"),
    ],
)
def test_labels_that_are_not_known_are_named(task, own, known, said):
    assert TASKS[task].strange_labels(tagged(*own), known) == said
