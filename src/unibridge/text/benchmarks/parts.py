"""One language's split of a benchmark: found in a folder or on the hub, and read."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from unibridge.artifacts import fingerprint, hash_path
from unibridge.errors import UnibridgeError
from unibridge.text.benchmarks.record import (
    Benchmark,
    Published,
    Retrieval,
    Row,
    Sides,
    Split,
)
from unibridge.text.files import stream_lines

Kind = TypeVar("Kind", bound=Published)


@dataclass(frozen=True)
class Part(Generic[Kind]):
    """One language's split of a benchmark. folder: where its files lie; None: on the hub."""

    benchmark: Kind
    language: str
    split: Split
    folder: Path | None = None

    @property
    def hub_id(self) -> str:
        """Its place on the hub. Raises UnibridgeError where it has none."""
        address = self.benchmark.hub(self.language, self.split)
        if not address:
            raise self._absent("the hub")
        return address

    @property
    def files(self) -> list[Path]:
        """Its files on this disk. Raises UnibridgeError, naming what is looked for, without any."""
        assert self.folder is not None
        patterns = self.benchmark.files(self.language, self.split)
        if not patterns:
            raise self._absent("its files")
        groups = [(one,) if isinstance(one, str) else one for one in patterns]
        for group in groups:
            found = [self._matching(pattern) for pattern in group]
            if all(found):
                return [file for files in found for file in files]
        raise UnibridgeError(
            f"no file of {self.benchmark.name}'s {self.split} part for {self.language}",
            where=self.folder,
            do=f"put it there as {' or '.join(', '.join(group) for group in groups)}",
        )

    def _matching(self, pattern: str) -> list[Path]:
        assert self.folder is not None
        for name in (pattern, f"{pattern}.gz"):
            if found := sorted(self.folder.glob(name)):
                return found
        return []

    def check(self) -> None:
        """Raise UnibridgeError where it is not to be had; of the hub only what can be told here."""
        _ = self.hub_id if self.folder is None else self.files

    @property
    def identity(self) -> str:
        """What changes when its content does: a hash of its files, or its place on the hub."""
        if self.folder is None:
            return self.hub_id
        about = [self.benchmark.name, self.language, self.split]
        return fingerprint([*about, *map(hash_path, self.files)])

    def _hub_rows(self) -> Iterator[Row]:
        from unibridge.text.hub import hub_records

        return map(json.loads, hub_records(self.hub_id))

    def _absent(self, where: str) -> UnibridgeError:
        return UnibridgeError(
            f"{self.benchmark.name} has no {self.split} part among {where} for {self.language}",
            where="task.dataset",
            do="give a file of your own in its place",
        )


class LabelPart(Part[Benchmark]):
    """Examples with labels."""

    def lines(self) -> Iterator[str]:
        """Its examples as JSON lines. Raises UnibridgeError where it has none of the language."""
        rows = self._hub_rows() if self.folder is None else self._file_rows()
        found = 0
        for row in rows:
            record = self._example(row)
            if record is not None:
                found += 1
                yield json.dumps(record, ensure_ascii=False, default=str)
        if not found:
            raise UnibridgeError(
                f"no example of {self.language}",
                where=self.folder or self.hub_id,
                do=f"{self.benchmark.name} has: {', '.join(self.benchmark.languages)}",
            )

    def _example(self, row: Row) -> Row | None:
        try:
            return self.benchmark.example(row, self.language)
        except (KeyError, TypeError, ValueError) as error:
            raise UnibridgeError(
                f"this is not laid out as {self.benchmark.name} is ({type(error).__name__}: "
                f"{error}); there is: {', '.join(map(str, row))}",
                where=self.folder or self.hub_id,
            ) from error

    def _file_rows(self) -> Iterator[Row]:
        for file in self.files:
            try:
                yield from self.benchmark.rows(stream_lines(file))
            except UnibridgeError as error:
                raise UnibridgeError(error.what, where=error.where or file, do=error.do) from error


class TextPart(Part[Retrieval]):
    """Texts on two sides, of which some translate each other."""

    def sides(self) -> Sides:
        """What is searched. Raises UnibridgeError where it is not laid out as it should be."""
        try:
            found = self.benchmark.sides(self._columns() if self.folder is None else self._files())
        except UnibridgeError as error:
            where = error.where or self.folder or self.hub_id
            raise UnibridgeError(error.what, where=where, do=error.do) from error
        ids = [{pair[side] for pair in found.pairs} for side in (0, 1)]
        if not found.pairs or ids[0] - set(found.texts) or ids[1] - set(found.english):
            raise UnibridgeError(
                f"this is not laid out as {self.benchmark.name} is (a pair without its texts, or "
                "no pair at all)",
                where=self.folder or self.hub_id,
            )
        return found

    def _files(self) -> list[Iterable[str]]:
        return [stream_lines(file) for file in self.files]

    def _columns(self) -> list[Iterable[str]]:
        rows, columns = list(self._hub_rows()), self.benchmark.columns
        if rows and (missing := [name for name in columns if name not in rows[0]]):
            raise UnibridgeError(
                f"there is no column {missing[0]}; there is: {', '.join(map(str, rows[0]))}"
            )
        return [[str(row[name]) for row in rows] for name in columns]

    def _absent(self, where: str) -> UnibridgeError:
        what = super()._absent(where).what
        return UnibridgeError(
            what, where="--data", do=f"give its files, as {self.benchmark.name}=FOLDER"
        )
