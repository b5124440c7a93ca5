"""The site of the documentation: the pages beside this file, and the API from the docstrings.

`make docs` builds it into build/docs, without network.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

project = "unibridge"
author = "the authors of unibridge"
html_title = "unibridge"
html_theme = "furo"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.apidoc"]
exclude_patterns = ["api/modules.rst"]
myst_heading_anchors = 3
# pages of results are written for GitHub too, where a heading may skip a level; what is offered at
# the top of the package is described there and in its own room
suppress_warnings = ["myst.header", "ref.python"]

# a page for each room of the package, made anew by every build
apidoc_modules = [
    {
        "path": "../src/unibridge",
        "destination": "api",
        "module_first": True,
        "max_depth": 2,
        "automodule_options": {"members", "show-inheritance"},
    }
]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"


def as_rst(docstring: str) -> Iterator[str]:
    """Lines of reStructuredText of a docstring of ours: plain words, names between backticks."""
    for paragraph in textwrap.dedent(docstring).split("\n\n"):
        lines = paragraph.split("\n")
        if any(line.startswith("    ") for line in lines):  # commands and drawings stay as they are
            yield from ("::", "", *(f"    {line}" for line in lines), "")
            continue
        for item in re.split(r"\n(?=(?:- |\d+\. ))", paragraph):
            yield from (escaped(" ".join(item.split())), "")


def escaped(text: str) -> str:
    """Names between single backticks as code; what would be markup elsewhere as it is."""
    parts = re.split(r"`+([^`]+)`+", text)
    return "".join(
        f"``{part}``" if place % 2 else re.sub(r"([*|_\\])", r"\\\1", part)
        for place, part in enumerate(parts)
    )


def docstring(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Rewrite a docstring in place; settings get a list of their fields."""
    lines[:] = as_rst("\n".join(lines))
    if inspect.isclass(value) and issubclass(value, BaseModel):
        lines += ["", *fields(value), ""]


def fields(model: type[BaseModel]) -> Iterator[str]:
    """Every field of a settings class, with its default and what it says of itself."""
    for name, field in model.model_fields.items():
        default = repr(field.get_default(call_default_factory=True))
        shown = "" if field.is_required() else f" = {textwrap.shorten(default, 80)}"
        said = escaped(field.description or "")
        yield f"- ``{name}{shown}``{': ' if said else ''}{said}"


def skipped(
    app: Sphinx, what: str, name: str, value: object, skip: bool, options: Any
) -> bool | None:
    """pydantic's own attributes are none of ours; None leaves the choice to Sphinx."""
    return True if name.startswith("model_") else None


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", docstring)
    app.connect("autodoc-skip-member", skipped)
