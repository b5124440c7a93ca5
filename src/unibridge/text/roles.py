"""Which column of a table holds the texts, which their labels, and which is left alone."""

from collections.abc import Sequence

from unibridge.errors import UnibridgeError, unknown_name
from unibridge.text.examples import Layout
from unibridge.text.headers import NAMES, Roles, counts_rows, is_known_name, named_roles

FEW_ROWS = 3
"""Rows that tell a column of numbers from texts."""


def roles_of(
    header: list[str] | None, width: int, line: int, layout: Layout, counted: Sequence[int] = ()
) -> Roles:
    """Columns of the text, the second text and the label: by header, else by their number.

    counted: the columns that hold nothing but numbers, such as those of rows.
    """
    places: dict[str, int | None] = dict.fromkeys(NAMES)
    if header:
        places = dict(zip(NAMES, named_roles(header), strict=True))
    if not header or set(places.values()) == {None}:
        if width <= 2:
            places["text"] = 0
            places["second" if layout.expect == "pair" else "label"] = 1 if width == 2 else None
        elif width == 3 and layout.expect != "text":
            places = {"text": 0, "second": 1, "label": 2}
        elif width == 3 and 0 in counted:
            places = {"text": 1, "second": None, "label": 2}
    elif width == 2 and layout.expect != "pair":
        # of two columns the other one is named by leaving it over
        for role, other in (("text", "label"), ("label", "text")):
            if places[role] is None and places[other] is not None and layout.labelled:
                left = 1 - int(places[other] or 0)
                places[role] = None if counts_rows(header[left]) else left
    for role, column in layout.columns.items():
        if role not in places:
            raise unknown_name("column role", role, places, where=layout.path)
        places[role] = _place(column, header, width, line, layout)
    needed = {
        "text": True,
        "second": layout.expect == "pair",
        "label": layout.labelled,
    }
    missing = [role for role, wanted in needed.items() if wanted and places[role] is None]
    if missing or places["text"] is None:
        raise UnibridgeError(
            f"no column for {' and '.join(missing)} among {width}",
            where=layout.at(line),
            do="add a header (text, label or premise, hypothesis, label), or set `columns`",
        )
    second = None if layout.expect == "text" else places["second"]
    return places["text"], second, places["label"]


def _place(
    column: str | int, header: list[str] | None, width: int, line: int, layout: Layout
) -> int:
    if isinstance(column, str):
        names = [cell.strip() for cell in header or []]
        if column not in names:
            raise unknown_name("column", column, names, where=layout.at(line))
        return names.index(column)
    if not -width <= column < width:
        raise UnibridgeError(f"no column {column} among {width}", where=layout.at(line))
    return column % width


def refuse_twice(header: Sequence[str], roles: Roles, line: int, layout: Layout) -> None:
    """Raise UnibridgeError where a name that was taken stands above two columns."""
    names = [cell.strip() for cell in header]
    for role, place in zip(NAMES, roles, strict=True):
        if place is not None and names.count(names[place]) > 1 and names[place]:
            if isinstance(layout.columns.get(role), int):
                continue
            raise UnibridgeError(
                f"the name {names[place]!r} stands above two columns",
                where=layout.at(line),
                do=f"give the column's number, from 0: columns = {{ {role} = {place} }}",
            )


def is_usual(cells: Sequence[str], layout: Layout) -> bool:
    """Whether a header has the names of the documentation."""
    names = {cell.strip().lower() for cell in cells}
    return any(name in names for name in NAMES["text"]) and (
        not layout.labelled or any(name in names for name in NAMES["label"])
    )


def doubtful_names(first: Sequence[str]) -> list[int]:
    """The columns of a first row that have a header's name, where others have none.

    Names alone are a header, whatever stands below them; beside something else one that recurs in
    its column is a value.
    """
    named = [place for place, cell in enumerate(first) if is_known_name(cell)]
    return named if len(named) < len(first) else []


def own_label(header: Sequence[str], roles: Roles, layout: Layout, notes: list[str]) -> Roles:
    """The same, without a column of another kind of label that predictions would overwrite."""
    text, second, label = roles
    if layout.labelled or label is None or "label" in layout.columns:
        return roles
    name = header[label].strip()
    if name.lower() in NAMES["label"]:
        return roles
    notes.append(
        f"{layout.path}: the column {name!r} is left as it is, and what is predicted gets one of "
        f"its own (columns = {{ label = {name!r} }} overwrites it)"
    )
    return text, second, None


def beside_numbers(
    roles: Roles, counted: Sequence[int], line: int, layout: Layout, notes: list[str]
) -> Roles:
    """The same, but for texts that are the numbers of rows: the column beside them then.

    counted: the columns that hold nothing but numbers. Raises UnibridgeError where the file is
    labelled, and one of two columns would have to be both.
    """
    text, second, label = roles
    others = [place for place in (second, label) if place is not None and place not in counted]
    if text not in counted or not others:
        return roles
    if layout.labelled:
        raise UnibridgeError(
            f"the texts are nothing but numbers (column {text})",
            where=layout.at(line),
            do="name the columns, from 0: columns = { text = 1, label = 2 }",
        )
    notes.append(
        f"{layout.path}: column {text} holds nothing but numbers; texts are taken from column "
        f"{others[0]}, counted from 0"
    )
    return others[0], None, None
