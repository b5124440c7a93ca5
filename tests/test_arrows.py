"""Imports point downwards: each file of a room may import its own room and the floors below.

No file is longer than a reader keeps in mind, in whatever folder of code.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "unibridge"
# rooms on one floor do not know of each other
FLOORS = (
    {"errors"},
    {"seal", "registry", "settings", "processes", "locks", "memory"},
    {"artifacts", "metrics"},
    {"training", "text"},
    {"models"},
    {"vocabulary", "embeddings", "adapters", "tasks"},
    {"transfer", "alignment"},
    {"weighting", "translation", "augmentation"},
    {"ensemble", "prompting"},
    {"evaluation", "_auto"},
    {"report", "grid"},
    {"comparison"},
    {"pack"},
    {"stages"},
    {"methods"},
    {"config"},
    {"study", "transfer_study", "console", "demo"},
    {"operations"},
    {"__init__"},
    {"cli"},
    {"__main__"},
)
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
FILES = sorted(SOURCE.rglob("*.py"))
CODE = [
    file
    for folder in ("src", "tests", "benchmarks", "scripts", "examples", "docs")
    for file in sorted((SOURCE.parents[1] / folder).rglob("*.py"))
]
MOST_LINES = 400


def room_of(file):
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def rooms_imported(tree):
    """(line, room) of each import of this package, within functions and for typing too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, *path = name.split(".")
            if package == "unibridge":
                yield node.lineno, path[0] if path else "__init__"


def test_every_room_has_its_floor():
    assert {room_of(file) for file in FILES} == set(FLOOR_OF)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_downwards(file):
    own = room_of(file)
    wrong = [
        f"line {line} imports {room}"
        for line, room in rooms_imported(ast.parse(file.read_text()))
        if room != own and FLOOR_OF[room] >= FLOOR_OF[own]
    ]
    assert not wrong


def test_no_file_is_too_long():
    lengths = {str(file): len(file.read_text().splitlines()) for file in CODE}
    assert len(lengths) > len(FILES) + 100
    assert {file: length for file, length in lengths.items() if length > MOST_LINES} == {}


def test_nothing_imports_the_command_line():
    users = [
        file.name
        for file in FILES
        for _, room in rooms_imported(ast.parse(file.read_text()))
        if room == "cli" and room_of(file) != "cli"
    ]
    assert users == ["__main__.py"]


def test_the_check_sees_imports_of_every_form():
    text = (
        "import unibridge.cli\nfrom unibridge import study\nimport unibridge\nimport torch\n"
        "def f():\n    from unibridge.text.corpus import read_text\n"
    )
    assert sorted(rooms_imported(ast.parse(text))) == [
        (1, "cli"),
        (2, "study"),
        (3, "__init__"),
        (6, "text"),
    ]
