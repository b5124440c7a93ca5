"""The base that comes with the package, and the demo on it."""

import copy

import pytest

import unibridge
from unibridge.adapters import attach
from unibridge.adapters.adapterhub import load_adapter
from unibridge.cli import main
from unibridge.config import load_config
from unibridge.demo import (
    BASE_LANGUAGES,
    RECIPES,
    SOURCES,
    gate_phrases,
    packaged_base,
    suggested_base,
    write_demo,
)
from unibridge.ensemble.model import MultiSourceModel
from unibridge.models import me5
from unibridge.models.base import load_base, unknown_share
from unibridge.report.folder import read_run
from unibridge.tasks import TASKS
from unibridge.text import cldr
from unibridge.text.labels import TaggedSentence
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings


@pytest.fixture(scope="module")
def base():
    return load_base("cldr")


def test_the_packaged_base_is_small_and_whole(base):
    files = [path for path in packaged_base().rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) <= 8e6
    assert not base.built_head
    model = copy.deepcopy(base.model)
    for source in SOURCES:
        load_adapter(model, base.family, packaged_base() / "adapters" / source)
    assert set(SOURCES) == set(attach.ledger_of(model).configs)


def test_it_reads_its_own_languages_and_no_ethiopic(base):
    for language in BASE_LANGUAGES[:12]:
        lines = [" ".join(p.words) for p in cldr.phrases(language, 50, seed=99, split="plain")]
        assert unknown_share(base.tokenizer, lines) < 0.01, language
    amharic = [" ".join(p.words) for p in cldr.phrases("am", 50, seed=99, split="plain")]
    assert unknown_share(base.tokenizer, amharic) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("from_scratch", [False, True])
def test_the_demo_writes_a_configuration_that_is_accepted(tmp_path, from_scratch):
    path = write_demo(tmp_path, "so", seeds=2, from_scratch=from_scratch)
    config = load_config(path)

    assert config.run.seeds == (0, 1)
    assert [source.language for source in config.sources] == list(SOURCES)
    assert all((source.adapter is None) == from_scratch for source in config.sources)


@pytest.mark.slow
def test_the_demo_of_me5_trains_all_of_its_sources_and_has_the_rows_to_compare(tmp_path):
    config = load_config(write_demo(tmp_path, "sw", base="me5"))

    # a source that is the target is left out
    assert [source.language for source in config.sources] == ["en", "fr"]
    assert all(source.text and not source.adapter for source in config.sources)
    assert config.base.model == "me5" and config.vocabulary.mode == "auto"
    assert {"floor", "probe", "fine-tune", "unibridge", "ceiling"} == {*config.run.methods}


@pytest.mark.skipif(not me5.me5_is_installed(), reason="needs the packages of me5")
def test_where_me5_is_installed_the_demo_is_on_it():
    base, about = suggested_base()
    assert base == "me5" and "--base cldr" in about


def test_without_the_packages_of_me5_the_demo_is_on_the_base_that_comes_along(monkeypatch):
    monkeypatch.setattr(me5, "TOKENIZER", ("no_such_package", "tokenizer.json"))
    base, about = suggested_base()
    assert base == "cldr" and "unibridge[me5]" in about


def test_the_help_names_the_language_that_each_base_suggests(capsys):
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"default: {RECIPES['me5'].language}, Tigrinya" in shown
    assert f"on the base cldr {RECIPES['cldr'].language}, Amharic" in shown


def test_a_base_without_a_demo_is_refused(tmp_path, capsys):
    assert main(["demo", "--base", "me", "--folder", str(tmp_path)]) == 2
    assert "Did you mean 'me5'" in capsys.readouterr().err


def test_a_language_that_cldr_does_not_hold_is_refused(tmp_path, capsys):
    assert main(["demo", "--language", "xx", "--base", "cldr", "--folder", str(tmp_path)]) == 2
    assert "xx" in capsys.readouterr().err


@pytest.mark.slow
def test_fine_tuning_on_the_base_transfers_to_french_far_above_the_floor(base):
    task = TASKS["ner"]
    train = {
        source: [
            TaggedSentence(p.words, p.tags)
            for p in cldr.phrases(source, 400, seed=5, split="train")
        ]
        for source in SOURCES
    }
    settings = TaskSettings(
        training={"epochs": 3, "learning_rate": 1e-3, "schedule": "linear", "batch_size": 16}
    )
    labels = task.collect_labels(train.values())
    trained = train_task(base, task, train, {}, labels, settings, name="all", train="model")
    model = MultiSourceModel.assemble(base, None, {"all": trained}, {"all": 1.0})
    test = [TaggedSentence(p.words, p.tags) for p in gate_phrases("fr")[:300]]
    floor = task.score(test, task.floor([e for part in train.values() for e in part], test))
    score = task.score(test, model.predict(test))

    assert score.low > floor.high


@pytest.mark.slow
def test_the_demo_runs_end_to_end(tmp_path, capsys):
    steps = [
        f"--set={section}.training.steps=2"
        for section in ("adaptation", "task_training", "fine_tuning")
    ]
    folder = tmp_path / "demo"

    assert (
        main(["demo", "--language", "so", "--base", "cldr", "--folder", str(folder), *steps]) == 0
    )

    printed = capsys.readouterr().out
    run = read_run(folder)
    methods = load_config(folder / "demo.toml").run.methods
    assert {row.newest.method for row in run.scores} == set(methods)
    assert all(row.label in printed for row in run.scores)
    words = cldr.phrases("so", 1, seed=8, split="test")[0].words
    (tags,) = unibridge.load(folder).predict([list(words)])
    assert len(tags) == len(words)
