"""What is odd about a file is said, whichever operation reads it."""

import re
from pathlib import Path

import pytest
import torch

import unibridge.operations
from toy import LINES, drawn_pack, save_toy_base
from toy_run import Heard, toy_lines
from unibridge.artifacts import read_manifest
from unibridge.cli import main
from unibridge.config import stage_settings
from unibridge.embeddings.rotation import AlignmentSettings
from unibridge.embeddings.word_vectors import write_word_vectors
from unibridge.ensemble.distil import DistilSettings
from unibridge.operations import bases, sources, stages
from unibridge.operations.generation import read_generation_pairs
from unibridge.operations.reading import read_pairs, text_lines
from unibridge.pack.derive import distil_pack
from unibridge.pack.export import export_pack
from unibridge.pack.trim import TrimOutput, trim

JSON_LINES = "".join(f'{{"text": "{line}"}}\n' for line in toy_lines("en", 40))
READ_AS_SUCH = "en.txt: holds JSON lines, read as such"


@pytest.fixture
def odd(tmp_path):
    """A text, a parallel file, a lexicon and labels of which something is to be said."""
    (tmp_path / "en.txt").write_text(JSON_LINES)
    (tmp_path / "p.tsv").write_text("target\tsource\n" + "a b\tc d\n" * 3)
    (tmp_path / "d.tsv").write_text("a\tc\na\tc\nb\td\n")
    (tmp_path / "g.conll").write_text("ab\tS-LOC\ncd\tO\n\n")
    return tmp_path


def test_no_operation_reads_past_those_that_say_what_is_odd():
    folder = Path(unibridge.operations.__file__).parent
    readers = r"\b(read_text|read_parallel|read_lexicon|read_dictionary|read_label_file)\("
    for path in folder.glob("*.py"):
        # a configuration's text is no corpus
        source = path.read_text().replace(".read_text(", "")
        assert path.name == "reading.py" or not re.search(readers, source), path.name


def test_inspect_says_what_a_text_was_taken_for_and_how_much_of_it_is_held(odd, capsys):
    base = save_toy_base(odd / "base", "bert")
    heard = Heard()
    bases.inspect(str(base), [odd / "en.txt"], listener=heard)
    assert len(heard.said) == 1 and READ_AS_SUCH in heard.said[0]
    capsys.readouterr()
    (odd / "big.txt").write_text("a line of words here\n" * 90_000)
    arguments = ["inspect", "--base", str(base), "--text", str(odd / "big.txt")]
    assert main([*arguments, "--text-megabytes", "1"]) == 0
    assert "of 90,000 lines, evenly spread" in capsys.readouterr().err
    assert main(arguments) == 0
    assert "evenly spread" not in capsys.readouterr().err


def test_embed_says_what_is_odd_about_source_text_pairs_and_dictionary(odd):
    base = save_toy_base(odd / "base", "bert")
    (odd / "lug.txt").write_text("\n".join(toy_lines("lug", 60)))
    small = ["search=fixed", "size=60", "on_too_large=largest"]
    made = stages.vocabulary(
        str(base),
        odd / "out",
        [odd / "lug.txt"],
        stage_settings("vocabulary", small),
        language="lug",
    )
    heard = Heard()
    stages.embed(
        str(base),
        odd / "out",
        [odd / "lug.txt"],
        stage_settings("embeddings", ["method=mean"]),
        language="lug",
        vocabulary=made,
        source_text=[odd / "en.txt"],
        parallel=[str(odd / "p.tsv")],
        dictionary=str(odd / "d.tsv"),
        listener=heard,
    )
    said = "\n".join(heard.said)
    for part in (READ_AS_SUCH, "p.tsv:1: taken for the columns' names", "are there before: 1"):
        assert part in said


def test_what_packs_are_made_with_is_kept_with_its_notes(odd):
    drawn_pack("ner", {"en": 1.0}).save_pretrained(odd / "pack")
    settings = DistilSettings().model_copy(
        update={"training": DistilSettings().training.model_copy(update={"steps": 1})}
    )
    made = [
        distil_pack(odd / "pack", [odd / "en.txt"], odd / "distilled", settings),
        trim(odd / "pack", odd / "trimmed", [odd / "en.txt"], TrimOutput(), gold=odd / "g.conll"),
    ]
    for folder in made:
        assert any(READ_AS_SUCH in note for note in read_manifest(folder)["warnings"])
    made.append(export_pack(odd / "pack", odd / "whole", "pack", gold=odd / "g.conll"))
    for folder in made[1:]:
        assert any("read as IOB2: 1" in note for note in read_manifest(folder)["warnings"])


def test_align_and_sources_and_generate_say_what_is_odd(odd):
    heard = Heard()
    for name in ("s.vec", "t.vec"):
        vectors = torch.eye(4)
        write_word_vectors(odd / name, list("abcd"), vectors)
    bases.align(
        odd / "s.vec",
        odd / "t.vec",
        odd / "out.vec",
        AlignmentSettings(),
        dictionary=str(odd / "d.tsv"),
        listener=heard,
    )
    assert "are there before: 1" in heard.said[0]
    heard = Heard()
    (odd / "xx.txt").write_text("\n".join(LINES))
    candidates = [{"language": code, "text": [str(odd / "en.txt")]} for code in ("en", "fr")]
    sources.sources(
        "xx", candidates, target_text=[odd / "xx.txt"], ranker="word-overlap", listener=heard
    )
    assert sum(READ_AS_SUCH in line for line in heard.said) == 2
    heard = Heard()
    rows = "tweet\tclass\n" + "".join(f"a text\tsaid {n}\n" for n in range(60))
    (odd / "pairs.tsv").write_text(rows)
    assert len(read_generation_pairs(str(odd / "pairs.tsv"), listener=heard)) == 60
    assert "taken for the columns' names" in heard.said[0] and "column of the" not in str(
        heard.said
    )


def test_reading_alone_says_each_note_once(odd):
    heard = Heard()
    assert len(read_pairs([str(odd / "p.tsv")], heard).rows) == 3 and len(heard.said) == 1
    assert len(text_lines([odd / "en.txt"], heard, 0)) == 40 and len(heard.said) == 2
