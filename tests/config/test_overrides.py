import pytest

from toy_config import read
from unibridge.config import override, stage_settings
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.training import TrainingSettings


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ("adaptation.training.epochs=5", 5),
        ("adaptation.training.learning_rate=1e-3", 1e-3),
        ("run.seeds=[0, 1]", (0, 1)),
        ("task.allow_label_union=true", True),
        ("run.title=A title without quotes", "A title without quotes"),
        ('run.title="with = quotes"', "with = quotes"),
        ("adaptation.max_samples = 100", 100),
        ("sources.0.language=sw", "sw"),
    ],
)
def test_overrides_are_toml_or_plain_strings(folder, one, expected):
    value = read(folder, overrides=[one])
    for name in one.partition("=")[0].strip().split("."):
        value = value[int(name)] if name.isdigit() else getattr(value, name)
    assert value == expected


@pytest.mark.parametrize(
    ("one", "match"),
    [
        ("adaptation.training.epochs", "sets nothing.*section.field=value"),
        ("adaptation.training.epocs=5", "did you mean 'epochs'"),
        ("adaptation.training.epochs=many", "epochs: .*not 'many'"),
        ("run.folder.name=x", "goes through 'folder', which is a value"),
        ("sources.7.language=sw", "no place '7' in a list of 1"),
        ("sources.language=sw", "no place 'language' in a list of 1.*0 to 0"),
    ],
)
def test_faulty_overrides_are_explained(folder, one, match):
    with pytest.raises(UnibridgeError, match=match):
        read(folder, overrides=[one])


def test_a_stage_alone_takes_its_own_settings():
    assert stage_settings("vocabulary", ["step=250"]).step == 250
    with pytest.raises(ConfigError, match=r"--set: .*\n.*stepp: .*did you mean 'step'"):
        stage_settings("vocabulary", ["stepp=250"])
    assert override(TrainingSettings(), ["epochs=2"]).epochs == 2
