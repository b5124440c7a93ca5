"""Tatoeba (Artetxe and Schwenk 2019, arXiv 1812.10464), XTREME's 36 languages: accuracy.

Of each English sentence the nearest of the other language (XTREME, arXiv 2003.11080, and its
scripts). Files are LASER's: those that XTREME's own download makes of them have the English lines
sorted, which hides what belongs together.
"""

from collections.abc import Iterable, Sequence

from unibridge.errors import UnibridgeError
from unibridge.text.benchmarks.record import Retrieval, Sides

NAMES = (
    "ar:ara he:heb vi:vie id:ind jv:jav tl:tgl eu:eus ml:mal ta:tam te:tel af:afr nl:nld de:deu "
    "el:ell bn:ben hi:hin mr:mar ur:urd fa:pes fr:fra it:ita pt:por es:spa bg:bul ru:rus ja:jpn "
    "ka:kat ko:kor th:tha sw:swh zh:cmn kk:kaz tr:tur et:est fi:fin hu:hun"
)
FOLDERS = ("data/tatoeba/v1/", "tatoeba/v1/", "tatoeba/", "")


def files(code: str, split: str) -> list[tuple[str, ...]]:
    """Two of as many lines, in LASER's repository or out of it; there is a test part alone."""
    names = [f"tatoeba.{code}-eng.{side}" for side in (code, "eng")]
    return [tuple(f"{f}{name}" for name in names) for f in FOLDERS] if split == "test" else []


def sides(lines: Sequence[Iterable[str]]) -> Sides:
    """Line by line a translation."""
    texts, english = ([line.strip() for line in one] for one in lines)
    if len(texts) != len(english):
        raise UnibridgeError(f"{len(texts)} lines, and {len(english)} of English")
    ids = list(map(str, range(len(texts))))
    pairs = frozenset(zip(ids, ids, strict=True))
    return Sides(dict(zip(ids, texts, strict=True)), dict(zip(ids, english, strict=True)), pairs)


TATOEBA = Retrieval(
    name="tatoeba",
    paper="arXiv 2003.11080",
    languages=dict(one.split(":") for one in NAMES.split()),  # type: ignore[misc]
    hub=lambda code, split: (
        f"hub:google/xtreme:tatoeba.{code}:validation" if split == "test" else ""
    ),
    files=files,
    sides=sides,
    columns=("source_sentence", "target_sentence"),
    search="nearest",
    tuned=False,
    metrics=("accuracy",),
)
