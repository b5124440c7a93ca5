"""What `continued` may read beside the target's text, and what a line and its translation do."""

import pytest

from methods.test_translating import cell_of
from toy_run import write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.errors import ConfigError


def facts_of(cell):
    return read_manifest(cell.stages[0])["facts"]


def test_translations_are_half_of_the_samples_and_their_files_decide_the_stage(tmp_path):
    path = write_toy_run(tmp_path, "ner")
    cell, _ = cell_of(
        load_config(path, ["run.methods=['continued-tlm']"]), "continued-tlm", tmp_path
    )
    facts, made = facts_of(cell), read_manifest(cell.stages[0])
    assert facts["translated_samples"] == facts["samples"] / 2
    assert {name.split(":")[0] for name in made["inputs"] if "aligned" in name} == {"en", "sw"}
    path.write_text(path.read_text().replace("parallel = ", "# parallel = "))
    with pytest.raises(ConfigError, match=r"sources\.0\.parallel: 'continued-tlm' reads translat"):
        load_config(path, ["run.methods=['continued-tlm']"])


@pytest.mark.slow
def test_languages_are_drawn_by_their_smoothed_shares(tmp_path):
    path = write_toy_run(tmp_path, "ner")
    (tmp_path / "en.txt").write_text((tmp_path / "en.txt").read_text() * 8)
    given = ["run.methods=['continued-smoothed']"]
    cell, _ = cell_of(load_config(path, given), "continued-smoothed", tmp_path)
    facts = facts_of(cell)
    own = facts["samples"] - facts["replayed_samples"]
    # a line is a sample; one in a hundred of the target's is held out
    expected = own * ((1200 / own) ** 0.3 + (150 / own) ** 0.3)
    assert facts["replayed_samples"] == pytest.approx(expected, abs=2)


def test_what_aligned_sentences_are_worth_is_said_beside_the_score(tmp_path):
    path = write_toy_run(tmp_path, "classification")
    given = ["run.methods=['sentence-aligned']", "contrast.training.steps=2"]
    given += ["contrast.held_out=0.5"]
    cell, _ = cell_of(load_config(path, given), "sentence-aligned", tmp_path)
    assert [stage.name.partition("-")[0] for stage in cell.stages] == ["adapt", "train"]
    assert "retrieval, en: " in cell.note and "retrieval, sw: " in cell.note
    path.write_text(path.read_text().replace("parallel = ", "# parallel = "))
    with pytest.raises(ConfigError, match="'sentence-aligned' needs aligned lines of a source"):
        load_config(path, given)
