import re

import numpy as np
import pytest

from unibridge.artifacts import write_json, write_manifest
from unibridge.comparison.targets import across_targets, read_runs, write_targets_report
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Result, append_result

SCORES = {
    "ceiling": {"am": 90.0, "ti": 90.0, "lug": 90.0, "de": 90.0},
    "unibridge": {"am": 60.0, "ti": 50.0, "lug": 40.0, "de": 70.0},
    "fine-tune": {"am": 50.0, "ti": 45.0, "lug": 20.0, "de": 75.0},
}
DEV = {"en": 82.0, "ru": 78.0}


@pytest.fixture
def folder(tmp_path):
    for target in SCORES["unibridge"]:
        run = tmp_path / target
        stages = {method: [f"train-{method}"] for method in SCORES}
        for names in stages.values():
            (run / names[0]).mkdir(parents=True)
            facts = {"dev_scores": DEV}
            about = {"stage": "train-task", "name": "t", "fingerprint": "f", "facts": facts}
            write_manifest(run / names[0], {**about, "seconds": 1.0, "warnings": []})
        write_json(run / "run.json", {"target": target, "task": "ner", "method_stages": stages})
        for method, scores in SCORES.items():
            value = scores[target]
            numbers = ("span_f1", value, value - 3, value + 3, 100, 0)
            append_result(
                run / "results.jsonl",
                Result(
                    *(method, method.upper(), target, "ner", *numbers, ("en", "ru")),
                    role="ceiling" if method == "ceiling" else "method",
                ),
            )
    return tmp_path


def test_a_method_is_summed_up_over_its_languages(folder):
    ceiling, main, other = across_targets(read_runs(folder))
    assert not ceiling.competes
    assert (main.method, other.method) == ("unibridge", "fine-tune") and main.reference
    assert main.mean.value == 55 and main.worst == "lug" and main.spread == 30
    assert main.deviation == pytest.approx(np.std([60, 50, 40, 70], ddof=1))
    assert main.gap.value == pytest.approx(80 - 55)
    # paired by language: -10, -5, -20, +5
    assert other.ahead.value == pytest.approx(-7.5) and other.ahead.low < -7.5 < other.ahead.high
    assert main.ahead is None


def test_the_page_says_it_by_language_and_family(folder):
    html, markdown = write_targets_report(folder)
    text = markdown.read_text()
    assert "4 target languages: UNIBRIDGE has the best mean, 55.0" in text
    assert "its worst language is Ganda (40.0)" in text
    assert "| Afro-Asiatic" in text and "+25.0 [" in text
    assert (folder / "report" / "languages.png").exists()
    assert not re.search(r"(?:src|href)=\"(?!#)", html.read_text())


def test_a_folder_without_runs_is_said(tmp_path):
    with pytest.raises(UnibridgeError, match="holds no run"):
        write_targets_report(tmp_path)
