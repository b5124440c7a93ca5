"""Without what only Unix has, everything can still be imported."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "unibridge"


@pytest.mark.slow
def test_nothing_needs_a_unix_module_to_be_imported():
    modules = [
        ".".join(("unibridge", *file.relative_to(SOURCE).with_suffix("").parts))
        for file in sorted(SOURCE.rglob("*.py"))
        if file.name not in ("__init__.py", "__main__.py")
    ]
    # what others import they import first, with the system as it is
    script = (
        "import sys, importlib, torch, transformers, scipy.stats, matplotlib.pyplot, gensim\n"
        "for name in ('resource', 'fcntl', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "from unibridge.memory import peak_memory; print(peak_memory() >= 0)"
    )
    done = subprocess.run([sys.executable, "-c", script, *modules], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "True\n"
