"""A base, and a pack, on benchmarks in files: trained once, scored by language, averaged."""

import json

import pytest

from toy import drawn_pack, save_toy_base
from toy_run import toy_labels, toy_lines, toy_questions
from unibridge.artifacts import read_manifest
from unibridge.cli import main
from unibridge.config import check_config, stage_settings
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.metrics import METRICS
from unibridge.operations.benchmarks import benchmark, table
from unibridge.study.inputs import read_inputs

QUICK = ["training.steps=2", "training.batch_size=8"]


def write_panx(folder, *codes):
    for code in codes:
        lines = toy_lines("en" if code == "en" else "lug", 20)
        (folder / code).mkdir(parents=True)
        for split in ("train", "dev", "test"):
            words = toy_labels("ner", lines).replace("\n\n", "\n \n")
            rows = [f"{code}:{row}" if row.strip() else "" for row in words.split("\n")]
            (folder / code / split).write_text("\n".join(rows))


def test_a_base_is_trained_once_and_scored_in_every_language(tmp_path):
    base = str(save_toy_base(tmp_path / "base", "xlm-roberta"))
    write_panx(tmp_path / "data", "en", "de", "sw")
    settings = stage_settings("fine_tuning", QUICK)
    given = {"base": base, "data": tmp_path / "data", "languages": ["de", "swa"]}
    (scored,) = benchmark(["panx"], tmp_path / "out", settings, **given)
    assert list(scored.languages) == ["de", "sw"]
    mean = sum(one["span_f1"] for one in scored.languages.values()) / 2
    assert scored.average == {"span_f1": mean, "average": mean}
    folders = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "out").iterdir())
    assert folders == ["benchmark-panx-de", "benchmark-panx-sw", "train-task-en"]
    before = {p.name: p.stat().st_mtime for p in (tmp_path / "out").iterdir()}
    (again,) = benchmark(["panx"], tmp_path / "out", settings, **given)
    assert again.languages == scored.languages
    assert before == {p.name: p.stat().st_mtime for p in (tmp_path / "out").iterdir()}
    rows = table([scored])
    assert rows[-1][:2] == ["panx", "average"] and "38 languages missing" in rows[-1][3]
    assert len(scored.missing) == 38


def test_everything_missing_is_told_before_training(tmp_path):
    base = str(save_toy_base(tmp_path / "base", "xlm-roberta"))
    write_panx(tmp_path / "data", "de")
    settings = stage_settings("fine_tuning", QUICK)
    given = {"base": base, "data": tmp_path / "data", "languages": ["de", "en"]}
    with pytest.raises(UnibridgeError) as found:
        benchmark(["panx", "xquad"], tmp_path / "out", settings, **given)
    said = str(found.value)
    for name in ("en/test", "en/train", "xquad.de.json", "train-v1.1.json"):
        assert name in said
    assert not list((tmp_path / "out").glob("train-*"))


def write_tatoeba(folder, count=12):
    for code in ("deu", "swh"):
        folder.mkdir(parents=True, exist_ok=True)
        for side, language in ((code, "lug"), ("eng", "en")):
            lines = "\n".join(toy_lines(language, count))
            (folder / f"tatoeba.{code}-eng.{side}").write_text(lines + "\n")


def write_bucc(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("training", 12), ("sample", 6)):
        texts = {"de": toy_lines("lug", count), "en": toy_lines("en", count)}
        rows = {c: [f"{c}-{n}\t{line}" for n, line in enumerate(texts[c])] for c in texts}
        rows["gold"] = [f"de-{n}\ten-{n}" for n in range(count // 2)]
        for side, lines in rows.items():
            (folder / f"de-en.{split}.{side}").write_text("\n".join(lines) + "\n")


def test_retrieval_needs_no_training(tmp_path, capsys):
    base = str(save_toy_base(tmp_path / "base", "xlm-roberta"))
    write_tatoeba(tmp_path / "tatoeba")
    write_bucc(tmp_path / "bucc")
    given = [
        "benchmark",
        "--base",
        base,
        "--tasks",
        "tatoeba",
        "bucc2018",
        "--languages",
        "de",
        "sw",
    ]
    given += ["--out", str(tmp_path / "out")]
    data = ["--data", str(tmp_path), f"bucc2018={tmp_path / 'bucc'}"]
    # everything is told that is missing, before anything is computed
    assert main([*given, *data[:2]]) == 2
    said = capsys.readouterr().err
    assert "de-en.training.gold" in said and "de-en.sample.gold" in said
    assert main(given) == 2
    said = capsys.readouterr().err
    assert (
        "bucc2018 has no dev part among the hub for de" in said and not (tmp_path / "out").exists()
    )
    assert main([*given, *data]) == 0
    said = capsys.readouterr().out
    assert "34 languages missing" in said and "3 languages missing" in said
    assert "pair_precision" in said
    folders = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "out").iterdir())
    assert folders == [f"benchmark-{one}" for one in ("bucc2018-de", "tatoeba-de", "tatoeba-sw")]
    (folder,) = (tmp_path / "out").glob("benchmark-bucc2018-*")
    facts = read_manifest(folder)["facts"]
    assert facts["examples"] == 12 and facts["threshold"] >= 0
    before = {p.name: p.stat().st_mtime for p in (tmp_path / "out").iterdir()}
    assert main([*given, *data, "--retrieval", "layer=published"]) == 0
    assert before == {p.name: p.stat().st_mtime for p in (tmp_path / "out").iterdir()}
    assert main([*given, *data, "--retrieval", "layer=last", "pooling=first"]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 6
    capsys.readouterr()
    for wrong, why in (("layer=9", "no layer 9"), ("pooling=men", "did you mean 'mean'")):
        assert main([*given, *data, "--retrieval", wrong]) == 2
        assert why in capsys.readouterr().err.lower()


def test_folders_are_those_of_benchmarks_in_use(tmp_path, capsys):
    base = str(save_toy_base(tmp_path / "base", "xlm-roberta"))
    write_tatoeba(tmp_path / "a=b" / "tatoeba")
    given = ["benchmark", "--base", base, "--languages", "de", "--out", str(tmp_path / "out")]
    given += ["--tasks", "tatoeba", "bucc2018", "xquad", "--data"]
    here, away = str(tmp_path / "a=b"), str(tmp_path / "away")
    wrong = {
        f"bucc218={here}": "unknown benchmark 'bucc218'. Did you mean 'bucc2018'",
        f"panx={here}": "unknown benchmark 'panx'. Known: bucc2018, squad, tatoeba, xquad",
        away: f"there is no folder '{away}'. Write FOLDER, or NAME=FOLDER",
        f"tatoeba={away}": f"there is no folder '{away}'",
        "tatoeba=": "there is no folder 'tatoeba='",
        f"={here}": f"there is no folder '={here}'",
        f"{here} {tmp_path}": f"two folders of all others: {here} and {tmp_path}",
        f"xquad={here} xquad={away}": f"two folders of xquad: {here} and {away}",
    }
    for data, why in wrong.items():
        assert main([*given, *data.split(" ")]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert f"--data: {why}" in said
    # what others are trained on is in use
    assert main([*given, f"squad={here}"]) == 2
    assert "train-v1.1.json" in capsys.readouterr().err
    with pytest.raises(UnibridgeError, match="unknown benchmark 'tatoba'"):
        benchmark(["tatoeba"], tmp_path, {}, base=base, data={"tatoba": here}, languages=["de"])
    assert not (tmp_path / "out").exists()
    # a folder is one, whatever its name holds
    given[given.index("bucc2018") : given.index("--data")] = []
    assert main([*given, here]) == 0


def test_texts_that_are_alike_are_found(tmp_path):
    base = str(save_toy_base(tmp_path / "base", "xlm-roberta"))
    lines = sorted(set(toy_lines("en", 12)))
    for side in ("swh", "eng"):
        (tmp_path / f"tatoeba.swh-eng.{side}").write_text("\n".join(lines) + "\n")
    given = {"base": base, "data": tmp_path, "languages": ["sw"]}
    (scored,) = benchmark(["tatoeba"], tmp_path / "out", stage_settings("fine_tuning", []), **given)
    assert scored.languages["sw"] == {"accuracy": 100.0} and scored.intervals["sw"] == (100, 100)


def test_texts_that_are_cut_are_told_and_kept(tmp_path, capsys):
    base = str(save_toy_base(tmp_path / "base", "xlm-roberta"))
    write_tatoeba(tmp_path / "tatoeba")
    for side, line in (("swh", "ndefu " * 99), ("eng", "long " * 99)):
        with (tmp_path / "tatoeba" / f"tatoeba.swh-eng.{side}").open("a") as file:
            file.write(line + "\n")
    given = ["benchmark", "--base", base, "--tasks", "tatoeba", "--languages", "de", "sw"]
    given += ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    # what was searched before is told of again
    for _ in range(2):
        assert main(given) == 0
        shown = capsys.readouterr()
        said = " ".join((shown.out + shown.err).split())
        assert said.count("2 of 26 texts are longer than 38 tokens: only their beginning") == 1
        assert said.count("texts are longer") == 1
    (folder,) = (tmp_path / "out").glob("benchmark-tatoeba-sw-*")
    (kept,) = read_manifest(folder)["warnings"]
    assert kept.startswith("2 of 26 texts are longer than 38 tokens")


def test_a_pack_of_any_task_is_searched(tmp_path):
    write_tatoeba(tmp_path / "tatoeba")
    drawn_pack("ner", {"en": 0.5, "sw": 0.5}).save_pretrained(tmp_path / "pack")
    given = {"model": tmp_path / "pack", "data": tmp_path, "languages": ["de"]}
    (scored,) = benchmark(["tatoeba"], tmp_path / "out", {}, **given)
    assert 0 <= scored.languages["de"]["accuracy"] <= 100
    # the task of what is learnt is looked at before anything is searched
    with pytest.raises(UnibridgeError, match="the pack does ner"):
        benchmark(["tatoeba", "xquad"], tmp_path / "new", {}, **given | {"data": None})
    assert not (tmp_path / "new").exists()


def test_a_pack_is_scored_by_the_benchmarks_metric(tmp_path, capsys):
    pack = drawn_pack("qa", {"en": 1.0})
    pack.save_pretrained(tmp_path / "pack")
    (tmp_path / "xquad.de.json").write_text(toy_questions(toy_lines("en", 6)))
    given = ["benchmark", "--model", tmp_path / "pack", "--data", tmp_path, "--languages", "de"]
    assert main([*map(str, given), "--tasks", "xquad", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    (folder,) = (tmp_path / "out").iterdir()
    facts = read_manifest(folder)["facts"]
    assert set(facts["scores"]) == {"squad_f1", "squad_exact_match"} and facts["examples"] == 6
    assert "xquad      average" in said and "10 languages missing" in said
    with pytest.raises(UnibridgeError, match="unknown language 'lug'"):
        benchmark(["xquad"], tmp_path / "out", {}, model=tmp_path / "pack", languages=["lug"])
    assert main([*map(str, given), "--tasks", "panx", "--out", str(tmp_path / "out")]) == 2
    assert main([*map(str, given), "--tasks", "xqad", "--out", str(tmp_path / "out")]) == 2
    assert "did you mean 'xquad'" in capsys.readouterr().err.lower()


def test_a_run_takes_a_benchmark_by_name(tmp_path):
    save_toy_base(tmp_path / "base", "xlm-roberta")
    write_panx(tmp_path / "data", "en", "de")
    (tmp_path / "de.txt").write_text("\n".join(toy_lines("lug", 20)))
    content = {
        "run": {"folder": "run", "methods": ["fine-tune"], "reference": "fine-tune"},
        "base": {"model": "base"},
        "task": {"dataset": "panx", "data": "data"},
        "target": {"language": "de", "text": ["de.txt"]},
    }
    config = check_config(content, folder=tmp_path)
    assert config.task.kind == "ner" and config.target.test.startswith("bench:panx:de:test@")
    (source,) = config.sources
    assert (source.language, source.dev) == ("en", f"bench:panx:en:dev@{tmp_path / 'data'}")
    inputs = read_inputs(config)
    assert inputs.task.metric == "span_f1" and len(inputs.train["en"].file.examples) == 20
    identity = dict(inputs.train["en"].inputs)
    (tmp_path / "data" / "en" / "train").write_text("en:Ja\tO\n")
    assert dict(read_inputs(config).train["en"].inputs) != identity
    # nothing is laid over what the user gives
    own = {**content, "sources": [{"language": "sw", "train": "data/en/test"}]}
    assert check_config(own, folder=tmp_path).sources[0].dev is None


def test_a_benchmarks_faults_are_the_configurations(tmp_path):
    content = {
        "run": {"folder": "run"},
        "base": {"model": "base"},
        "task": {"dataset": "panx", "data": ".", "kind": "pos"},
        "target": {"language": "de", "text": []},
    }
    with pytest.raises(ConfigError) as found:
        check_config(content, folder=tmp_path)
    said = str(found.value)
    assert "task.kind: 'panx' is ner" in said and "put it there as de/test" in said.lower()
    with pytest.raises(ConfigError, match=r"task\.dataset: unknown benchmark 'pamx'"):
        check_config({**content, "task": {"dataset": "pamx"}}, folder=tmp_path)


def test_the_language_of_answers_is_the_targets(tmp_path):
    save_toy_base(tmp_path / "base", "xlm-roberta")
    (tmp_path / "zh.txt").write_text("\n".join(toy_lines("lug", 20)))
    document = json.loads(toy_questions(toy_lines("en", 4)))
    document["data"][0]["paragraphs"][0]["qas"][0]["answers"] = []
    for name in ("train", "test"):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    content = {
        "run": {"folder": "run", "methods": ["fine-tune"], "reference": "fine-tune"},
        "base": {"model": "base"},
        "task": {"kind": "qa"},
        "target": {"language": "zho", "text": ["zh.txt"], "test": "test.json"},
        "sources": [{"language": "en", "train": "train.json"}],
    }
    learnt = read_inputs(check_config(content, folder=tmp_path))
    assert learnt.labels == ["start", "end", "no answer"]
    assert learnt.test.file.examples[1].answers[0].language == "zho"
    assert learnt.train["en"].file.examples[1].language == "en"
    # by character, as Chinese is
    found = learnt.test.file.examples[1].answers
    gold = [[found[0]._replace(text="北京大学")]]
    assert METRICS["answer_f1"](gold, [[found[0]._replace(text="北京")]]) == pytest.approx(200 / 3)
    content["task"]["unanswerable"] = "leave-out"
    always = read_inputs(check_config(content, folder=tmp_path))
    assert always.labels == ["start", "end"] and len(always.train["en"].file.examples) == 3
    assert len(always.test.file.examples) == 4
    assert dict(always.train["en"].inputs) != dict(learnt.train["en"].inputs)
