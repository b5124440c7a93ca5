import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from toy import drawn_pack, save_toy_base
from toy_run import toy_lines, write_toy_run
from unibridge.cli import build_parser, main
from unibridge.embeddings.word_vectors import read_word_vectors, write_word_vectors
from unibridge.text.labels import read_labels

COMMANDS = (
    *("run", "demo", "inspect", "vocabulary", "embed", "adapt", "train-task", "weigh"),
    *(
        "pack",
        "merge",
        "distil",
        "export",
        "predict",
        "evaluate",
        "align",
        "pretrain",
        "trim",
        "benchmark",
        "generate",
        "advise",
        "sources",
    ),
)


def test_help_names_every_command_without_importing_torch():
    script = (
        "import sys; from unibridge.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "print([m for m in ('torch', 'transformers', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(f"\n    {command}" in done.stdout for command in COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args([command, "--help"])
    assert end.value.code == 0 and "usage: unibridge" in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["trian"])
    assert end.value.code == 2 and "trian" in capsys.readouterr().err


def call(capsys, *arguments):
    """Run a command that succeeds; its last line of output."""
    assert main([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
    return capsys.readouterr().out.strip().splitlines()[-1]


def sets(*settings):
    return [part for setting in settings for part in ("--set", setting)]


@pytest.mark.slow
def test_the_stages_alone_lead_to_a_pack(tmp_path, capsys):
    """vocabulary -> embed -> adapt -> train-task -> weigh -> pack -> predict -> evaluate."""
    write_toy_run(tmp_path, "ner")
    at = ("--base", tmp_path / "base", "--out", tmp_path / "stages")
    target = ("--language", "lug", "--text", tmp_path / "lug.txt")
    size = sets("initial_size=60", "step=10", "max_size=80")
    vocabulary = call(capsys, "vocabulary", *at, *target, *size)
    small = sets("static_dimension=8", "static_buckets=500")
    bridge = ("--source-text", tmp_path / "en.txt", "--parallel", tmp_path / "lug-en.tsv")
    over = (*small, *sets("static_space=bridge"))
    bridged = call(capsys, "embed", *at, *target, "--vocabulary", vocabulary, *bridge, *over)
    inputs = json.loads((Path(bridged) / "manifest.json").read_text())["inputs"]
    assert any("lug-en.tsv" in name for name in inputs) and any("en.txt" in n for n in inputs)
    embed = call(capsys, "embed", *at, *target, "--vocabulary", vocabulary, *small)
    steps = sets("sample_words=0", "training.steps=2", "training.batch_size=8")
    new = ("--vocabulary", vocabulary, "--embeddings", embed)
    adapted = {"lug": call(capsys, "adapt", *at, *target, *new, *steps)}
    tasks = {}
    for code in ("en", "sw"):
        text = ("--language", code, "--text", tmp_path / f"{code}.txt")
        adapted[code] = call(capsys, "adapt", *at, *text, *steps)
        given = ("--task", "ner", "--language", code, "--labels", tmp_path / f"{code}.train.conll")
        under = ("--language-adapter", adapted[code], "--dev", tmp_path / f"{code}.dev.conll")
        tasks[code] = call(capsys, "train-task", *at, *given, *under, *sets("training.steps=2"))
    weights = call(
        capsys,
        *("weigh", *at, "--target", adapted["lug"], "--source"),
        *(f"{code}={adapted[code]}" for code in tasks),
        *("--parallel", *(f"{code}={tmp_path / f'lug-{code}.tsv'}" for code in tasks)),
    )
    pack = call(
        capsys,
        *("pack", "--base", tmp_path / "base", "--out", tmp_path / "pack"),
        *("--target", adapted["lug"], "--weights", weights, "--tasks"),
        *(f"{code}={folder}" for code, folder in tasks.items()),
    )
    few = call(
        capsys,
        *("train-task", "--out", tmp_path / "stages", "--model", pack),
        *("--target-labels", tmp_path / "lug.train.conll", "--test", tmp_path / "lug.test.conll"),
        *sets("sentences=[5]", "draws=1", "training.epochs=1"),
    )
    points = json.loads((Path(few) / "manifest.json").read_text())["facts"]["points"]
    assert [point["sentences"] for point in points] == [0, 5, 5]
    # the same tensors under other weights are another model
    config = Path(pack) / "config.json"
    other = json.loads(config.read_text()) | {"weights": [0.9, 0.1]}
    config.write_text(json.dumps(other))
    (Path(pack) / "checksums.json").unlink()  # changed on purpose
    anew = call(
        capsys,
        *("train-task", "--out", tmp_path / "stages", "--model", pack),
        *("--target-labels", tmp_path / "lug.train.conll", "--test", tmp_path / "lug.test.conll"),
        *sets("sentences=[5]", "draws=1", "training.epochs=1"),
    )
    assert anew != few
    again = call(
        capsys,
        *("weigh", *at, "--target", adapted["lug"], "--source"),
        *(f"{code}={adapted[code]}" for code in tasks),
        *("--tasks", *(f"{code}={folder}" for code, folder in tasks.items())),
        *("--labels", tmp_path / "lug.train.conll", *sets("method=best_single")),
    )
    best = json.loads((Path(again) / "weights.json").read_text())
    assert sorted(best.values()) == [0.0, 1.0]
    gold, tagged = tmp_path / "lug.test.conll", tmp_path / "tagged.conll"
    call(capsys, "predict", "--model", pack, "--input", gold, "--output", tagged)
    assert len(read_labels(tagged).examples) == len(read_labels(gold).examples)
    scores = [
        call(capsys, "evaluate", "--gold", gold, *how)
        for how in (("--model", pack), ("--predictions", tagged, "--task", "ner"))
    ]
    assert scores[0] == scores[1]


def test_inspect_answers_in_a_sentence(tmp_path, capsys):
    base = save_toy_base(tmp_path / "base", "bert")
    for name, line, verdict in (("en", toy_lines("en", 1)[0], "Yes"), ("am", "ሰላም ለዓለም", "No")):
        (tmp_path / f"{name}.txt").write_text(f"{line}\n" * 30, encoding="utf-8")
        said = call(capsys, "inspect", "--base", base, "--text", tmp_path / f"{name}.txt")
        assert said.startswith(verdict)


def test_align_writes_the_rotated_vectors_and_scores_a_dictionary(tmp_path, capsys):
    vectors = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    words = [f"w{i}" for i in range(40)]
    write_word_vectors(tmp_path / "en.vec", words, vectors)
    write_word_vectors(tmp_path / "am.vec", [f"ኣ{i}" for i in range(40)], vectors.flip(1))
    rows = [f"w{i}\tኣ{i}" for i in range(40)]
    for name, some in (("dictionary", rows[:20]), ("test", [*rows[20:], "w1\tabsent"])):
        (tmp_path / f"{name}.tsv").write_text("\n".join(some) + "\n", encoding="utf-8")
    given = {name: tmp_path / f"{name}.tsv" for name in ("dictionary", "test")}
    files = {"source": tmp_path / "am.vec", "target": tmp_path / "en.vec", "out": tmp_path / "o"}
    options = [part for name, file in (files | given).items() for part in (f"--{name}", file)]
    assert main(["align", *map(str, options)]) == 0
    assert "P@1 100.0%, P@5 100.0% of 20 words (1 pairs" in capsys.readouterr().out
    torch.testing.assert_close(read_word_vectors(tmp_path / "o").vectors, vectors)


def test_pretrain_makes_a_base_with_its_card(tmp_path, capsys):
    for code in ("en", "lug"):
        (tmp_path / f"{code}.txt").write_text("\n".join(toy_lines(code, 200)) + "\n")
    small = ("vocabulary_size=100", "hidden=16", "layers=1", "heads=2", "max_tokens=32")
    out = call(
        capsys,
        *("pretrain", "--out", tmp_path / "bases", "--text"),
        *(f"{code}={tmp_path / f'{code}.txt'}" for code in ("en", "lug")),
        *sets(*small, "training.steps=2"),
    )
    said = call(capsys, "inspect", "--base", out, "--text", tmp_path / "lug.txt")
    assert said.startswith("Yes")
    manifest = json.loads((tmp_path / "bases" / out.split("/")[-1] / "manifest.json").read_text())
    assert manifest["facts"]["languages"] == ["en", "lug"] and manifest["facts"]["steps"] == 2
    given = ("pretrain", "--base", out, "--out", tmp_path / "bases", "--text")
    further = call(
        capsys, *given, f"en={tmp_path / 'en.txt'}", *sets("training.steps=2", "sample_words=8")
    )
    card = (Path(further) / "README.md").read_text()
    assert f"# {Path(out).name}, trained further" in card and "names, dates" not in card
    assert "translation pairs: 0% of the samples" in card
    assert "bases" in out and torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["adapt", "--vocabulary", "v", "--language", "x", "--text", "t"], "needs its embeddings"),
        (["evaluate", "--gold", "g.conll"], "give --model, or --predictions"),
        (["evaluate", "--gold", "g.conll", "--predictions", "p"], "--task: what task is it"),
        (["weigh", "--target", "t", "--source", "en=a", "--parallel", "en"], "write CODE=PATH"),
        (["train-task", "--labels", "l", "--out", "o"], "--base, --task, --language"),
        (["train-task", "--target-labels", "l", "--out", "o"], "--model, --test"),
        (["pretrain", "--base", "minilm", "--out", "o"], "a given base needs text to read"),
        (["merge", "p", "o", "--text", "t", "--weights", "en=1"], "--weights or --text, not both"),
        (["merge", "p", "o", "--set", "max_lines=2"], "give the target's text with --text"),
    ],
)
def test_arguments_that_do_not_go_together_are_explained(tmp_path, capsys, arguments, match):
    save_toy_base(tmp_path / "base", "bert")
    if arguments[0] in ("adapt", "weigh"):
        arguments = [*arguments, "--base", str(tmp_path / "base"), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert match.lower() in said.lower() and "Traceback" not in said


def test_a_pack_becomes_one_model(tmp_path, capsys):
    """merge by weight and fitted, distil, export of what was distilled, and predict with it."""
    pack, text = tmp_path / "pack", tmp_path / "lug.txt"
    drawn_pack("ner", {"en": 0.3, "sw": 0.7}).save_pretrained(pack)
    text.write_text("\n".join(toy_lines("en", 20)) + "\n")
    merged = call(capsys, "merge", pack, tmp_path / "merged", "--weights", "en=1", "sw=3")
    weights = json.loads((Path(merged) / "manifest.json").read_text())["facts"]["weights"]
    assert weights == {"en": 1.0, "sw": 3.0}
    shares = call(
        capsys, "merge", pack, tmp_path / "fitted", "--text", text, *sets("training.steps=1")
    )
    facts = json.loads((Path(shares) / "manifest.json").read_text())["facts"]
    assert facts["steps"] == 1 and 0 <= facts["agreement"] <= 1
    small = sets("student=encoder", "layers=1", "training.steps=1")
    given = ("distil", pack, "--text", text, tmp_path / "distilled", *small)
    distilled = call(capsys, *given)
    assert call(capsys, *given) == distilled
    plain = call(capsys, "export", distilled, tmp_path / "plain", "--format", "encoder")
    assert json.loads((Path(plain) / "config.json").read_text())["num_hidden_layers"] == 1
    output = tmp_path / "out.txt"
    call(capsys, "predict", "--model", merged, "--input", text, "--output", output)
    assert output.read_text().count("\n\n") == 20
