import pytest

from toy_run import write_toy_run
from unibridge.config import load_configs
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.operations.runs import run_targets

QUICK = ["run.methods=['fine-tune']", "run.reference='fine-tune'", "fine_tuning.training.epochs=1"]


@pytest.fixture
def config(tmp_path):
    """lug and, of the same text under another name, hau."""
    path = write_toy_run(tmp_path, "pos")
    for file in list(tmp_path.glob("lug*")):
        (tmp_path / file.name.replace("lug", "hau")).write_bytes(file.read_bytes())
    text = path.read_text().replace('language = "lug"', "").replace("lug", "{target}")
    path.write_text('targets = ["lug", "hau"]\n' + text)
    return path


def test_every_target_has_its_files_and_its_folder(config, tmp_path):
    configs = load_configs(config)
    assert list(configs) == ["lug", "hau"]
    hau = configs["hau"]
    assert hau.target.language == "hau" and hau.target.text == (str(tmp_path / "hau.txt"),)
    assert str(tmp_path / "hau-en.tsv") in str(hau.sources[0].parallel)
    assert hau.run.folder.parent == configs["lug"].run.folder.parent


def test_faults_of_all_targets_are_told_together(config, tmp_path):
    (tmp_path / "hau.txt").unlink()
    (tmp_path / "lug.txt").unlink()
    with pytest.raises(ConfigError) as faults:
        load_configs(config)
    assert "lug.txt" in str(faults.value) and "hau.txt" in str(faults.value)
    text = config.read_text()
    config.write_text(text.replace('["lug", "hau"]', '"lug"'))
    with pytest.raises(UnibridgeError, match="targets is no list"):
        load_configs(config)


@pytest.mark.slow
def test_sources_are_trained_once_for_all_targets(config):
    configs = load_configs(config, QUICK)
    folder = run_targets(configs)
    assert (folder / "report.html").exists()
    trained = [path.name for path in folder.glob("*/*") if path.name.startswith("finetune")]
    trained = trained or [path.name for path in folder.glob("*/train*")]
    assert len(trained) == 2 and len(set(trained)) == 1  # the same stage, linked
    (first, second) = (folder / code / trained[0] / "manifest.json" for code in ("lug", "hau"))
    assert first.read_text() == second.read_text()
