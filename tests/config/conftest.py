import pytest

from toy_config import FILES


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("x\n")
    return tmp_path
