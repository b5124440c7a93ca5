"""What every registered method keeps to, and what one of the user's own code may do."""

import json
from pathlib import Path

import pytest

import unibridge.methods
from toy_run import write_toy_run
from unibridge.artifacts import Outcome, read_manifest, write_bytes
from unibridge.config import load_config, with_settings
from unibridge.errors import ConfigError
from unibridge.methods import METHODS, Method
from unibridge.methods.ablations import ABLATIONS
from unibridge.stages.journey import Predictor
from unibridge.stages.sections import StageSettings
from unibridge.stages.workplace import Workplace
from unibridge.study.cell import run_method
from unibridge.study.inputs import read_inputs
from unibridge.study.run import run


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_known_by_its_name_and_reads_sections_that_there_are(name):
    method = METHODS[name]
    assert method.name == name and method.label
    assert set(method.reads) <= set(StageSettings.model_fields)
    assert all(path.partition(".")[0] in method.reads for path in method.settings)


def test_the_papers_five_stages_are_one_short_file():
    text = Path(unibridge.methods.five_stages.__file__).read_text()
    assert len(text.splitlines()) <= 60
    steps = ("vocabulary(", "embed(", "adapt(", "train_task(", "weigh(", "assemble(")
    places = [text.index(f"journey.{step}") for step in steps]
    assert places == sorted(places)


def test_one_floor_and_one_ceiling_bound_the_methods():
    roles = [method.role for method in METHODS.values()]
    assert roles.count("floor") == roles.count("ceiling") == 1
    assert {METHODS[name].role for name in ABLATIONS} == {"ablation"}
    assert METHODS["unibridge"].role == "method"


WHOLE = {"unibridge": 4, "ceiling": 1}
"""Methods that train the whole base where its vocabulary is kept: trainings of the task."""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    short = ["distillation.training.steps=1", "distillation.max_lines=10"]
    short += ["merging.training.steps=1", "merging.max_lines=10"]
    config = load_config(write_translated(write_toy_run(folder, "ner"), "en", "sw"), short)
    return config, read_inputs(config)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("fine-tune", "mad-x") else pytest.mark.slow)
        for name in METHODS
        # prompts ask for texts: test_prompts.py
        if name not in ABLATIONS and "prompting" not in METHODS[name].reads
    ],
)
def test_a_method_reads_what_it_says_and_notes_every_stage(toy, tmp_path, monkeypatch, name):
    from unibridge.stages import journey

    config, inputs = toy
    asked = set()
    given = journey.Journey.settings

    def settings(self, section):
        asked.add(section)
        return given(self, section)

    monkeypatch.setattr(journey.Journey, "settings", settings)
    at = Workplace(tmp_path, inputs.base, inputs.base_hash)
    chosen = config.for_method(name)
    if name in WHOLE:
        # of its two ways one is taken, and the stages of both are read
        kept = with_settings(chosen, {"vocabulary.mode": "keep"})
        whole = run_method(
            kept, name, inputs, Workplace(tmp_path / "kept", at.base, at.base_hash), 0
        )
        names = [path.name.split("-")[0] for path in whole.stages]
        assert names == ["adapt", *["train"] * WHOLE[name]]
    cell = run_method(chosen, name, inputs, at, 0)
    assert asked == set(METHODS[name].reads)
    made = {path.name for path in tmp_path.iterdir() if path.name[0] != "."} - {"kept"}
    assert {path.name for path in [*cell.stages, cell.prediction]} == made
    assert set(cell.sources) == ({"lug"} if name == "ceiling" else {"en", "sw"})


def write_translated(config, *languages):
    """The target's own labels play the translations: what a perfect translator would give."""
    text = config.read_text()
    labels = (config.parent / "lug.train.conll").read_text()
    for language in languages:
        (config.parent / f"{language}-lug.conll").write_text(labels)
        own = f'language = "{language}"\n'
        text = text.replace(own, f'{own}translated = "{language}-lug.conll"\n')
    (config.parent / "lug-en.conll").write_text((config.parent / "lug.test.conll").read_text())
    text = text.replace("[target]\n", '[target]\ntranslated = "lug-en.conll"\n')
    config.write_text(text)
    return config


def test_translate_train_learns_from_the_translated_labels_alone(tmp_path):
    config = load_config(write_translated(write_toy_run(tmp_path, "ner"), "sw"))
    inputs = read_inputs(config)
    at = Workplace(tmp_path / "stages", inputs.base, inputs.base_hash)
    cell = run_method(config.for_method("translate-train"), "translate-train", inputs, at, 0)
    assert cell.sources == ["sw"]
    (task,) = map(read_manifest, cell.stages)
    assert any("sw-lug.conll" in name for name in task["inputs"])
    assert not any("train.conll" in n or "dev.conll" in n for n in task["inputs"])
    assert task["settings"]["trains"] == "model" and task["facts"]["examples"] == 30


def test_translated_labels_are_asked_for_and_checked_at_the_start(tmp_path):
    path = write_toy_run(tmp_path, "ner")
    only = ['run.methods=["translate-train"]']
    with pytest.raises(ConfigError) as error:
        load_config(path, only)
    (fault,) = error.value.faults
    assert fault.startswith("sources.0.translated: 'translate-train' needs labels of a source")
    config = load_config(write_translated(path, "en", "sw"), only)
    (tmp_path / "en-lug.conll").write_text("toto\tB-PER\n")
    with pytest.raises(unibridge.UnibridgeError, match=r"en-lug\.conll: .* no source has: PER"):
        read_inputs(config)


@pytest.mark.slow
def test_continued_trains_the_whole_base_on_all_text_and_then_the_task(toy, tmp_path):
    config, inputs = toy
    at = Workplace(tmp_path, inputs.base, inputs.base_hash)
    cell = run_method(config.for_method("continued"), "continued", inputs, at, 0)
    language, task = (read_manifest(path) for path in cell.stages)
    assert language["facts"]["trains"] == "model" and language["facts"]["replayed_samples"]
    assert any(name.startswith("en:") for name in language["inputs"])
    assert task["settings"]["trains"] == "model"
    (folder,) = tmp_path.glob("adapt-*")
    assert task["inputs"]["en:language"] == task["inputs"]["sw:language"]
    assert read_manifest(folder)["fingerprint"] == task["inputs"]["en:language"]
    # the pack of it says what the run said
    pack = cell.ensemble.load(at)
    pack.save_pretrained(tmp_path / "pack")
    examples = inputs.test.file.examples
    assert unibridge.load(tmp_path / "pack").predict(examples) == pack.predict(examples)


def most_frequent(journey):
    """No model and no loop: the label that the sources' words have most often, from a stage."""
    words = [tag for f in journey.inputs.train.values() for e in f.file.examples for tag in e.tags]

    def build(folder):
        write_bytes(folder / "label", max(words, key=words.count).encode())
        return Outcome({"words": len(words)})

    folder = journey.stage("count", "labels", build, settings={}, inputs={"words": str(len(words))})
    label = (folder / "label").read_text()
    return Predictor(lambda examples: [[label] * len(e.words) for e in examples])


FREQUENT = Method("frequent", "Most frequent label", "baseline", most_frequent)
CURIOUS = Method("curious", "Curious", "baseline", lambda journey: journey.adapt("lug"))


def test_a_method_of_the_users_own_goes_by_import_path_and_makes_stages_of_its_own(tmp_path):
    name = f"{__name__}:FREQUENT"
    given = [f"run.methods={json.dumps([name])}"]
    root = run(load_config(write_toy_run(tmp_path, "ner"), given))
    (row,) = map(json.loads, (root / "results.jsonl").read_text().splitlines())
    assert (row["method"], row["label"]) == (name, "Most frequent label")
    stages = json.loads((root / "run.json").read_text())["method_stages"][name]
    assert [stage.partition("-")[0] for stage in stages] == ["count", "predict"]
    assert not (root / "pack").exists()


def test_a_method_gets_no_settings_that_it_does_not_say_it_reads(tmp_path):
    given = [f"run.methods={json.dumps([f'{__name__}:CURIOUS'])}"]
    config = load_config(write_toy_run(tmp_path, "ner"), given)
    with pytest.raises(unibridge.UnibridgeError, match="Add 'adaptation' to its `reads`"):
        run(config)
