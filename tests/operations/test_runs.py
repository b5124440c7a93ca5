import pytest

from unibridge.operations.runs import prepare_demo


@pytest.mark.slow
def test_the_demos_configuration_is_written_where_it_is_wanted_and_read(tmp_path):
    given = {"base": "cldr", "seeds": 2, "overrides": ["weights.sentences=7"]}
    config = prepare_demo("so", tmp_path / "demo", **given)
    assert (tmp_path / "demo" / "demo.toml").exists()
    assert config.target.language == "so" and config.weights.sentences == 7
    assert list(config.run.seeds) == [0, 1]
