import json

import pytest

from unibridge.errors import UnibridgeError
from unibridge.seal import SEAL, check_seal, loading, seal


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    for name in ("model.safetensors", "config.json", "tokenizer/tokenizer.json", "README.md"):
        (tmp_path / name).write_text(name)
    seal(tmp_path)
    return tmp_path


def test_a_whole_folder_passes_and_what_is_no_model_may_change(sealed):
    (sealed / "README.md").write_text("another card")
    (sealed / "more.txt").write_text("more")
    check_seal(sealed)
    check_seal(sealed.parent)  # without seal


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer/tokenizer.json"])
def test_a_changed_or_missing_file_is_named(sealed, name):
    (sealed / name).write_text("other")
    with pytest.raises(UnibridgeError, match="is not what it was") as caught:
        check_seal(sealed)
    assert caught.value.where.endswith(name) and SEAL in caught.value.do
    (sealed / name).unlink()
    with pytest.raises(UnibridgeError, match="is missing"):
        check_seal(sealed)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "..\\x"])
def test_a_path_out_of_the_folder_is_refused(sealed, name):
    (sealed / SEAL).write_text(json.dumps({name: "0" * 64}))
    with pytest.raises(UnibridgeError, match="is no file of this folder"):
        check_seal(sealed)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"config.json": 1}', "null"])
def test_a_broken_seal_is_one_line(sealed, content):
    (sealed / SEAL).write_text(content)
    with pytest.raises(UnibridgeError, match=SEAL):
        check_seal(sealed)


class Panic(BaseException):
    """What a library written in Rust raises."""


@pytest.mark.parametrize("fault", [KeyError("a"), Panic("broken\nin many lines"), ValueError()])
def test_whatever_a_files_content_does_is_one_line(sealed, fault):
    with pytest.raises(UnibridgeError, match="cannot be loaded") as caught, loading(sealed):
        raise fault
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), UnibridgeError("said already")])
def test_what_is_no_fault_of_the_folder_goes_through(sealed, fault):
    with pytest.raises(type(fault)) as caught, loading(sealed):
        raise fault
    assert caught.value is fault
