"""Every example does what its first lines promise."""

import runpy
from pathlib import Path

import pytest

from unibridge.config import load_config

EXAMPLES = Path(__file__).parents[1] / "examples"
DATA = EXAMPLES.parents[1] / "shared" / "data"
BASES = {"minilm": "minilm", "me5": "me5", "xlmr": "xlm-roberta-base"}
CONFIGURATIONS = sorted(EXAMPLES.glob("*.toml"))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_configuration_is_accepted(path: Path) -> None:
    config = load_config(path)  # every file that it names is there, too

    task, target, base = path.stem.split("_")
    assert config.target.language == target
    assert config.base.model == BASES[base]
    kinds = {"topic": "classification", "sentiment": "classification", "nli": "pairs"}
    assert config.task.kind == kinds.get(task, task)
    assert config.run.folder.name == path.stem


@pytest.mark.parametrize(
    "path", [path for path in CONFIGURATIONS if "xlmr" in path.stem], ids=lambda path: path.stem
)
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_xlmr_configurations_are_the_published_settings(path: Path) -> None:
    config = load_config(path)

    assert (config.vocabulary.initial_size, config.vocabulary.step) == (7_000, 1_000)
    assert config.vocabulary.mode == "replace"
    space = (config.embeddings.static_space, config.embeddings.semantic_step)
    assert (*space, config.weights.method) == ("separate", "always", "harmony")
    assert (config.embeddings.static_dimension, config.embeddings.static_epochs) == (300, 3)
    for stage, samples in ((config.adaptation, 10_000), (config.source_adaptation, 50_000)):
        assert (stage.sample_words, stage.max_samples, stage.mask_rate) == (128, samples, 0.15)
        assert (stage.training.batch_size, stage.training.epochs) == (32, 50)
        assert (stage.trains, stage.replay, stage.output_bias) == ("adapter", 0, "zero")
        assert stage.training.vocabulary_rows == "all"
        assert stage.training.learning_rate in (5e-5, 2e-4, 5e-4, 1e-3)
        assert (stage.adapter.reduction_factor, stage.adapter.inv_reduction_factor) == (2, 2)
    assert config.adaptation.kl_weight == 1.0
    task, whole = config.task_training, config.fine_tuning
    assert (task.training.batch_size, task.training.epochs) == (32, 11)
    assert task.training.learning_rate in (5e-4, 1e-3)
    assert task.adapter.reduction_factor == 16
    assert (whole.training.batch_size, whole.training.epochs) == (32, 10)
    assert whole.training.learning_rate == 1e-5
    assert (whole.training.warmup, whole.training.clip, whole.head_start) == (0, 0, "random")
    assert config.weights.sentences == 10


@pytest.mark.slow
def test_quickstart_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")

    printed = capsys.readouterr().out
    for step in ("vocabulary:", "embeddings:", "adapted:", "weights:", "span_f1:"):
        assert step in printed
