import pytest

from toy_config import faults, read
from unibridge.methods import METHODS


def test_a_misspelt_choice_of_a_method_is_answered_with_the_nearest(folder):
    (fault,) = faults(folder, '[methods.mine]\nlabel = "Mine"\nparnet = "mad-x"\n')
    assert "methods.mine.parnet: there is no such setting; did you mean 'parent'" in fault


@pytest.mark.parametrize("name", METHODS)
def test_every_method_lays_known_settings_over_a_run(folder, name):
    config = read(folder)
    chosen = config.for_method(name)
    assert chosen.run == config.run
    for path, value in METHODS[name].settings.items():
        assert path.partition(".")[0] in METHODS[name].reads
        found = chosen
        for part in path.split("."):
            found = getattr(found, part)
        assert found == value


def test_a_configuration_can_bring_a_method(folder):
    config = read(
        folder,
        '[methods.mine]\nlabel = "Mine"\nsettings = {"adaptation.kl_weight" = 0.5}\n',
        overrides=['run.methods=["mine"]'],
    )
    assert config.for_method("mine").adaptation.kl_weight == 0.5
    assert config.method("mine").label == "Mine"
    text = '[methods.mine]\nlabel = "Mine"\nsettings = {"adaptation.kl" = 0.5}\n'
    (fault,) = faults(folder, text, overrides=['run.methods=["mine"]'])
    assert fault.startswith("methods.mine.settings: adaptation.kl: there is no such setting")
    (same,) = faults(folder, text)
    assert same == fault, "also where the run does not use it"


@pytest.mark.parametrize(
    "written", ['{"adaptation.kl_weight" = 0.5}', "{adaptation.kl_weight = 0.5}"]
)
def test_a_methods_setting_leaves_the_rest_of_its_section(folder, written):
    config = read(folder, f'[methods.mine]\nlabel = "Mine"\nsettings = {written}\n')
    assert config.for_method("mine").adaptation.kl_weight == 0.5
    assert config.for_method("mine").adaptation.max_samples == 10_000


@pytest.mark.parametrize(
    ("choices", "setting", "said"),
    [
        ("", "target.text", "is the same for all methods; write it outside"),
        ("", "sources.0.train", "is the same for all methods; write it outside"),
        ("", "run.title", "is the same for all methods; write it outside"),
        ("", "nonsense", "there is no such setting"),
        (
            'parent = "mad-x"',
            "embeddings.static_objective",
            "this method reads adaptation, source_",
        ),
        ('parent = "mad-x"', "vocabulary.kind", "would change nothing"),
        ('parent = "fine-tune"', "task_training.max_tokens", "reads fine_tuning;"),
        ('parent = "unibridge-stages"', "fine_tuning.max_tokens", "would change nothing"),
        ('parent = "ceiling"', "source_adaptation.state", "would change nothing"),
        ('parent = "mad-x"', "weights.method", "would change nothing"),
        ('sources = "english"', "weights.method", "would change nothing"),
        ('parent = "unibridge-english-only"', "weights.method", "would change nothing"),
        (
            'parent = "floor"',
            "source_adaptation.state",
            "this method reads task_training, fine_tuning",
        ),
    ],
)
def test_a_setting_that_a_method_would_ignore_is_refused(folder, choices, setting, said):
    values = {
        "method": "single",
        "kind": "bpe",
        "static_objective": "cbow",
        "state": "inverse",
        "max_tokens": "64",
    }
    value = values.get(setting.rpartition(".")[2], "en.txt")
    given = f'settings = {{"{setting}" = "{value}"}}'
    (fault,) = faults(folder, f'[methods.mine]\nlabel = "Mine"\n{choices}\n{given}\n')
    assert fault.startswith(f"methods.mine.settings: {setting}: ") and said in fault


def test_a_method_varies_one_that_there_is(folder):
    (fault,) = faults(folder, '[methods.mine]\nlabel = "Mine"\nparent = "mad-y"\n')
    assert fault.startswith("methods.mine.parent: unknown method 'mad-y'. Did you mean 'mad-x'")


@pytest.mark.parametrize(
    ("written", "role"),
    [("", "ablation"), ('parent = "mad-x"', "baseline"), ('role = "method"', "method")],
)
def test_a_variant_has_its_parents_role_and_that_of_a_method_is_an_ablation(folder, written, role):
    config = read(folder, f'[methods.mine]\nlabel = "Mine"\n{written}\n')
    assert config.method("mine").role == role


OWN = """
from dataclasses import replace
from unibridge.methods import METHODS
MINE = replace(METHODS["mad-x"], name="mine", label="Mine", needs=(lambda run: (
    [("sources", "needs two sources")] if len(run.sources) < 2 else []),))
"""


def test_a_method_of_the_users_own_code_is_checked_like_any_other(folder, monkeypatch):
    (folder / "own_methods.py").write_text(OWN)
    monkeypatch.syspath_prepend(folder)
    (fault,) = faults(folder, overrides=['run.methods=["own_methods:MINE"]'])
    assert fault == "sources: 'own_methods:MINE' needs two sources"
    (fault,) = faults(folder, overrides=['run.methods=["own_methods:OWN"]'])
    assert "run.methods: cannot import the method 'own_methods:OWN'" in fault
    (fault,) = faults(folder, overrides=['run.methods=["own_methods:METHODS"]'])
    assert "'own_methods:METHODS' is no method" in fault
