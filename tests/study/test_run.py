import json
import re
import time

import pytest

import unibridge
from toy_run import write_toy_run
from unibridge.artifacts import MANIFEST, read_manifest
from unibridge.config import load_config
from unibridge.methods import METHODS
from unibridge.study.inputs import read_inputs
from unibridge.study.run import run
from unibridge.tasks import TASKS
from unibridge.text.labels import read_labels

pytestmark = pytest.mark.slow


def methods(*names):
    return f"run.methods={json.dumps(names)}"


ENDINGS = ("unibridge-averaged", "unibridge-merged", "unibridge-distilled")
ALL = ("floor", "fine-tune", "mad-x", "unibridge", "unibridge-no-kl", "ceiling")


def rows_of(root):
    lines = (root / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["method"]: row for row in map(json.loads, lines)}


def stages_of(root):
    return {path.parent.name: read_manifest(path.parent) for path in root.glob(f"*-*/{MANIFEST}")}


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    config = write_toy_run(folder, "ner")
    return config, run(load_config(config, [methods(*ALL)]), command="unibridge run run.toml")


def test_every_method_has_its_row(toy_run):
    _, root = toy_run
    rows = rows_of(root)
    assert list(rows) == list(ALL)
    for name, row in rows.items():
        assert 0 <= row["low"] <= row["score"] <= row["high"] <= 100
        assert (row["target"], row["task"], row["metric"]) == ("lug", "ner", "span_f1")
        assert row["examples"] == 14 and row["label"] == METHODS[name].label
        assert (row["steps"] is None) == (name == "floor")
        assert row["base"] == "base" and len(row["settings"]) == 12 and row["counts"]
    # 4 for the target, 3 for each source, 4 for each task; and of each language's search for a
    # rate, in two rounds, one for each of four rates and one more for each of two
    search = 3 * (4 + 2)
    assert rows["unibridge"]["steps"] == 4 + 2 * 3 + search + 2 * 4
    assert rows["mad-x"]["steps"] == 4 + 2 * 3 + search + 4 and rows["fine-tune"]["steps"] == 3 + 6
    assert rows["unibridge"]["weighting"] == "harmony" and rows["mad-x"]["weighting"] is None
    assert rows["ceiling"]["sources"] == ["lug"]


def test_the_floor_learns_from_the_examples_that_models_learn_from(tmp_path, monkeypatch):
    given = []
    own = type(TASKS["ner"]).floor

    def floor(task, seen, examples):
        given.append(len(seen))
        return own(task, seen, examples)

    monkeypatch.setattr(type(TASKS["ner"]), "floor", floor)
    config = write_toy_run(tmp_path, "ner")
    few = ["fine_tuning.max_examples=3", methods("floor")]
    for more in ("task_training.max_examples=2", "task_training.max_examples=4"):
        run(load_config(config, [*few, more]))
    run(load_config(config, few))
    sources = [len(read_labels(config.parent / f"{s}.train.conll").examples) for s in ("en", "sw")]
    assert given == [2 * 3, 2 * 4, sum(sources)]


def test_a_run_that_breaks_off_keeps_the_rows_that_it_has(tmp_path):
    config = load_config(write_toy_run(tmp_path, "ner"), [methods("floor", "mad-x")])

    def stop(folder, done):
        if folder.startswith("train-task"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, on_stage=stop)
    root = tmp_path / "run"
    assert list(rows_of(root)) == ["floor"] and not (root / "run.json").exists()
    assert list(rows_of(run(config))) == ["floor", "mad-x"]
    assert len((root / "results.jsonl").read_text().splitlines()) == 2


def test_every_stage_has_a_manifest_that_says_how_it_was_made(toy_run):
    _, root = toy_run
    stages = stages_of(root)
    folders = {path.name for path in root.iterdir() if path.is_dir()} - {"pack", "report"}
    assert folders == set(stages)
    kinds = {manifest["stage"] for manifest in stages.values()}
    assert kinds == {"vocabulary", "embed", "adapt", "train-task", "weigh", "predict"}
    for manifest in stages.values():
        assert manifest["inputs"] and all(manifest["inputs"].values())
        assert manifest["versions"]["torch"] and manifest["finished"]
        assert manifest["seconds"] >= 0 and manifest["peak_memory_bytes"] > 1e6
        if manifest["stage"] in ("vocabulary", "embed", "adapt", "train-task"):
            assert manifest["settings"]


def test_methods_share_the_stages_that_their_settings_share(toy_run):
    _, root = toy_run
    stages = stages_of(root)
    built = [name.rpartition("-")[0] for name in stages]
    assert built.count("vocabulary-lug") == built.count("embed-lug") == 1
    assert built.count("adapt-lug") == 2, "with KL and without"
    assert built.count("adapt-en-base-vocabulary") == built.count("train-task-en") == 1
    assert built.count("train-task-all-sources") == 2, "MAD-X and fine-tuning"
    betas = {m["facts"]["kl_weight"] for n, m in stages.items() if n.startswith("adapt-lug-")}
    assert betas == {0.0, 1.0}


def test_predictions_are_in_the_inputs_own_format(toy_run):
    config, root = toy_run
    gold = read_labels(config.parent / "lug.test.conll")
    (folder,) = root.glob("predict-unibridge-????????")
    predicted = read_labels(folder / "predictions.conll")
    assert [one.words for one in predicted.examples] == [one.words for one in gold.examples]
    score = TASKS["ner"].score(gold.examples, [list(one.tags) for one in predicted.examples])
    assert score.value == pytest.approx(rows_of(root)["unibridge"]["score"])


def test_the_pack_predicts_what_the_run_predicted(toy_run):
    config, root = toy_run
    gold = read_labels(config.parent / "lug.test.conll")
    (folder,) = root.glob("predict-unibridge-????????")
    predicted = read_labels(folder / "predictions.conll")
    found = unibridge.load(root).predict(gold.examples)
    assert found == [list(one.tags) for one in predicted.examples]
    assert "lug" in (root / "pack" / "README.md").read_text()


def test_the_report_is_one_page_with_every_method(toy_run):
    _, root = toy_run
    page, text = ((root / f"report.{kind}").read_text() for kind in ("html", "md"))
    for name in ALL:
        assert METHODS[name].label in page and METHODS[name].label in text
    assert "<img" in page or "<svg" in page
    assert 'src="http' not in page and "src='http" not in page
    assert json.loads((root / "run.json").read_text())["command"] == "unibridge run run.toml"


def test_a_second_run_builds_nothing_and_is_quick(toy_run):
    config, root = toy_run
    before = {name: manifest["finished"] for name, manifest in stages_of(root).items()}
    rows, told = rows_of(root), []
    started = time.process_time()
    run(load_config(config, [methods(*ALL)]), on_stage=lambda name, done: told.append(done))
    assert time.process_time() - started < 30
    assert told and all(told)
    assert {name: m["finished"] for name, m in stages_of(root).items()} == before
    assert rows_of(root) == rows


def test_another_run_takes_over_the_finished_stages_of_this_one(toy_run, tmp_path):
    config, root = toy_run
    told = []
    turned = [f"run.folder={tmp_path / 'other'}", f"run.reuse={json.dumps([str(root)])}"]
    # one setting of the target differs: what is the sources' own is taken, the rest is built
    turned += ["adaptation.training.steps=3", methods("unibridge")]
    other = run(load_config(config, turned), on_stage=lambda name, done: told.append((name, done)))
    built = {name.split("-")[0] for name, done in told if not done}
    assert built == {"adapt", "weigh", "predict"}
    assert [name for name, done in told if not done and name.startswith("adapt")] == [
        name for name in stages_of(other) if name.startswith("adapt-lug")
    ]
    taken = {name: m["finished"] for name, m in stages_of(root).items() if (name, True) in told}
    assert (
        taken
        and taken.items()
        <= {name: manifest["finished"] for name, manifest in stages_of(other).items()}.items()
    )


@pytest.mark.parametrize(
    ("override", "rebuilt"),
    [
        ("weights.temperature=0.5", {"weigh", "predict"}),
        pytest.param("task_training.training.steps=3", {"train-task", "predict"}),
        pytest.param(
            "embeddings.method=focus",
            {"embed", "adapt", "weigh", "predict"},
        ),
        pytest.param(
            "source_adaptation.training.steps=2",
            {"adapt", "train-task", "weigh", "predict"},
        ),
        ("run.title=Another", set()),
    ],
)
def test_a_changed_setting_rebuilds_what_depends_on_it(toy_run, override, rebuilt):
    config, root = toy_run
    new = []
    run(
        load_config(config, [methods("unibridge"), override]),
        on_stage=lambda name, done: None if done else new.append(name),
    )
    assert {manifest["stage"] for n, manifest in stages_of(root).items() if n in new} == rebuilt


def test_one_model_at_the_end_is_a_row_beside_the_ensemble(toy_run):
    config, root = toy_run
    short = ["distillation.training.steps=3", "distillation.max_lines=20"]
    short += ["merging.training.steps=2", "merging.max_lines=20"]
    run(load_config(config, [methods("unibridge", *ENDINGS), *short]))
    rows = rows_of(root)
    assert set(rows) == {"unibridge", *ENDINGS}
    ensemble, *students = (row["steps"] for row in rows.values())
    assert [steps - ensemble for steps in students] == [0, 2, 3]
    (student,) = root.glob("distil-*/pack")
    assert len(unibridge.load(student).config.sources) == 1
    # what is shared stays the ensemble
    assert len(unibridge.load(root).config.sources) == 2


def test_a_changed_input_rebuilds_what_reads_it(toy_run):
    config, _ = toy_run
    path = config.parent / "sw.train.conll"
    before = path.read_text()
    new = []
    try:
        path.write_text(before + "\nriver\tO\n")
        run(
            load_config(config, [methods("unibridge")]),
            on_stage=lambda name, done: None if done else new.append(name.rpartition("-")[0]),
        )
    finally:
        path.write_text(before)
    assert new == ["train-task-sw", "predict-unibridge"]


def test_a_method_can_ask_for_more_parallel_sentences_than_the_run(toy_run):
    config, root = toy_run
    own = 'methods.more={label="More", settings={weights.sentences=4}}'
    run(load_config(config, [methods("unibridge", "more"), own]))
    weighed = [m for m in stages_of(root).values() if m["stage"] == "weigh"]
    distances = {m["settings"]["sentences"]: m["facts"]["distances"]["en"] for m in weighed}
    assert distances[4] != pytest.approx(distances[3], rel=1e-6)


def weighed(root):
    """run.json of a run, and the manifest of how it weighed its sources."""
    about = json.loads((root / "run.json").read_text())
    (name,) = (n for n in about["method_stages"]["unibridge"] if n.startswith("weigh-"))
    return about, read_manifest(root / name)


def test_weights_of_every_sentence_reach_the_pack(toy_run):
    config, root = toy_run
    run(load_config(config, [methods("unibridge"), "weights.method=per_sentence"]))
    about, manifest = weighed(root)
    read = {name.split(":")[0] for name in manifest["inputs"]}
    assert "text" in read and not {"labels", "parallel"} & read
    predicted = read_labels(root / about["predictions"]["unibridge"]).examples
    pack = unibridge.load(root)
    assert pack.config.sentence_temperature == manifest["facts"]["sentence_temperature"] == 1.0
    gold = read_labels(config.parent / "lug.test.conll")
    assert pack.predict(gold.examples) == [list(one.tags) for one in predicted]


def test_a_few_target_labels_weigh_and_are_a_curve_in_the_report(toy_run):
    config, root = toy_run
    fitted = ("weights.method=fitted", "weights.labelled_sentences=7")
    few = "few_shot={sentences=[5, 10], draws=1, training={epochs=1, checkpoint_seconds=0}}"
    run(load_config(config, [methods("unibridge"), *fitted, few]))
    about, manifest = weighed(root)
    read = {name.split(":")[0] for name in manifest["inputs"]}
    assert "labels" in read and not {"text", "parallel"} & read
    assert manifest["facts"]["target_labels"] == 7
    assert "7 Ganda examples weigh the sources" in (root / "pack" / "README.md").read_text()

    points = read_manifest(root / about["few_shot"])["facts"]["points"]
    assert [(p["sentences"], p["start"][0]) for p in points] == [
        *[(0, "t"), (5, "t"), (5, "s"), (10, "t"), (10, "s")]
    ]
    assert points[0]["score"] == pytest.approx(rows_of(root)["unibridge"]["score"])
    page, text = ((root / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert "A few target labels" in page and "few-shot.png" in text
    assert f"[{points[4]['low']:.1f}, {points[4]['high']:.1f}]" in text
    assert len(unibridge.load(root / about["few_shot"]).predict(["toto rida"])[0]) == 2


def test_seeds_are_rows_of_their_own(toy_run):
    config, _ = toy_run
    root = run(load_config(config, [methods("unibridge"), "run.seeds=[0, 1]"]))
    rows = [json.loads(line) for line in (root / "results.jsonl").read_text().splitlines()]
    assert [row["seed"] for row in rows] == [0, 1]


@pytest.mark.parametrize(
    ("task", "family"),
    [
        ("classification", "bert"),
        ("pairs", "bert"),
        ("pos", "xlm-roberta"),
        ("pos", "modernbert"),
        ("pairs", "deberta-v2"),
        ("classification", "gpt2"),
        ("pos", "mbart"),
        ("pairs", "mt5"),
    ],
)
def test_other_tasks_and_families_run_whole(tmp_path, task, family):
    config = write_toy_run(tmp_path, task, family=family)
    new = tmp_path / "new.jsonl"
    key = {"pos": "words", "pairs": "premise"}.get(task, "text")
    row = {key: ["toto", "rida"] if task == "pos" else "toto rida", "hypothesis": "wato"}
    new.write_text(json.dumps(row) + "\n")
    given = [methods("floor", "fine-tune", "unibridge"), f"target.predict={new}"]
    root = run(load_config(config, given))
    assert list(rows_of(root)) == ["floor", "fine-tune", "unibridge"]
    labelled = json.loads((root / "labelled" / new.name).read_text())
    if task == "pos":
        assert len(labelled["tags"]) == 2
    else:
        assert labelled["label"] in ("early", "late")


def test_the_source_with_the_most_translations_is_bridged_to(tmp_path):
    config = write_toy_run(tmp_path, "ner")
    lines = (tmp_path / "sw.txt").read_text().splitlines()
    (tmp_path / "lug-sw.tsv").write_text("".join(f"{line}\t{line}\n" for line in lines[:20]))
    found = read_inputs(load_config(config)).translations
    assert len(found.parallel) == 20 and "sw.txt" in " ".join(found.inputs)
    # wechsel needs a dictionary, however few its entries
    (tmp_path / "words.tsv").write_text("toto\tchild\n")
    asked = ["embeddings.method=wechsel", f"sources.0.dictionary={tmp_path / 'words.tsv'}"]
    found = read_inputs(load_config(config, asked)).translations
    assert len(found.dictionary) == 1 and "en.txt" in " ".join(found.inputs)


def test_a_methods_other_ending_is_another_prediction(toy_run):
    """Under the same name, so that only its own record tells them apart."""
    config, _ = toy_run
    scored = []
    for parent in ("unibridge", "unibridge-merged"):
        mine = f'methods={{mine={{label="mine", parent="{parent}"}}}}'
        run(load_config(config, [methods("mine"), mine]), on_stage=lambda *now: scored.append(now))
    predictions = [name for name, _ in scored if name.startswith("predict-mine")]
    assert len(set(predictions)) == 2


def test_fine_tuning_alone_runs_without_text_of_the_sources(tmp_path):
    config = write_toy_run(tmp_path, "ner")
    for language in ("en", "sw"):
        (tmp_path / f"{language}.txt").unlink()
    config.write_text(re.sub(r'^text = "(en|sw).txt"\n', "", config.read_text(), flags=re.M))
    root = run(load_config(config, [methods("floor", "fine-tune")]))
    assert list(rows_of(root)) == ["floor", "fine-tune"]


def test_without_gold_labels_a_run_still_labels(tmp_path):
    config = write_toy_run(tmp_path, "ner")
    text = config.read_text().replace('test = "lug.test.conll"', "")
    config.write_text(text)
    (tmp_path / "new.txt").write_text("toto rida\nwato\n")
    given = [methods("unibridge"), f"target.predict={tmp_path / 'new.txt'}"]
    root = run(load_config(config, given))
    assert not rows_of(root)
    assert (root / "labelled" / "new.txt").read_text().count("\n") >= 2
    assert unibridge.load(root).predict(["toto rida"])
