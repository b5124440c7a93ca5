import json

import pytest

from toy import LINES, save_toy_base
from toy_run import toy_lines
from unibridge.cli import main
from unibridge.evaluation.records import read_results


def test_pairs_are_learnt_and_other_languages_scored(tmp_path, capsys):
    base = save_toy_base(tmp_path / "base", "mt5")
    table = "".join(f"{line}\tthe old river\n" for line in LINES)
    for name in ("en", "lug"):
        (tmp_path / f"{name}.tsv").write_text(table)
        (tmp_path / f"{name}.txt").write_text("\n".join(toy_lines(name, 20)))
    texts = [f"{name}={tmp_path / name}.txt" for name in ("en", "lug")]
    given = ["generate", "--base", base, "--train", f"en={tmp_path / 'en.tsv'}"]
    given += ["--test", f"lug={tmp_path / 'lug.tsv'}", "--out", tmp_path / "out"]
    quick = ["--set", "training.steps=40", "--set", "training.learning_rate=0.02"]
    quick += ["--set", "max_output=8", "--set", "beams=2"]
    assert main([str(one) for one in (*given, "--text", *texts, *quick)]) == 0
    said = capsys.readouterr().out.strip().splitlines()[-1]
    assert said.startswith("lug  chrf ") and "rouge_l" in said and "wrong_language" in said
    (folder,) = (tmp_path / "out").glob("generate-lug-*")
    results = read_results(tmp_path / "out" / "results.jsonl").results
    assert [one.method for one in results] == ["generate", "copy"]
    row, copy = results
    assert (row.target, row.metric, row.sources, row.examples) == ("lug", "chrf", ("en",), 5)
    assert f"chrf {row.score:.1f}" in said and row.low <= row.score <= row.high
    assert f"rouge_l {row.note.split()[1].rstrip(';')}" in said and row.steps == 40
    assert copy.role == "floor" and copy.ahead == pytest.approx(copy.score - row.score)
    assert copy.ahead_low <= copy.ahead <= copy.ahead_high
    rows = [json.loads(line) for line in (folder / "outputs.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == list(LINES)
    # words of English where Luganda was asked for
    if all(row["output"] for row in rows):
        assert "wrong_language 100.0" in said
    assert main([str(one) for one in (*given, "--text", texts[0], *quick)]) == 2
    assert "no text to know lug by" in capsys.readouterr().err
    assert main([str(one) for one in (*given, "--text", *texts, *quick)]) == 0
    # what is there already is not written twice
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 2
    assert main([str(one) for one in (*given, *quick)]) == 0
