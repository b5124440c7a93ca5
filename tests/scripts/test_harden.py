"""The reduced form of `make harden`, and that its checks can fail."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))

from harden import notes_of, understood_table, verdict  # noqa: E402
from harden_inputs import BAD, PACKS, torn  # noqa: E402
from harden_parity import SCHEMES, spans_agree  # noqa: E402


@pytest.mark.slow
def test_the_reduced_form_finds_nothing():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "harden.py"), "--quick", "--seed", "5"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "All as it should be." in done.stdout
    assert all(f"| {kind} |" in done.stdout for kind in [*BAD, *PACKS])


@pytest.mark.parametrize(
    ("code", "text", "said"),
    [
        (2, "warning: a\n\nunibridge: f:1: wrong. Do so\n", "refused"),
        (0, "score 1.0\n", "understood"),
        (2, "Traceback (most recent call last)\nunibridge: x\n", "traceback"),
        (2, "unibridge: a\nunibridge: b\n", "exit 2, 2 lines"),
        (2, "unibridge: a\nmore of it\n", "more than one line"),
        (1, "", "exit 1, 0 lines"),
        ("KeyError: 'a'", "", "came through: KeyError: 'a'"),
    ],
)
def test_only_one_clear_line_counts_as_refused(code, text, said):
    assert verdict(code, text) == said


def test_what_is_torn_depends_on_the_seed_alone():
    content = b"one\ttwo\nthree\tfour\n" * 9
    made = [[torn(content, random.Random(seed)) for seed in range(60)] for _ in range(2)]
    assert made[0] == made[1] and len(set(made[0])) > 40
    assert len({what for what, _ in made[0]}) > 12


def test_what_was_understood_is_said_with_its_notes():
    folder = Path("T")
    text = f"warning: {folder}/a.conll: tags read\nscore 1\n! two of\n  them | here\n\nend\n"
    notes = notes_of(text, folder)
    assert notes == ["a.conll: tags read", "two of them | here"]
    rows = understood_table([("tags", "one", "; ".join(notes)), ("tags", "two", "")] * 2)
    assert rows[2:] == [
        "| tags | one | 2 | a.conll: tags read; two of them \\| here |",
        "| tags | two | 2 | nothing |",
    ]


def test_span_f1_is_seqevals_in_every_scheme(tmp_path):
    found = spans_agree(25 * len(SCHEMES), 1, tmp_path)
    assert found["differ"] == 0 and found["schemes"] == len(SCHEMES)
