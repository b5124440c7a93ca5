"""Every example does what its first lines promise."""

import runpy
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from unibridge.cli import build_parser
from unibridge.config import load_config
from unibridge.config.overrides import put_all
from unibridge.grid.executors.ray import RaySettings
from unibridge.transfer_study.plan import load_study

EXAMPLES = Path(__file__).parents[1] / "examples"
DATA = EXAMPLES.parents[1] / "shared" / "data"
BASES = {"minilm": "minilm", "me5": "me5", "xlmr": "xlm-roberta-base"}
CONFIGURATIONS = sorted(p for p in EXAMPLES.glob("*.toml") if not p.stem.startswith("study_"))
STUDIES = sorted(EXAMPLES.glob("study_*.toml"))


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


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_study_is_accepted(path: Path) -> None:
    plan = load_study(path)
    assert plan.settings.run.folder.name == path.stem and not plan.warnings


def study_command(text: str) -> Any:
    """The options of the `unibridge study` that a script or a job starts."""
    line = text.replace("\\\n", " ").partition("unibridge study ")[2].partition("\n\n")[0]
    line = line.partition("\n  shutdown")[0].replace("\n", " ")
    return build_parser().parse_args(["study", *shlex.split(line)])


def ray_options(given: Any) -> RaySettings:
    content: dict[str, Any] = {}
    put_all(content, given.set)
    return RaySettings.model_validate(content["run"]["options"])


def test_the_slurm_script_is_one_and_starts_a_study() -> None:
    path = EXAMPLES / "study_ray_slurm.sh"
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text().replace("$((16 * SLURM_JOB_NUM_NODES))", "64")
    given = study_command(text.replace("$STUDY", "study.toml"))
    assert (given.executor, given.workers, str(given.study)) == ("ray", 64, "study.toml")
    assert ray_options(given).address == "$HEAD:$PORT" and ray_options(given).gpus == 0.25
    # as many on a node as its GPUs have room for
    assert "--gpus-per-node=4" in text and "--ntasks-per-node=1" in text


def test_the_kubernetes_job_is_one_and_starts_a_study() -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((EXAMPLES / "study_ray_kubernetes.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    given = study_command(job["spec"]["entrypoint"])
    assert given.executor == "ray" and ray_options(given).address == "auto"
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    (worker,) = workers["template"]["spec"]["containers"]
    gpus = int(worker["resources"]["limits"]["nvidia.com/gpu"])
    assert given.workers == workers["replicas"] * gpus / ray_options(given).gpus
    for group in (cluster["headGroupSpec"], workers):
        assert group["template"]["spec"]["containers"][0]["image"] == worker["image"]
