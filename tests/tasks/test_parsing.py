"""Trees: read, learnt, found, scored as the shared task does, and written back."""

import json
import sys
import time
from random import Random

import numpy as np
import pytest
import torch

import unibridge
from toy import LINES, drawn_pack, head_shape, toy_tokenizer
from toy_run import toy_lines, write_toy_run
from unibridge.config import load_config
from unibridge.ensemble.distil import DistilSettings, distil
from unibridge.ensemble.merge import MergeSettings, fit_merge, merge
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.metrics import LAS, UAS
from unibridge.pack.export import export_pack
from unibridge.study.run import run
from unibridge.tasks import TASKS
from unibridge.tasks.encoded import IGNORED
from unibridge.tasks.heads import build_head
from unibridge.tasks.parsing import RELATIONS, best_tree
from unibridge.text.labels import TaggedSentence, read_labels, write_predictions

TASK = TASKS["parsing"]
CONLLU = """# newdoc
# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\tMood=Imp\t0\troot\t0:root\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\tSpaceAfter=No
2.1\tempty\t_\t_\t_\t_\t_\t_\t1:dep\t_
3\tmar\tmar\tNOUN\t_\t_\t1\tobl:arg\t_\t_

"""


def random_trees(seed, count, longest=12):
    """Sentences of words with random trees of one root, and relations with and without subtypes."""
    draw = Random(seed)
    relations = [*sorted(RELATIONS - {"root"}), "nsubj:pass", "obl:agent"]
    rows = []
    for _ in range(count):
        size = draw.randint(1, longest)
        order = list(range(1, size + 1))
        draw.shuffle(order)
        tags = [""] * size
        for place, word in enumerate(order):
            head = draw.choice(order[:place]) if place else 0
            tags[word - 1] = f"{head}|{draw.choice(relations) if head else 'root'}"
        rows.append(tags)
    return rows


def conllu(rows, path):
    path.write_text(
        "".join(
            "".join(
                "\t".join([str(i), "w", "_", "X", "_", "_", *tag.split("|"), "_", "_"]) + "\n"
                for i, tag in enumerate(tags, start=1)
            )
            + "\n"
            for tags in rows
        )
    )
    return str(path)


def test_scores_are_those_of_the_shared_tasks_scorer(tmp_path):
    udeval = pytest.importorskip("udtools.udeval")
    gold = random_trees(0, 60)
    draw = Random(1)
    predicted = [
        tree if draw.random() < 0.3 else other
        for tree, other in zip(gold, relabelled(gold, draw), strict=True)
    ]
    files = conllu(gold, tmp_path / "gold.conllu"), conllu(predicted, tmp_path / "found.conllu")
    theirs = udeval.evaluate(*(udeval.load_conllu_file(file) for file in files))
    assert UAS(gold, predicted) == pytest.approx(100 * theirs["UAS"].f1, abs=1e-9)
    assert LAS(gold, predicted) == pytest.approx(100 * theirs["LAS"].f1, abs=1e-9)
    assert 20 < LAS(gold, predicted) < UAS(gold, predicted) < 90


def relabelled(trees, draw):
    """Other trees over the same words, some with only the relation or its subtype changed."""
    for number, tree in enumerate(trees):
        if number % 2:
            yield [
                f"{tag.partition('|')[0]}|{draw.choice(['nsubj:outer', 'obj', tag.split('|')[1]])}"
                if not tag.startswith("0|")
                else tag
                for tag in tree
            ]
        else:
            yield next(t for t in random_trees(number, 500) if len(t) == len(tree))


def test_the_tree_found_is_the_heaviest_with_one_root():
    draw = np.random.default_rng(0)
    for size in (1, 2, 3, 4):
        for _ in range(15):
            scores = draw.normal(size=(size + 1, size + 1))
            found = best_tree(scores)
            assert found.count(0) == 1
            weight = sum(scores[word, head] for word, head in enumerate(found, start=1))
            assert weight == pytest.approx(max(weights_of_trees(scores)), abs=1e-9)


def weights_of_trees(scores):
    """The weight of every tree with one root, by trying all."""
    size = len(scores) - 1
    for number in range((size + 1) ** size):
        heads = [number // (size + 1) ** place % (size + 1) for place in range(size)]
        if heads.count(0) != 1:
            continue
        if all(reaches_root(word, heads) for word in range(1, size + 1)):
            yield sum(scores[word, head] for word, head in enumerate(heads, start=1))


def reaches_root(word, heads):
    for _ in heads:
        word = heads[word - 1]
        if word == 0:
            return True
    return False


def test_a_head_without_perceptrons_scores_as_adapterhubs():
    """Its formulas by hand: words as means, W with the dependent's one, both ones for relations."""
    head = build_head(TASK, head_shape(5, arc_size=0, label_size=0), seed=0).eval()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw))
    states = torch.randn(2, 7, 16, generator=draw)
    starts, ends = torch.tensor([[1, 2, 5], [1, 3, 0]]), torch.tensor([[2, 5, 6], [3, 4, 0]])
    head.requires_grad_(False)
    with torch.no_grad():
        said = head(states, torch.ones(2, 7), starts, ends)
    for row, spans in enumerate([[(1, 2), (2, 5), (5, 6)], [(1, 3), (3, 4)]]):
        words = [states[row, a:b].mean(0) for a, b in spans]
        heads = [states[row, 0], *words]
        for i, word in enumerate(words):
            left = torch.cat([word, torch.ones(1)])
            for j, other in enumerate(heads):
                arc = left @ head.arcs.weight[0] @ other
                assert said["arcs"][row, i, j] == pytest.approx(float(arc), abs=1e-3)
                right = torch.cat([other, torch.ones(1)])
                for label in range(5):
                    expected = left @ head.labels.weight[label] @ right
                    found = float(said["labels"][row, i, j, label])
                    assert found == pytest.approx(float(expected), abs=1e-3)
    assert (said["arcs"][1, :, 3] < -1e3).all()


def test_dozat_and_mannings_perceptrons_are_the_default():
    head = build_head(TASK, head_shape(5), seed=0)
    assert head.arcs.weight.shape == (1, 501, 500) and head.labels.weight.shape == (5, 101, 101)


def test_whole_conllu_comes_back_with_nothing_else_touched(tmp_path):
    path = tmp_path / "in.conllu"
    path.write_text(CONLLU)
    found = read_labels(path, expect="trees")
    (example,) = found.examples
    assert example.words == ("vamos", "nos", "mar")
    assert example.tags == ("0|root", "1|obj", "1|obl:arg")
    write_predictions(found, [["2|x", "0|root", "2|nmod:poss"]], tmp_path / "out.conllu")
    lines = (tmp_path / "out.conllu").read_text().split("\n")
    for line, before in zip(lines, CONLLU.split("\n"), strict=True):
        old, new = before.split("\t"), line.split("\t")
        assert old[:6] == new[:6] and old[8:] == new[8:]
    trees = [line.split("\t")[6:8] for line in lines if line[:1].isdigit() and line[1] == "\t"]
    assert trees == [["2", "x"], ["0", "root"], ["2", "nmod:poss"]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\t1\tobj\t", "\t9\tobj\t", r"in.conllu:5: .*'nos' has the head 9, in a sentence of 3"),
        ("\t1\tobj\t", "\t2\tobj\t", r"in.conllu:5: .*'nos' lead in a circle"),
        ("\t1\tobj\t", "\t_\t_\t", r"in.conllu:5: .*'nos' has no HEAD and DEPREL"),
        ("\t1\tobj\t", "\tone\tobj\t", r"in.conllu:5: .*HEAD 'one' is no number"),
        ("3\tmar", "4\tmar", r"in.conllu:7: .*ID 4 of the word 'mar' does not follow"),
    ],
)
def test_what_is_no_tree_is_refused_with_its_line(tmp_path, old, new, message):
    path = tmp_path / "in.conllu"
    assert old in CONLLU
    path.write_text(CONLLU.replace(old, new))
    with pytest.raises(UnibridgeError, match=message):
        read_labels(path, expect="trees")


def test_sources_share_relations_without_their_subtypes():
    one = [TaggedSentence(("a", "b"), ("0|root", "1|obl:arg"))]
    two = [TaggedSentence(("a", "b"), ("2|nsubj:pass", "0|root"))]
    assert TASK.check_labels_shared({"en": one, "sw": two}) == []
    labels = TASK.collect_labels([one, two])
    assert {"obl:arg", "nsubj:pass", *RELATIONS} == set(labels)
    with pytest.raises(UnibridgeError, match="do not share"):
        TASK.check_labels_shared({"en": one, "sw": [TaggedSentence(("a",), ("0|HED",))]})
    with pytest.raises(UnibridgeError, match="no place in a tree"):
        TASK.labels_of(TaggedSentence(("a",), ("NOUN",)))


def test_a_sentence_longer_than_the_model_is_one_tree():
    tokenizer, labels = toy_tokenizer("bert"), ["case", "root"]
    words = tuple(" ".join(LINES).split())
    # each hangs from the one before it
    gold = [f"{place}|{'case' if place else 'root'}" for place in range(len(words))]
    encoded = TASK.encode(tokenizer, [TaggedSentence(words, tuple(gold))], labels, 12)
    assert len(encoded) > 3
    assert sum(len(one.label_ids) for one in encoded) == len(words)
    read = []
    for one in encoded:
        arcs = torch.full((len(one.label_ids), len(one.own.spans) + 1), -9.0)
        for row, (head, _) in enumerate(one.label_ids):
            assert head != IGNORED
            arcs[row, head] = 0
        relations = torch.zeros_like(arcs, dtype=torch.long)
        read.append((arcs, relations))
    assert TASK.decode(read, encoded, labels) == [gold]


def is_tree(tags):
    """Whether all words come to the one root."""
    heads = [int(tag.partition("|")[0]) for tag in tags]
    for word in range(1, len(heads) + 1):
        steps = 0
        while word and steps <= len(heads):
            word, steps = heads[word - 1], steps + 1
        if word:
            return False
    return heads.count(0) == 1


def test_seven_hundred_words_are_one_tree_and_the_sentence_is_counted(tmp_path):
    model = drawn_pack("parsing", {"en": 0.4, "sw": 0.6})
    model.config.max_tokens = 20
    words = (" ".join(LINES).split() * 20)[:700]
    told = []
    started = time.process_time()
    long, short = model.predict([words, LINES[0]], warn=told.append)
    assert time.process_time() - started < 30
    assert len(long) == 700 and is_tree(long) and is_tree(short)
    (note,) = told
    assert note.startswith("warning: 1 of 2 texts are longer than 20 tokens: they are read in")
    content = "".join(f"{n}\t{w}" + "\t_" * 8 + "\n" for n, w in enumerate(words, start=1))
    (tmp_path / "in.conllu").write_text(content + "\n")
    told.clear()
    model.predict_file(tmp_path / "in.conllu", tmp_path / "out.conllu", warn=told.append)
    (written,) = read_labels(tmp_path / "out.conllu", expect="trees").examples
    assert written.words == tuple(words) and list(written.tags) == long
    assert told == [note.replace("1 of 2", "1 of 1")]


def test_one_root_of_many_words_is_found_at_once():
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(701, 701))
    scores[1:, 0] += 5  # a root everywhere
    started = time.process_time()
    heads = best_tree(scores)
    assert heads.count(0) == 1 and is_tree([f"{head}|x" for head in heads])
    assert time.process_time() - started < 3


@pytest.mark.slow
def test_every_ending_gives_trees(tmp_path):
    model = drawn_pack("parsing", {"en": 0.3, "sw": 0.7})
    lines = toy_lines("en", 16)
    found = model.predict(lines)
    assert found == [model.predict([line])[0] for line in lines]
    assert all(len(tags) == len(line.split()) for tags, line in zip(found, lines, strict=True))
    for tags in found:
        heads = [int(tag.partition("|")[0]) for tag in tags]
        assert heads.count(0) == 1
        assert all(reaches_root(word, heads) for word in range(1, len(heads) + 1))
    weighed = model.predict_sources(lines)
    assert weighed.log_probabilities.shape[:2] == (2, 2 * sum(map(len, found)))
    assert torch.allclose(weighed.log_probabilities.exp().sum(-1), torch.tensor(1.0), atol=1e-4)

    model.save_pretrained(tmp_path / "pack")
    assert MultiSourceModel.load(tmp_path / "pack").predict(lines) == found
    assert len(merge(model).predict(lines)) == len(lines)
    fitted = fit_merge(model, lines, MergeSettings(training={"steps": 20}))
    assert fitted.divergence < fitted.before[0]
    taught = distil(model, lines, DistilSettings(training={"steps": 20, "learning_rate": 0.01}))
    assert taught.divergence < taught.before[0]
    plain = distil(model, lines, DistilSettings(student="encoder", training={"steps": 1})).model
    plain.save_pretrained(tmp_path / "plain")
    with pytest.raises(UnibridgeError, match="no xlm-roberta model that does the task parsing"):
        export_pack(tmp_path / "plain", tmp_path / "encoder", "encoder")
    out = export_pack(tmp_path / "pack", tmp_path / "merged", "pack")
    assert len(unibridge.load(out).predict(lines)) == len(lines)


def test_onnx_gives_arcs_and_labels(tmp_path):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = drawn_pack("parsing", {"en": 0.3, "sw": 0.7})
    model.save_pretrained(tmp_path / "pack")
    out = export_pack(tmp_path / "pack", tmp_path / "onnx", "onnx")
    session = onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    rows = [TASK.as_example(line) for line in LINES]
    inputs = model.inputs_of(TASK.encode(model.tokenizer, rows, model.config.labels, 36))
    found = session.run(["arcs", "labels"], {name: one.numpy() for name, one in inputs.items()})
    with torch.no_grad():
        expected = model.outputs(**inputs)
    for one, name in zip(found, ("arcs", "labels"), strict=True):
        assert torch.allclose(torch.from_numpy(one), expected[name], atol=1e-4)


@pytest.mark.slow
def test_a_whole_run_ends_in_trees(tmp_path):
    new = tmp_path / "new.conllu"
    changes = [
        'run.methods=["floor", "unibridge", "unibridge-distilled"]',
        "weights.method=agreement",
        "task_training.head.arc_size=20",
        "distillation.training.steps=2",
        f"target.predict={json.dumps([str(new)])}",
    ]
    path = write_toy_run(tmp_path, "parsing")
    new.write_text("1\tboat\t_\tX\t_\t_\t_\t_\t_\tKeep=Me\n\n")
    folder = run(load_config(path, changes))
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert {row["metric"] for row in rows} == {"las"}
    # every word hangs from the next: only a count of shapes finds that out in no time
    assert rows[0]["score"] > 30
    labelled = (folder / "labelled" / "new.conllu").read_text()
    assert labelled == "1\tboat\t_\tX\t_\t_\t0\troot\t_\tKeep=Me\n\n"


def test_without_its_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ufal.chu_liu_edmonds", None)
    with pytest.raises(UnibridgeError, match=r"unibridge\[parsing\]"):
        best_tree(np.zeros((3, 3)))
