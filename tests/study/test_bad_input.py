"""Every mistake of a user ends in one clear line, exit code 2, and finished stages untouched."""

import json
import shutil
import subprocess
import sys

import pytest
import torch

from toy import save_toy_base
from toy_run import write_toy_run
from unibridge.artifacts import FORMAT, MANIFEST, hash_path, read_json, write_json
from unibridge.cli import main


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run; each test gets a copy of it and breaks something."""
    folder = tmp_path_factory.mktemp("toy")
    config = write_toy_run(folder, "ner")
    assert main(["run", str(config)]) == 0
    return folder


@pytest.fixture
def toy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "toy")


def stages(folder):
    return {path.name: hash_path(path) for path in (folder / "run").glob("[!.]*-*")}


def refused(toy, capsys, *settings):
    """The one line said by a run that is refused."""
    before = stages(toy)
    given = [part for setting in settings for part in ("--set", setting)]
    capsys.readouterr()
    assert main(["run", str(toy / "run.toml"), *given]) == 2
    after = stages(toy)
    assert {name: after.get(name) for name in before} == before
    return said_in(capsys.readouterr().err)


def said_in(errors):
    assert "Traceback" not in errors
    said = errors[errors.rindex("\nunibridge: ") + 1 :].strip()
    assert said.startswith("unibridge: ")
    return said


def write(name, content):
    def breaking(toy):
        (toy / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return breaking


def text_of(name, old, new):
    def breaking(toy):
        path = toy / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return breaking


def base_config(**changed):
    def breaking(toy):
        path = toy / "base" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return breaking


def pickled(toy):
    (toy / "base" / "model.safetensors").unlink()
    torch.save({}, toy / "base" / "pytorch_model.bin")


def another_version(toy):
    for path in (toy / "run").glob(f"embed-*/{MANIFEST}"):
        write_json(path, read_json(path) | {"format": FORMAT + 98})


def nothing(toy):
    pass


# what breaks, settings, and what the line has to hold: the place, the fault, the remedy
TABLE = {
    "empty text": (write("lug.txt", "\n \n"), (), ("lug.txt: the file is empty",)),
    "binary text": (write("lug.txt", bytes(range(256)) * 9), (), ("lug.txt", "binary")),
    "wrong encoding": (
        write("lug.txt", b"fine line\ncaf\xe9 line\n"),
        (),
        ("lug.txt:2", "UTF-8"),
    ),
    "UTF-16": (write("lug.txt", "toto rida".encode("utf-16")), (), ("lug.txt", "UTF-16", "UTF-8")),
    "no json": (
        write("more.jsonl", '{"text": "a"}\n{"text": \n'),
        ('target.text=["lug.txt", "more.jsonl"]',),
        ("more.jsonl:2", "JSON"),
    ),
    "too small for the vocabulary asked for": (
        nothing,
        ("vocabulary.search=fixed", "vocabulary.size=5000"),
        ("vocabulary.size", "5,000", "at most"),
    ),
    "labels that sources do not share": (
        text_of("sw.train.conll", "B-LOC", "B-PER"),
        (),
        ("do not share", "en has LOC, not PER", "allow_label_union"),
    ),
    "a label without a word": (
        text_of("sw.train.conll", "\tO\n", "\n"),
        (),
        ("sw.train.conll:", "column"),
    ),
    "misaligned parallel files": (
        write("short.txt", "toto\n"),
        ('sources.0.parallel=["lug.txt", "short.txt"]',),
        ("not aligned", "lug.txt has 150 lines", "short.txt has 1"),
    ),
    "a parallel row of one column": (
        write("lug-en.tsv", "toto\triver\nrida\n"),
        (),
        ("lug-en.tsv:2", "1 instead of 2 columns", "tab"),
    ),
    "several faults at once": (
        nothing,
        ("adaptation.mask_rate=7", "vocabulary.stepp=3", "weights.method=5", "run.seeds=[]"),
        (
            "run.toml: 4 faults",
            "adaptation.mask_rate: ",
            "vocabulary.stepp: there is no such setting; did you mean 'step'?",
            "weights.method: ",
            "run.seeds: ",
        ),
    ),
    "unknown names": (
        nothing,
        ('run.methods=["unibrige"]', "embeddings.method=focas", "task.kind=nre"),
        ("3 faults", "'unibridge'", "'focus'", "task.kind: unknown task 'nre'"),
    ),
    "a missing file": (
        nothing,
        ("target.test=gone.conll",),
        ("target.test: there is no file", "gone.conll"),
    ),
    "no toml": (write("run.toml", "[run\n"), (), ("run.toml: is not TOML", "line 1")),
    "an unknown model family": (
        base_config(model_type="t5"),
        (),
        ("base: unknown model family 't5'", "known: bert"),
    ),
    "a setting of the model that is not handled": (
        base_config(position_embedding_type="relative_key"),
        (),
        ("position_embedding_type = 'relative_key'",),
    ),
    "a pickle checkpoint": (pickled, (), ("base: the weights are a pickle", "save_pretrained")),
    "a folder from another version": (
        another_version,
        (),
        ("embed-lug", f"format {FORMAT + 98}", "new run folder"),
    ),
    "no base": (nothing, ("base.model=./nowhere",), ("nowhere", "no such folder")),
}


@pytest.mark.parametrize("case", TABLE)
def test_a_mistake_is_one_clear_line(toy, capsys, case):
    breaking, settings, parts = TABLE[case]
    breaking(toy)
    said = refused(toy, capsys, *settings)
    for part in parts:
        assert part in said
    if "in the configuration" not in said:
        assert "\n" not in said


@pytest.mark.parametrize(
    "file", ["results.jsonl", pytest.param("report.html", marks=pytest.mark.slow)]
)
def test_a_disk_that_is_full_at_the_end_is_explained(toy, capsys, file):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((toy / "run" / file).stat().st_size - 1, before[1]))
    try:
        said = refused(toy, capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "no room left on the disk" in said and "finished stages are kept" in said
    assert file in said
    assert main(["run", str(toy / "run.toml")]) == 0


# from a stage on, the largest file that may be written, in bytes; what hits it first is the
# vocabulary's SentencePiece model, its tokenizer, a checkpoint, and the pack's weights
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "limit"),
    [("vocabulary", 1_000), ("vocabulary", 250_000), ("adapt", 5_000), ("predict", 5_000)],
)
def test_a_disk_that_fills_up_on_the_way_is_explained(tmp_path, stage, limit):
    config = write_toy_run(tmp_path, "ner")
    script = f"""
import resource, sys
from unibridge import cli, console

tell = console.Console.on_stage

def on_stage(self, folder, done):
    if folder.startswith({stage!r}):
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, -1))
    tell(self, folder, done)

console.Console.on_stage = on_stage
sys.exit(cli.main(["run", {str(config)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    said = said_in(done.stderr)
    assert "no room left on the disk" in said and "free some space" in said.lower()
    before = stages(tmp_path)
    assert main(["run", str(config)]) == 0
    after = stages(tmp_path)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda folder: None, ("is not a language pack", "`pack`")),
        (lambda folder: save_toy_base(folder, "bert"), ("is not a language pack", "`pack`")),
    ],
    ids=["an empty folder", "a base model"],
)
def test_what_is_no_pack_does_not_predict(tmp_path, capsys, make, parts):
    (tmp_path / "model").mkdir()
    make(tmp_path / "model")
    (tmp_path / "in.txt").write_text("toto\n")
    arguments = ("--model", tmp_path / "model", "--input", tmp_path / "in.txt", "--output", "out")
    assert main(["predict", *map(str, arguments)]) == 2
    said = said_in(capsys.readouterr().err)
    assert all(part in said for part in parts)
