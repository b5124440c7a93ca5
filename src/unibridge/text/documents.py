"""JSON documents record by record: of an array of any size no more than a record is held."""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from unibridge.errors import UnibridgeError
from unibridge.text import files
from unibridge.text.values import Repaired, json_object, readable_json, strict_json

_PART = 1 << 20
_SPACE = " \t\n\r"
# where a value is cut off, the decoder stumbles at its end, or tells where its string begins
_AT_THE_END = 12


def records_of(lines: Iterator[str], path: object) -> Iterator[Any]:
    """The items of an array, of an object's only list, or the object itself.

    lines: without their ends. An object is held whole, of an array one item at a time. Raises
    UnibridgeError for what is no JSON, with its line, and for what is longer than `files.LONGEST`.
    """
    text = _Text(lines, path)
    if text.peek() != "[":
        document = text.value()
        text.end()
        if isinstance(document, dict):
            lists = [value for value in document.values() if isinstance(value, list)]
            document = lists[0] if len(lists) == 1 else [document]
        yield from document if isinstance(document, list) else [document]
        return
    text.skip()
    if text.peek() == "]":
        text.skip()
    else:
        while True:
            yield text.value()
            mark = text.peek()
            text.skip()
            if mark == "]":
                break
            if mark != ",":
                raise text.fault("Expecting ',' delimiter", text.at - 1)
    text.end()


class Placed(NamedTuple):
    """An object of an array that is held whole. line: its first. begin, end: in the text.

    repaired: whether it holds halves of characters in its text.
    """

    line: int
    begin: int
    end: int
    record: dict[str, Any]
    repaired: bool


def records_in(text: str, path: object, repaired: Repaired) -> Iterator[Placed]:
    """The objects of an array, or of an object's only list of them, where they stand.

    Raises UnibridgeError, with the line, for what is no JSON or holds no such list.
    """
    at = _skipped(text, 0)
    array = text[at : at + 1] == "["
    if text[at : at + 1] == "{":
        at = _only_list(text, at, path)
    elif not array:
        raise _fault(text, path, "Expecting value", at)
    line, seen, at = 1, 0, _skipped(text, at + 1)
    while text[at : at + 1] != "]":
        line, seen = line + text.count("\n", seen, at), at
        where, before = f"{path}:{line}", repaired.count
        value, end = _decoded(text, at, path, where)
        if not isinstance(value, dict) or not value:
            raise UnibridgeError(
                "not a JSON object with keys",
                where=where,
                do='write [{"text": "...", "label": "..."}, ...]',
            )
        record = json_object(text[at:end], where, repaired)
        yield Placed(line, at, end, record, repaired.count > before)
        at = _skipped(text, end)
        if text[at : at + 1] == ",":
            at = _skipped(text, at + 1)
            if text[at : at + 1] == "]":
                raise _fault(text, path, "Expecting value", at)
        elif text[at : at + 1] != "]":
            raise _fault(text, path, "Expecting ',' delimiter", at)
    if array:
        _nothing_behind(text, at + 1, path)


def _only_list(text: str, at: int, path: object) -> int:
    """Where the list of an object begins that is the only one of objects in it."""
    where = f"{path}:{text.count(chr(10), 0, at) + 1}"
    document, end = _decoded(text, at, path, where)
    _nothing_behind(text, end, path)
    lists = {
        key: value[0]
        for key, value in document.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    if any("paragraphs" in first for first in lists.values()):
        raise UnibridgeError(
            "questions on passages, as SQuAD has them",
            where=where,
            do='choose the task qa (task.kind = "qa")',
        )
    if len(lists) != 1:
        raise UnibridgeError(
            f"{len(lists) or 'no'} list{'s' * (len(lists) > 1)} of records in this object",
            where=where,
            do="write an array of objects, or one JSON object a line",
        )
    return next(begin for name, _, begin, _ in _members(text, at) if name in lists)


def with_value(text: str, key: str, value: Any) -> str:
    """A JSON object as text with another value of a key, or the key added; all else as it was."""
    said, members = json.dumps(value, ensure_ascii=False), list(_members(text, text.index("{")))
    for name, _, begin, end in members:
        if name == key:
            return text[:begin] + said + text[end:]
    (name, first, begin, end), *more = members
    colon = text[first + len(_STRING.match(text, first)[0]) : begin]  # type: ignore[index]
    lead = text[text.index("{") + 1 : first]
    between = "," + (lead if "\n" in lead else " " if colon.endswith(" ") else "")
    if more:
        between = text[end : more[0][1]]
        end = more[-1][3]
    return f"{text[:end]}{between}{json.dumps(key, ensure_ascii=False)}{colon}{said}{text[end:]}"


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DECODER = json.JSONDecoder()


def _members(text: str, at: int) -> Iterator[tuple[str, int, int, int]]:
    """(key, where it begins, where its value begins and ends) of the valid object there."""
    at = _skipped(text, at + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        begin = _skipped(text, _skipped(text, end) + 1)
        _, stop = _DECODER.raw_decode(text, begin)
        yield name, at, begin, stop
        at = _skipped(text, stop)
        if text[at] == ",":
            at = _skipped(text, at + 1)


def _skipped(text: str, at: int) -> int:
    """Where the next character stands that is no space; the end where there is none."""
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at


def _decoded(text: str, at: int, path: object, where: str) -> tuple[Any, int]:
    try:
        with readable_json(where):
            return json.JSONDecoder(**strict_json(where)).raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _fault(text, path, error.msg, error.pos) from error


def _nothing_behind(text: str, at: int, path: object) -> None:
    at = _skipped(text, at)
    if at < len(text):
        raise _fault(text, path, "Extra data", at)


def _fault(text: str, path: object, said: str, at: int) -> UnibridgeError:
    return UnibridgeError(
        f"not valid JSON ({said})",
        where=f"{path}:{text.count(chr(10), 0, min(at, len(text) - 1)) + 1}",
        do="write an array of objects, or one JSON object a line",
    )


class _Text:
    """Text that is read on as far as it is needed, and forgotten behind that."""

    def __init__(self, lines: Iterator[str], path: object) -> None:
        self._lines, self._path = lines, path
        self._decoder = json.JSONDecoder(**strict_json(str(path)))
        self._held, self._before = "", 0
        self.at = 0

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            while self.at < len(self._held) and self._held[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self._held) or not self._more():
                return self._held[self.at : self.at + 1]

    def skip(self) -> None:
        """Go behind one character."""
        self.at += 1

    def value(self) -> Any:
        """The value that begins here."""
        self.peek()
        tried = 0
        while True:
            left = len(self._held) - self.at
            # a value over many parts is tried anew where it has doubled
            if left >= 2 * tried:
                tried = left
                try:
                    value, end = self._decoder.raw_decode(self._held, self.at)
                except json.JSONDecodeError as error:
                    cut_off = error.msg.startswith("Unterminated string")
                    near = error.pos >= len(self._held) - _AT_THE_END
                    if not (cut_off or near) or self._ended():
                        raise self.fault(error.msg, error.pos) from error
                except RecursionError as error:
                    raise self.fault("nested too deeply", self.at) from error
                else:
                    # a number may go on in the next part
                    if end < len(self._held) or self._ended():
                        self.at = end
                        return value
            if left > files.LONGEST:
                raise files.too_long("a JSON value", self._where(self.at))
            if not self._more():
                tried = 0

    def end(self) -> None:
        """Raises UnibridgeError where anything follows."""
        if self.peek():
            raise self.fault("Extra data", self.at)

    def fault(self, said: str, place: int) -> UnibridgeError:
        """The error at a place of what is held."""
        return UnibridgeError(
            f"not valid JSON ({said})",
            where=self._where(place),
            do="write one JSON object a line, or plain text",
        )

    def _where(self, place: int) -> str:
        # the last line's end is ours
        before = self._held.count("\n", 0, min(place, len(self._held) - 1))
        return f"{self._path}:{self._before + before + 1}"

    def _ended(self) -> bool:
        first = next(self._lines, None)
        if first is not None:
            self._lines = chain([first], self._lines)
        return first is None

    def _more(self) -> bool:
        """Read another part, and forget what lies behind; whether there was any."""
        parts, size = [], 0
        for line in self._lines:
            parts.append(line + "\n")
            size += len(line) + 1
            if size >= _PART:
                break
        if parts:
            self._before += self._held.count("\n", 0, self.at)
            self._held = "".join([self._held[self.at :], *parts])
            self.at = 0
        return bool(parts)
