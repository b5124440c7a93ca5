"""The README is short, its links lead somewhere, and the tree names every room."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "unibridge"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "results").glob("*.md"))


def test_the_readme_is_at_most_ten_kilobytes():
    assert len((ROOT / "README.md").read_bytes()) <= 10_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_to_them(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    files = [link.split("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    gone = [file for file in files if not (page.parent / file).exists()]
    assert not gone


def test_every_room_stands_in_the_tree():
    tree = (ROOT / "docs" / "tree.md").read_text(encoding="utf-8")
    rooms = {
        path.name
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    # __init__ is the package itself
    assert not [room for room in sorted(rooms - {"__init__.py"}) if room not in tree]


def test_the_api_is_built_from_docstrings_that_say_what_they_said():
    """The site's own rewriting: plain words stay, names become code, drawings are kept."""
    pytest.importorskip("sphinx")
    spec = spec_from_file_location("conf", ROOT / "docs" / "conf.py")
    conf = module_from_spec(spec)
    spec.loader.exec_module(conf)
    text = "What `run` does * 2.\n\n    a ── b\n\nfolder: of a_run.\n- one\n- two"
    written = list(conf.as_rst(text))
    assert written[0] == r"What ``run`` does \* 2."
    assert written[2:6] == ["::", "", "        a ── b", ""]
    assert [line for line in written[6:] if line] == [r"folder: of a\_run.", "- one", "- two"]
