import subprocess
import sys

import pytest
from transformers import AutoConfig, AutoModel, BertConfig, BertModel

import unibridge
from unibridge import _auto


def run(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy():
    heavy = "('torch', 'transformers', 'numpy', 'pydantic', 'gensim')"
    assert run(f"import unibridge, sys; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_every_public_name_can_be_had():
    assert all(getattr(unibridge, name) for name in unibridge.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'unibridge' has no attribute 'nothing'"):
        unibridge.nothing  # noqa: B018
    assert "load" in dir(unibridge)


def test_the_auto_classes_work_for_others_as_before(tmp_path):
    """With the finder in place, and registered twice over."""
    _auto.register_when_imported()
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = BertConfig(vocab_size=20, intermediate_size=8, **shape)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    assert isinstance(AutoModel.from_pretrained(tmp_path), BertModel)
    assert AutoConfig.for_model("unibridge").model_type == "unibridge"
