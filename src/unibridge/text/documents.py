"""JSON documents record by record: of an array of any size no more than a record is held."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text import files
from unibridge.text.values import strict_json

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
