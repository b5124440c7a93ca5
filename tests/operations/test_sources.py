import json
import tomllib

import pytest

from toy import LINES, save_toy_base
from toy_study import Toy, write_study
from unibridge.cli import main
from unibridge.comparison.languages import seen_by
from unibridge.comparison.predictors import write_predictors
from unibridge.comparison.rows import read_study
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError
from unibridge.operations.comparison import (
    measure_reading,
    predict_study,
    report_study,
    study_texts,
)
from unibridge.operations.sources import read_candidates, sources
from unibridge.stages.sections import SourceSection

JUDGING = ComparisonSettings(samples=100)
SOURCES, TARGETS = ("ar", "en", "ru", "tr"), ("am", "de", "so", "ti", "uk")
GAINS = {
    ("ar", "am"): 8.0,
    ("ar", "ti"): 8.0,
    ("ar", "so"): 8.0,
    ("en", "de"): 8.0,
    ("ru", "uk"): 8.0,
}


@pytest.fixture
def study(tmp_path):
    toy = Toy(lambda task, s, t, steps: GAINS.get((s, t), 0.0), noise=0.2, examples=200)
    texts = {}
    for code in SOURCES:
        (tmp_path / f"{code}.txt").write_text("\n".join(LINES))
        (tmp_path / f"{code}.conllu").write_text("")
        texts[code] = {"file": str(tmp_path / f"{code}.txt")}
    mix = {code: str(tmp_path / f"{code}.conllu") for code in ("ar", "en")}
    plan = {
        "transfer": [{"code": code, "names": [code]} for code in SOURCES],
        "texts": texts,
        "settings": {"tasks": {"pos": {"mix": mix}}},
    }
    return write_study(tmp_path / "study", toy.cells(SOURCES, TARGETS), **plan)


def test_a_studied_target_is_ranked_by_its_own_scores(study):
    found = sources("amh", study=study, judging=JUDGING)
    assert found.advice.by == "measured" and found.advice.suggestions[0].source == "ar"
    gain, q = found.advice.suggestions[0].gains["pos"]
    assert gain.low < 8 < gain.high and q < 0.05
    (block,) = tomllib.loads(found.block(1))["sources"]
    SourceSection.model_validate(block)  # as a run takes it
    assert block["language"] == "ar" and block["train"].endswith("ar.conllu")


def test_what_no_labels_are_known_of_is_said_in_the_block(study):
    found = sources("uk", study=study, judging=JUDGING)
    assert found.advice.suggestions[0].source == "ru"
    # the better one is a comment, and what is no comment is a run's
    assert found.block(1).startswith("# [[sources]]\n# language") and '"ru"' in found.block(1)
    (block,) = tomllib.loads(found.block(1))["sources"]
    SourceSection.model_validate(block)


def test_labels_are_those_of_the_asked_task(study, tmp_path):
    own = {"pos": {"mix": {"en": "en.conllu"}, "targets": {"ru": "ru.conllu"}}}
    own["ner"] = {"mix": {"en": "en.conll"}, "targets": {"ru": "ru.conllu"}}
    rows = Toy(lambda *_: 1.0, examples=50).cells(SOURCES, TARGETS, tasks=("pos", "ner"))
    transfer = [{"code": code, "names": [code]} for code in SOURCES]
    both = write_study(tmp_path / "both", rows, transfer=transfer, settings={"tasks": own})
    found = sources("uk", study=both, judging=JUDGING)
    assert "train" not in found.candidates["en"] and "--task" in found.block(9)
    assert {t["language"] for t in tomllib.loads(found.block(9))["sources"]} == {"ru"}
    ner = sources("uk", study=both, task="ner", judging=JUDGING)
    assert ner.candidates["en"]["train"] == "en.conll" and "--task" not in ner.block(9)
    # a language that is no part of the mix has the labels that it is tested on
    assert ner.candidates["ru"]["train"] == "ru.conllu" and "a test file" in ner.block(9)


def test_another_target_is_ranked_by_what_ranked_the_studied_best(study, tmp_path):
    files = {}
    for code, line in (("ar", "salam kitab"), ("en", "the book"), ("ru", "kniga"), ("ha", "kitab")):
        (tmp_path / f"own-{code}.txt").write_text(line)
        files[code] = str(tmp_path / f"own-{code}.txt")
    candidates = [
        {"language": code, "text": [files[code]], "train": f"{code}.conllu"}
        for code in ("ar", "en", "ru")
    ]
    known = {pair: GAINS.get(pair, 0.0) for pair in ((s, t) for s in SOURCES for t in TARGETS)}
    write_predictors(study, {"word-overlap": known, "size": dict.fromkeys(known, 1.0)})
    found = sources("ha", candidates, target_text=[files["ha"]], study=study, judging=JUDGING)
    assert found.advice.by in ("word-overlap", "all, fitted")
    assert found.advice.suggestions[0].source == "ar"
    qualities = {one.predictor: one.ndcg for one in found.advice.qualities["pos"]}
    assert qualities["word-overlap"] > 0.9 > qualities["chance"]


def test_without_a_study_it_is_ranked_by_what_can_be_computed(tmp_path):
    for code, text in (("en", LINES), ("ru", [line[::-1] for line in LINES]), ("am", LINES[:2])):
        (tmp_path / f"{code}.txt").write_text("\n".join(text))
    candidates = [{"language": c, "text": str(tmp_path / f"{c}.txt")} for c in ("ru", "en")]
    text = [tmp_path / "am.txt"]
    found = sources("am", candidates, target_text=text, ranker="word-overlap")
    assert [one.source for one in found.advice.suggestions] == ["en", "ru"]
    auto = sources("am", candidates, target_text=text, rankers=["word-overlap", "size", "nearest"])
    assert auto.advice.by == "word-overlap" and auto.left_out == {"nearest": "needs a base model"}
    assert auto.beside["word-overlap"] == ["en", "ru"]
    with pytest.raises(UnibridgeError, match="could not be computed"):
        sources("am", candidates, ranker="word-overlap")


def test_a_target_is_no_source_of_itself_however_it_is_written(study):
    with pytest.raises(UnibridgeError, match="no candidate but the target itself"):
        sources("amh", [{"language": "am"}], study=study, judging=JUDGING)


def test_the_predictors_of_a_studys_pairs_are_kept_with_it(study):
    left_out = predict_study(study, rankers=["word-overlap", "size", "none"])
    kept = json.loads((study / "predictors.json").read_text())
    assert set(kept) == {"size", "none"} and "there is no text of am" in left_out["word-overlap"]


def test_what_a_study_read_is_what_its_predictors_read(study, tmp_path):
    base = save_toy_base(tmp_path / "base", "bert")
    plan = json.loads((study / "study.json").read_text())
    plan["texts"]["ar"]["lines"] = 3  # of more, by max_lines
    plan["texts"]["am"] = {"file": str(tmp_path / "ar.txt"), "lines": 2}
    plan["settings"]["base"] = {"model": str(base)}
    (study / "study.json").write_text(json.dumps(plan))
    assert len(study_texts(read_study(study))["ar"]) == 3
    left_out = predict_study(study, rankers=["piece-overlap", "size"])
    kept = json.loads((study / "predictors.json").read_text())
    assert not left_out and kept["piece-overlap"]["ar am"] > 0
    assert kept["size"]["ar am"] < kept["size"]["en am"]


def test_a_report_brings_files_for_other_tools(study):
    done = report_study(study, rankers=["word-overlap", "size"], settings=JUDGING)
    assert done.page.name == "report.html" and done.page.exists()
    # no target has text here, so that LangRank's features cannot be made
    assert [file.name for file in done.files] == ["litmus-toy-pos.json"]
    assert "word-overlap" in done.left_out


def test_what_an_unlisted_base_has_seen_is_measured(study, tmp_path):
    base = save_toy_base(tmp_path / "base", "bert")
    path = measure_reading(read_study(study), base=str(base))
    reading = json.loads(path.read_text())
    assert set(reading) == set(SOURCES) and reading["ar"]["unknown"] == 0
    again = read_study(study)
    found = seen_by(again, "toy", SOURCES, ComparisonSettings(loss=50.0))
    assert found.of == dict.fromkeys(SOURCES, True) and "measured" in found.by


def test_candidates_are_a_runs_sources(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[[sources]]\nlanguage = "en"\ntext = "en.txt"\ntrain = "en.conll"\n')
    (one,) = read_candidates(path)
    text, train = str(tmp_path / "en.txt"), str(tmp_path / "en.conll")
    assert one == {"language": "en", "text": [text], "train": train}
    path.write_text('[[sources]]\nlangage = "en"\n')
    with pytest.raises(UnibridgeError, match=r"c.toml: sources.0: is no source"):
        read_candidates(path)
    path.write_text("")
    with pytest.raises(UnibridgeError, match=r"has no \[\[sources\]\]"):
        read_candidates(path)


def test_a_reports_thresholds_are_set_on_the_command_line(study, capsys):
    command = ["study", "--report", str(study), "--set"]
    assert main([*command, "report.alpha=0.002", "report.samples=100"]) == 0
    assert "ruled out at 0.002" in (study / "report.md").read_text()
    capsys.readouterr()
    assert main([*command, "seeds=[0]"]) == 2
    assert "nothing of a report" in capsys.readouterr().err


def test_the_command_prints_what_goes_into_a_run(study, capsys):
    assert main(["sources", "--target", "am", "--study", str(study), "--count", "2"]) == 0
    printed = capsys.readouterr().out
    tables = tomllib.loads(printed)["sources"]  # comments and all
    assert len(tables) == 2 and tables[0]["language"] == "ar"
    assert "ranked by: measured" in printed and "NDCG@3" in printed
    assert main(["sources", "--target", "am", "--study", str(study.parent)]) == 2
    assert "not a study" in capsys.readouterr().err
