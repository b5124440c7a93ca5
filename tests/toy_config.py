"""A small valid configuration, and what is said of it when something is changed."""

import pytest

from unibridge.config import load_config
from unibridge.errors import ConfigError

BASIC = """
[run]
folder = "out"
[base]
model = "some/base"
[task]
kind = "ner"
[target]
language = "xx"
text = "xx.txt"
test = "xx.conll"
[[sources]]
language = "en"
text = "en.txt"
train = "en.conll"
parallel = "xx-en.tsv"
"""
FILES = ("xx.txt", "xx.conll", "en.txt", "en.conll", "xx-en.tsv")


def read(folder, extra="", overrides=(), text=BASIC):
    path = folder / "run.toml"
    path.write_text(text + extra, encoding="utf-8")
    return load_config(path, overrides)


def faults(folder, *args, **rest):
    with pytest.raises(ConfigError) as error:
        read(folder, *args, **rest)
    assert str(folder / "run.toml") in str(error.value)
    return error.value.faults
