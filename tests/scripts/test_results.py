"""The tables of the README and of docs/results come from runs, not from a keyboard."""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from unibridge.artifacts import write_json
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Result, append_result
from unibridge.methods import METHODS

ROOT = Path(__file__).parents[2]
_spec = spec_from_file_location("results", ROOT / "scripts" / "results.py")
results = module_from_spec(_spec)
_spec.loader.exec_module(results)

MARKS = """{before}
<!-- {name}: written by scripts/results.py -->
what was here
<!-- end of {name} -->
{after}
"""


def make_run(folder, target, name, score):
    folder.mkdir()
    for method, label, more in (("unibridge", "UniBridge", 0), ("mad-x", "MAD-X", -9)):
        found = Result(
            method=method,
            label=label,
            target=target,
            task="ner",
            metric="span_f1",
            score=score + more,
            low=score + more - 1,
            high=score + more + 1,
            examples=9,
            seed=0,
            sources=("en",),
            weighting=None,
            role=METHODS[method].role,
        )
        append_result(folder / "results.jsonl", found)
    write_json(
        folder / "run.json",
        {
            "target": target,
            "target_name": name,
            "task": "ner",
            "base": "toy",
            "created": "2026-11-21T08:00:00+00:00",
            "versions": {"torch": "2.13.0"},
            "teacher_unknown": 0.25,
            "inputs": {"target_lines": 7, "test_examples": 9, "source_examples": {"en": 5}},
            "warnings": [],
            "method_stages": {},
            "published": {},
        },
    )
    return str(folder)


def test_a_page_and_the_readme_take_the_runs_tables_and_keep_their_own_words(tmp_path):
    runs = [
        make_run(tmp_path / "am", "am", "Amharic", 41.25),
        make_run(tmp_path / "so", "so", "Somali", 60),
    ]
    page, readme = tmp_path / "page.md", tmp_path / "README.md"
    page.write_text(MARKS.format(before="# Ours", name="results", after="Also ours."))
    readme.write_text(MARKS.format(before="Words.", name="page.md", after="More words."))
    results.main(str(page), *runs, others=[readme])

    for text in (page.read_text(), readme.read_text()):
        rows = [
            [cell.strip() for cell in x.split("|")[1:-1]] for x in text.splitlines() if "|" in x
        ]
        assert ["Method", "Amharic", "Somali"] in rows
        assert ["UniBridge", "**41.2 [40.2, 42.2]**", "**60.0 [59.0, 61.0]**"] in rows
        assert ["MAD-X", "32.2 [31.2, 33.2]", "51.0 [50.0, 52.0]"] in rows
        assert "what was here" not in text
    assert page.read_text().startswith("# Ours\n") and page.read_text().endswith("Also ours.\n")
    assert readme.read_text().startswith("Words.\n")
    assert readme.read_text().endswith("More words.\n")
    before = page.read_text(), readme.read_text()
    results.main(str(page), *runs, others=[readme])
    assert (page.read_text(), readme.read_text()) == before


def test_a_page_without_marks_is_told_how_to_get_them(tmp_path):
    (tmp_path / "page.md").write_text("# Ours\n")
    (tmp_path / "README.md").write_text("Words.\n")
    run = make_run(tmp_path / "am", "am", "Amharic", 41)
    with pytest.raises(UnibridgeError, match=r"page\.md: .*<!-- end of results -->"):
        results.main(str(tmp_path / "page.md"), run, others=[tmp_path / "README.md"])


@pytest.mark.parametrize("page", results.TAKE_TABLES, ids=lambda page: page.name)
def test_the_tables_that_other_pages_take_are_those_of_the_results_pages(page):
    blocks = re.findall(
        r"<!-- (\S+): written by scripts/results.py -->\n(.*?)<!-- end of \1 -->",
        page.read_text(encoding="utf-8"),
        re.S,
    )
    assert blocks
    for name, table in blocks:
        assert table.strip()
        assert table.strip() in (ROOT / "docs" / "results" / name).read_text(encoding="utf-8")


def test_what_the_package_ships_is_what_the_pages_rows_say(tmp_path):
    results.ship(shipped=tmp_path / "measured.jsonl")
    assert (tmp_path / "measured.jsonl").read_text() == results.SHIPPED.read_text()


def test_of_a_cell_and_method_the_row_that_was_made_last_is_shipped(tmp_path):
    def row(key, score, made):
        about = dict.fromkeys(results.TOLD, "x") | {"seed": 0, "score": score}
        return about | {"key": key, "made": made, "method": "fine-tune"}

    rows = [row("b", 2.0, "2026-02"), row("a", 1.0, "2026-01"), row("c", None, "2026-03")]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    results.ship([tmp_path / "rows.jsonl", tmp_path / "gone.jsonl"], tmp_path / "shipped")
    (line,) = (tmp_path / "shipped").read_text().splitlines()
    assert json.loads(line)["score"] == 2.0 and set(json.loads(line)) == set(results.TOLD)
