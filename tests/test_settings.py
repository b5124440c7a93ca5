"""What settings say of their values is found wherever they stand."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ConfigDict, Field

from toy import toy_base
from unibridge.config import Config, check_config
from unibridge.embeddings.base import InitResult
from unibridge.embeddings.initialise import INITIALISERS, initialise_embeddings
from unibridge.embeddings.install import embedding_table
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.settings import (
    Available,
    ChosenFrom,
    File,
    Needing,
    OnDisk,
    marked,
    options_of,
    takes,
    with_files,
)
from unibridge.stages.sections import StageSettings


def every_setting(model, above="") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        yield f"{above}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from every_setting(field.annotation, f"{above}{name}.")


CHOICES = [
    (path, field)
    for path, field in every_setting(Config)
    if field.annotation is str and "mod:name" in (field.description or "").replace("ule:", ":")
]


@pytest.mark.parametrize(("path", "field"), CHOICES, ids=[path for path, _ in CHOICES])
def test_what_may_be_an_import_path_is_marked_with_its_table(path, field):
    (mark,) = (mark for mark in field.metadata if isinstance(mark, ChosenFrom))
    if not field.is_required():
        mark.resolve(field.default)
    with pytest.raises(UnibridgeError):
        mark.resolve("no such thing")


def test_every_family_of_choices_is_among_them():
    assert {"task.kind", "vocabulary.search", "embeddings.method", "weights.method"} <= {
        path for path, _ in CHOICES
    }


class Inner(BaseModel):
    table: File | None = None
    tables: tuple[File, ...] = ()
    word: str = "a"


class Outer(BaseModel):
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    size: int = Field(3, gt=0)


def test_marks_are_found_in_lists_and_in_what_is_nested():
    settings = Outer(inner=Inner(table="a"), many=(Inner(), Inner(tables=("b", "c"))))
    assert list(marked(settings)) == [
        ("inner.table", "a", OnDisk()),
        ("many.1.tables.0", "b", OnDisk()),
        ("many.1.tables.1", "c", OnDisk()),
    ]
    moved = with_files(settings, lambda path: f"/here/{path}")
    assert [value for _, value, _ in marked(moved)] == ["/here/a", "/here/b", "/here/c"]
    assert moved.inner.word == "a" and settings.inner.table == "a"


def test_settings_that_need_something_of_the_run_are_asked():
    asked = [n for n, f in StageSettings.model_fields.items() if isinstance(f.default, Needing)]
    assert {"embeddings", "weights", "translation", "continuing"} <= set(asked)
    assert "vocabulary" not in asked
    run = Available("xx", False, {"en": frozenset({"text"})}, {"en": 0})
    bridged = StageSettings().embeddings.model_copy(update={"static_space": "bridge"})
    ((path, said),) = bridged.lacks(run)
    assert path == "embeddings.static_space" and "text and parallel or dictionary" in said


OWN_SPACE = """
from unibridge.embeddings.settings import translated_by
@translated_by("dictionary")
def space(request, shared):
    raise AssertionError("not trained in this test")
"""


@pytest.fixture
def content(tmp_path):
    for name in ("xx.txt", "en.txt", "en.conll"):
        (tmp_path / name).write_text("x\n")
    return {
        "run": {"folder": "out", "methods": ["unibridge"]},
        "base": {"model": "some/base"},
        "task": {"kind": "ner"},
        "target": {"language": "xx", "text": "xx.txt", "predict": "xx.txt"},
        "sources": [{"language": "en", "text": "en.txt", "train": "en.conll"}],
    }


def faults(content, folder):
    with pytest.raises(ConfigError) as error:
        check_config(content, folder=folder)
    return error.value.faults


def test_a_choice_of_the_users_own_code_says_itself_what_it_needs(content, tmp_path, monkeypatch):
    (tmp_path / "own_space.py").write_text(OWN_SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    content["embeddings"] = {"static_space": "own_space:space"}
    (fault,) = faults(content, tmp_path)
    assert fault.startswith("embeddings.static_space: 'unibridge' uses 'own_space:space', which ne")


class Strength(BaseModel):
    model_config = ConfigDict(extra="forbid")

    strength: float = Field(1.0, gt=0, description="how much")


@takes(Strength)
def initialiser(request):
    """One of a user's own: every row is as strong as its own settings say."""
    import torch

    strength = options_of(initialiser, request.settings.options).strength
    shape = len(request.target_tokenizer), request.source_embeddings.shape[1]
    rows = torch.full(shape, strength)
    return InitResult(rows, ("random",) * shape[0], torch.full(shape[:1], -1), {}, [])


INITIALISERS.register("strong", initialiser)


@pytest.mark.parametrize("own", [f"{__name__}:initialiser", "strong"])
def test_settings_of_a_choice_of_ones_own_are_checked_and_reach_it(content, tmp_path, own):
    """By import path, or registered in one line: the settings stand beside its code."""
    content["embeddings"] = {"method": own, "options": {"strengt": 2, "strength": -1}}
    content["methods"] = {"mine": {"label": "Mine", "options": {"a": 1}}}
    assert sorted(faults(content, tmp_path)) == [
        "embeddings.options.strengt: there is no such setting; did you mean 'strength'?",
        "embeddings.options.strength: input should be greater than 0, not -1; how much",
        "methods.mine.options: 'mine' declares no settings of its own; drop them",
    ]
    del content["methods"]
    content["embeddings"]["options"] = {"strength": 2}
    settings = check_config(content, folder=tmp_path).embeddings
    base = toy_base("bert")
    found = initialise_embeddings(
        embedding_table(base.model), base.tokenizer, base.tokenizer, [], settings
    )
    assert (found.matrix == 2).all()
    # none: the same stage as before there were any
    assert "options" not in EmbeddingSettings().model_dump()


def test_settings_of_a_method_of_the_users_own_reach_its_journey(content, tmp_path, monkeypatch):
    (tmp_path / "own_method.py").write_text(
        "from dataclasses import replace\nfrom unibridge.methods import METHODS\n"
        f"from {__name__} import Strength\n"
        'MINE = replace(METHODS["mad-x"], name="mine", options=Strength)\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    content["methods"] = {
        "strong": {"label": "S", "parent": "own_method:MINE", "options": {"strength": 3}}
    }
    content["run"]["methods"] = ["strong"]
    method = check_config(content, folder=tmp_path).method("strong")
    assert method.options.model_validate(method.given).strength == 3
    content["methods"]["strong"]["options"] = {"strength": "much"}
    (fault,) = faults(content, tmp_path)
    assert fault.startswith("methods.strong.options.strength: input should be a valid number")
