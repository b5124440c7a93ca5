"""The operations of a notebook: paths and settings in, folders out, nothing printed."""

import pytest

from toy import save_toy_base
from toy_run import Heard, toy_lines, write_toy_run
from unibridge.artifacts import write_manifest
from unibridge.config import stage_settings
from unibridge.errors import UnibridgeError
from unibridge.models.base import load_base
from unibridge.operations import bases, packs, stages

STEPS = ["sample_words=0", "training.steps=2", "training.batch_size=8"]


def test_a_loaded_base_does_for_all_stages_and_a_listener_hears_of_them(tmp_path, capfd):
    write_toy_run(tmp_path, "ner")
    base, out, heard = load_base(str(tmp_path / "base")), tmp_path / "stages", Heard()
    common = {"listener": heard}
    folders = [
        stages.adapt(
            given,
            out,
            [tmp_path / "en.txt"],
            stage_settings("source_adaptation", STEPS),
            language="en",
            **common,
        )
        for given in (base, str(tmp_path / "base"))
    ]
    assert folders[0] == folders[1]
    assert heard.stages == [("adapt-en-base-vocabulary", False), ("adapt-en-base-vocabulary", True)]
    assert ("adapt-en-base-vocabulary", 2, 2) in heard.steps
    assert "tokens-en-base-vocabulary" in {stage for stage, _, steps in heard.steps if steps}
    task = stages.train_task(
        base,
        out,
        str(tmp_path / "en.train.conll"),
        stage_settings("task_training", ["training.steps=2"]),
        task="ner",
        language="en",
        language_adapter=folders[0],
    )
    pack = stages.assemble_pack(base, tmp_path / "pack", folders[0], {"en": task})
    gold, tagged = tmp_path / "en.test.conll", tmp_path / "tagged.conll"
    assert packs.predict_file(pack, gold, tagged) == 14
    alike = packs.evaluate(gold, predictions=tagged, task="ner")
    assert packs.evaluate(gold, model=pack) == alike
    said = capfd.readouterr()
    assert said.out == "" and "unibridge" not in said.err


def test_text_that_is_odd_is_said_to_the_listener(tmp_path):
    base, heard = save_toy_base(tmp_path / "base", "bert"), Heard()
    line = toy_lines("en", 1)[0]
    (tmp_path / "en.txt").write_text(f"{line}\n" * 30)
    (tmp_path / "texts").mkdir()
    for name, text in (("en.txt", line), ("none.txt", "")):
        (tmp_path / "texts" / name).write_text(text)
    stages.read_corpus([tmp_path / "texts"], heard)
    assert len(heard.said) == 1 and "none.txt is empty" in heard.said[0]
    assert bases.inspect(str(base), [tmp_path / "en.txt"]).found.verdict.startswith("Yes")


@pytest.mark.parametrize("content", ['{"format": 1', "[]", "{}", "\0" * 64])
def test_a_stage_whose_manifest_is_torn_makes_no_pack(tmp_path, content):
    for name in ("adapt", "train"):
        (tmp_path / name).mkdir()
    write_manifest(tmp_path / "train", {"stage": "train-task", "fingerprint": "0", "settings": {}})
    (tmp_path / "adapt" / "manifest.json").write_text(content)
    tasks = {"en": tmp_path / "train"}
    with pytest.raises(UnibridgeError, match="adapt"):
        stages.assemble_pack("none", tmp_path / "out", tmp_path / "adapt", tasks)
    assert not (tmp_path / "out").exists()


def test_faults_are_errors_and_not_exits(tmp_path):
    with pytest.raises(UnibridgeError, match="needs its embeddings"):
        stages.adapt("none", tmp_path, [], None, language="x", vocabulary=tmp_path)
    with pytest.raises(UnibridgeError, match="nothing to score"):
        packs.evaluate("gold.conll")
    with pytest.raises(UnibridgeError, match="a given base needs text"):
        bases.pretrain(tmp_path, None, base="minilm")
