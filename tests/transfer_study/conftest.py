"""A study on toys: a base of three layers, ten lines of text, two tasks."""

import pytest

from toy import LINES, PLACES, save_toy_base
from unibridge.transfer_study.plan import check_study

SETTINGS = {
    "batch_size": 4,
    "checkpoint_seconds": 1e9,
    "steps": 3,
    "learning_rate": 1e-2,
    "schedule": "linear",
}


@pytest.fixture
def content(tmp_path):
    """study.toml as plain data, its files in tmp_path."""
    save_toy_base(tmp_path / "base", "xlm-roberta")
    rows = [line.split() for line in LINES]
    for code in ("en", "sw", "wo"):
        order = rows if code == "en" else rows[::-1]
        text = [" ".join(reversed(row)) if code == "wo" else " ".join(row) for row in order]
        (tmp_path / f"{code}.txt").write_text("\n".join(text * 2) + "\n")
        tagged = ["".join(f"{w}\t{PLACES.get(w, 'O')}\n" for w in row) for row in order]
        (tmp_path / f"{code}.conll").write_text("\n".join(tagged))
        said = [f"{' '.join(row)}\t{'boat' if 'boat' in row else 'no'}\n" for row in order]
        (tmp_path / f"{code}.tsv").write_text("".join(said))
    training = {"training": SETTINGS}
    return {
        "run": {"folder": "study"},
        "base": {"model": "base"},
        "seeds": [0, 1, 2],
        "text": {"languages": ["sw", "wol"], "path": "{language}.txt"},
        "tasks": {
            "ner": {
                "mix": {"en": "en.conll"},
                "targets": {"sw": "sw.conll", "wol": "wo.conll"},
                "training": training,
            },
            "boats": {
                "kind": "classification",
                "mix": {"en": "en.tsv"},
                "targets": {"sw": "sw.tsv"},
                "training": training,
            },
        },
        "tuning": {"steps": [1, 2], "batch_size": 4, "sample_words": 0},
        "controls": {"kinds": ["mixed", "shuffled"], "shuffled": ["sw"]},
    }


@pytest.fixture
def checked(content, tmp_path):
    """content with changes -> its plan. A change is "section.field" -> value."""

    def check(**changes):
        (tmp_path / "wol.txt").write_text((tmp_path / "wo.txt").read_text())
        for path, value in changes.items():
            *sections, last = path.split("__")
            place = content
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = value
        return check_study(content, folder=tmp_path)

    return check
