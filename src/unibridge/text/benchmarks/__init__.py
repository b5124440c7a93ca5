"""Benchmarks by name, and their parts as label files: "bench:NAME:LANGUAGE:SPLIT@FOLDER".

Such an id stands wherever a label file does; FOLDER is where its files lie on this disk, in the
benchmark's own layout, and without "@" they come from the hub. A new benchmark is a record in a
file of its own and a line here, or, from the user's own code, an import path in a name's place.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unibridge.artifacts import fingerprint, hash_path
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.text.benchmarks.americasnli import AMERICAS_NLI
from unibridge.text.benchmarks.masakha import MASAKHANER, MASAKHANER2, MASAKHAPOS
from unibridge.text.benchmarks.mlqa import MLQA
from unibridge.text.benchmarks.nusax import NUSAX
from unibridge.text.benchmarks.pawsx import PAWS_X
from unibridge.text.benchmarks.record import SPLITS, Benchmark, Row, Split, Suite
from unibridge.text.benchmarks.sib200 import SIB200
from unibridge.text.benchmarks.squad import SQUAD
from unibridge.text.benchmarks.tydiqa import TYDIQA, XTREME_TYDIQA
from unibridge.text.benchmarks.ud import UD, UDPOS
from unibridge.text.benchmarks.wikiann import PAN_X, WIKIANN
from unibridge.text.benchmarks.xnli import XNLI
from unibridge.text.benchmarks.xquad import XQUAD
from unibridge.text.benchmarks.xtreme import XTREME
from unibridge.text.files import stream_lines

__all__ = ["BENCHMARKS", "SUITES", "Benchmark", "Part", "Suite", "is_part", "part_id", "part_of"]

PREFIX = "bench:"
BENCHMARKS: Registry[Benchmark] = Registry(
    "benchmark",
    {
        one.name: one
        for one in (
            *(XNLI, PAWS_X, AMERICAS_NLI, SQUAD, XQUAD, MLQA, TYDIQA, XTREME_TYDIQA),
            *(WIKIANN, PAN_X, MASAKHANER, MASAKHANER2, UD, UDPOS, MASAKHAPOS, SIB200, NUSAX),
        )
    },
)
SUITES: Registry[Suite] = Registry("suite of benchmarks", {XTREME.name: XTREME})


@dataclass(frozen=True)
class Part:
    """One language's split of a benchmark. folder: where its files lie; None: on the hub."""

    benchmark: Benchmark
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
        for pattern in patterns:
            for name in (pattern, f"{pattern}.gz"):
                if found := sorted(self.folder.glob(name)):
                    return found
        raise UnibridgeError(
            f"no file of {self.benchmark.name}'s {self.split} part for {self.language}",
            where=self.folder,
            do=f"put it there as {' or '.join(patterns)}",
        )

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

    def _hub_rows(self) -> Iterator[Row]:
        from unibridge.text.hub import hub_records

        return map(json.loads, hub_records(self.hub_id))

    def _absent(self, where: str) -> UnibridgeError:
        return UnibridgeError(
            f"{self.benchmark.name} has no {self.split} part among {where} for {self.language}",
            where="task.dataset",
            do="give a file of your own in its place",
        )


def is_part(source: object) -> bool:
    """Whether a source names a part of a benchmark rather than a file."""
    return isinstance(source, str) and source.startswith(PREFIX)


def part_of(source: str) -> Part:
    """What "bench:NAME:LANGUAGE:SPLIT@FOLDER" names. Raises UnibridgeError for what it does not."""
    address, _, folder = source.removeprefix(PREFIX).partition("@")
    # the name may be an import path, which has a colon too
    name, language, split = (["", "", *address.rsplit(":", 2)])[-3:]
    if not name or split not in SPLITS:
        raise UnibridgeError(
            "not the name of a benchmark's part",
            where=source,
            do=f"write {PREFIX}NAME:LANGUAGE:SPLIT, with a split of: {', '.join(SPLITS)}",
        )
    benchmark: Any = BENCHMARKS.resolve(name)
    return Part(
        benchmark,
        benchmark.own_code(language),
        split,
        Path(folder) if folder else None,
    )


def part_id(name: str, language: str, split: str, folder: str | Path | None = None) -> str:
    """The id of a part, as `part_of` takes it."""
    return f"{PREFIX}{name}:{language}:{split}" + (f"@{folder}" if folder else "")
