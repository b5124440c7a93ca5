"""Benchmarks by name, and their parts as label files: "bench:NAME:LANGUAGE:SPLIT@FOLDER".

Such an id stands wherever a label file does; FOLDER is where its files lie on this disk, in the
benchmark's own layout, and without "@" they come from the hub. A new benchmark is a record in a
file of its own and a line here, or, from the user's own code, an import path in a name's place.
"""

from pathlib import Path
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.text.benchmarks.americasnli import AMERICAS_NLI
from unibridge.text.benchmarks.bucc import BUCC
from unibridge.text.benchmarks.masakha import MASAKHANER, MASAKHANER2, MASAKHAPOS
from unibridge.text.benchmarks.mlqa import MLQA
from unibridge.text.benchmarks.nusax import NUSAX
from unibridge.text.benchmarks.parts import LabelPart
from unibridge.text.benchmarks.pawsx import PAWS_X
from unibridge.text.benchmarks.record import SPLITS, Benchmark, Retrieval, Suite
from unibridge.text.benchmarks.sib200 import SIB200
from unibridge.text.benchmarks.squad import SQUAD
from unibridge.text.benchmarks.tatoeba import TATOEBA
from unibridge.text.benchmarks.tydiqa import TYDIQA, XTREME_TYDIQA
from unibridge.text.benchmarks.ud import UD, UDPOS
from unibridge.text.benchmarks.wikiann import PAN_X, WIKIANN
from unibridge.text.benchmarks.xnli import XNLI
from unibridge.text.benchmarks.xquad import XQUAD
from unibridge.text.benchmarks.xtreme import XTREME

__all__ = ["BENCHMARKS", "RETRIEVALS", "SUITES", "is_part", "part_id", "part_of"]

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
RETRIEVALS: Registry[Retrieval] = Registry("benchmark", {one.name: one for one in (BUCC, TATOEBA)})
"""Those that nothing is learnt for; they are no label files and no task's data."""
SUITES: Registry[Suite] = Registry("suite of benchmarks", {XTREME.name: XTREME})


def is_part(source: object) -> bool:
    """Whether a source names a part of a benchmark rather than a file."""
    return isinstance(source, str) and source.startswith(PREFIX)


def part_of(source: str) -> LabelPart:
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
    return LabelPart(
        benchmark,
        benchmark.own_code(language),
        split,
        Path(folder) if folder else None,
    )


def part_id(name: str, language: str, split: str, folder: str | Path | None = None) -> str:
    """The id of a part, as `part_of` takes it."""
    return f"{PREFIX}{name}:{language}:{split}" + (f"@{folder}" if folder else "")
