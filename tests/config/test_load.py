import subprocess
import sys
import tomllib

import pytest

from toy_config import BASIC, faults, read
from unibridge.config import Config, check_config, load_config
from unibridge.errors import ConfigError, UnibridgeError


def test_paths_start_at_the_file_and_one_file_needs_no_brackets(folder):
    config = read(folder)
    assert config.run.folder == folder / "out"
    assert config.target.text == (str(folder / "xx.txt"),)
    assert config.sources[0].parallel == (str(folder / "xx-en.tsv"),)
    assert config.base.model == "some/base"
    (folder / "some" / "base").mkdir(parents=True)
    assert read(folder).base.model == str(folder / "some" / "base")


def test_defaults_are_the_papers():
    config = Config.model_fields
    vocabulary, adaptation = (config[n].get_default() for n in ("vocabulary", "adaptation"))
    assert (vocabulary.initial_size, vocabulary.max_size, vocabulary.step) == (7_000, 60_000, 1_000)
    assert vocabulary.epsilon == 5.0
    assert adaptation.kl_weight == 1.0 and adaptation.mask_rate == 0.15
    assert adaptation.training.batch_size == 32 and adaptation.training.epochs == 50
    assert adaptation.sample_words == 128 and adaptation.adapter.reduction_factor == 2
    assert (adaptation.max_samples, config["source_adaptation"].get_default().max_samples) == (
        10_000,
        50_000,
    )
    assert config["task_training"].get_default().adapter.reduction_factor == 16
    assert config["task_training"].get_default().training.epochs == 11
    assert config["weights"].get_default().sentences == 10
    fine_tuning = config["fine_tuning"].get_default().training
    # but not here: by the paper's 1e-5 for 10 epochs a small model learns next to nothing
    assert (fine_tuning.epochs, fine_tuning.learning_rate) == (3, None)


def test_all_faults_are_listed_at_once_with_their_paths(folder):
    found = faults(
        folder,
        '[adaptation]\nmask_rate = 2.0\nstate = "decoder"\n[adaptation.training]\nepoch = 3\n'
        "[nonsense]\n",
    )
    assert len(found) == 4
    text = "\n".join(found)
    assert "adaptation.mask_rate: " in text and "not 2.0" in text
    assert "adaptation.state: " in text and "'encoder' or 'inverse'" in text
    assert "adaptation.training.epoch: there is no such setting; did you mean 'epochs'?" in text
    assert "nonsense: there is no such setting" in text


def test_a_faulty_value_does_not_hide_a_missing_file(folder):
    (folder / "xx.txt").unlink()
    found = faults(folder, '[weights]\ntemperature = -1\n[vocabulary]\nsearch = "scam"\n')

    assert [fault.partition(":")[0] for fault in found] == [
        "weights.temperature",
        "target.text.0",
        "vocabulary.search",
    ]


REQUIRED = ("run.folder", "base.model", "task.kind", "target.language", "target.text")
REQUIRED += ("sources.0.language", "sources.0.train", "run", "base", "task", "target", "sources")
WRONG = """
[embeddings]
method = "unibrige"
[methods.own]
label = "Own"
settings = {run.title = "x"}
"""


def without(path):
    """BASIC without one of its keys."""
    content = tomllib.loads(BASIC)
    *parents, last = path.split(".")
    place = content
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    del place[last]
    return content


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_key_is_told_with_every_other_fault_and_brings_none_of_its_own(folder, path):
    with pytest.raises(ConfigError) as error:
        check_config(without(path) | tomllib.loads(WRONG), folder=folder)
    assert [fault.partition(": ")[0] for fault in error.value.faults] == [
        path,
        "embeddings.method",
        "methods.own.settings",
    ]


def test_an_empty_configuration_lists_what_is_missing(folder):
    with pytest.raises(ConfigError) as error:
        check_config({}, folder=folder)
    found = [fault.partition(": is missing")[0] for fault in error.value.faults]
    assert found == ["base", "task", "target", "sources", "run"]


@pytest.mark.parametrize(
    "fault",
    [
        'run.methods="ceiling"',
        "run.seeds=[-1]",
        "target.text=[5]",
        "target.predict=5",
        'target.language="two words"',
        "sources=[5]",
        "sources=[]",
        "sources.0.parallel=5",
        "vocabulary.character_coverage=7",
        "vocabulary.max_size=20",
        "weights.method=5",
        "methods.mine=5",
        'methods.mine={label="Mine", role="typo"}',
        'methods.mine={label="Mine", lable="Mine"}',
        'methods.mine={settings={"adaptation.kl_weight"=0.5}}',
    ],
)
def test_a_faulty_value_hides_nothing_and_brings_no_other_fault(folder, fault):
    section = fault.partition(".")[0].partition("=")[0]
    own = ['run.methods=["mine", "unibridge"]'] if "methods.mine" in fault else []
    (folder / "xx.conll").unlink()
    found = faults(folder, WRONG, overrides=[fault, *own])
    assert all(one.startswith(section) for one in found[:-3]) and len(found) > 3
    assert [one.partition(": ")[0] for one in found[-3:]] == [
        "target.test",
        "embeddings.method",
        "methods.own.settings",
    ]


def test_a_section_written_in_part_keeps_the_rest_of_its_own_defaults(folder):
    config = read(
        folder,
        "[source_adaptation]\nsample_words = 64\n[fine_tuning.training]\nbatch_size = 8\n",
    )

    assert config.source_adaptation.sample_words == 64
    assert config.source_adaptation.max_samples == 50_000
    assert config.fine_tuning.training.schedule == "linear"
    assert config.fine_tuning.training.batch_size == 8


def test_a_rate_that_is_written_is_used_wherever_it_is_written(folder):
    rate = "[adaptation.training]\nlearning_rate = 2e-3\n"
    slow = '[methods.slow]\nlabel = "slow"\nsettings = {"adaptation.kl_weight" = 0.5}\n'
    config = read(folder, rate + slow)
    assert config.adaptation.training.learning_rate == 2e-3
    assert config.for_method("slow").adaptation.training.learning_rate == 2e-3
    assert config.source_adaptation.training.learning_rate is None


def test_what_is_missing_is_described(folder):
    (fault,) = faults(folder, text=BASIC.replace('model = "some/base"', ""))
    assert fault.startswith("base.model: is missing; write folder, hub id")


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"[run\n", r"run\.toml: is not TOML .*line 1"), (b"\xff\xfe[", r"run\.toml: cannot be read")],
)
def test_a_file_that_is_not_toml_is_named(tmp_path, content, match):
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(UnibridgeError, match=match):
        load_config(tmp_path / "run.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnibridgeError, match=r"gone\.toml: cannot be read"):
        load_config(tmp_path / "gone.toml")


def test_a_setting_goes_into_json_and_back(folder):
    config = read(folder)
    content = config.model_dump(mode="json")
    assert check_config(content, folder=folder) == config


def test_settings_and_their_checks_import_nothing_heavy():
    script = (
        "import sys, unibridge.config as c, unibridge.errors as e\n"
        "try: c.load_config('/nonexistent.toml')\nexcept e.UnibridgeError: pass\n"
        "import unibridge.transfer.pretrain\n"
        "heavy = 'torch transformers gensim matplotlib numpy scipy babel statistics'.split()\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
