"""BUCC 2018 (Zweigenbaum, Sharoff and Rapp 2018): translations mined from two texts, F1 of pairs.

As in XTREME (arXiv 2003.11080) its training part is the test and its sample is dev, on which the
threshold is chosen. The hub's sets hold the gold pairs alone, without what they are mined from.
"""

from collections.abc import Iterable, Sequence

from unibridge.errors import UnibridgeError
from unibridge.text.benchmarks.record import Retrieval, Sides, codes

PUBLISHED = {"test": "training", "dev": "sample"}


def files(code: str, split: str) -> list[tuple[str, ...]]:
    """Of its archives, or renamed as XTREME's download does, with the gold pairs beside them."""
    if split not in PUBLISHED:
        return []
    pair = f"{code}-en"
    stems = [
        f"{folder}{pair}.{PUBLISHED[split]}" for folder in (f"bucc2018/{pair}/", f"{pair}/", "")
    ]
    stems += [f"{folder}{pair}.{split}" for folder in ("bucc2018/", "")]
    return [tuple(f"{stem}.{side}" for side in (code, "en", "gold")) for stem in stems]


def sides(lines: Sequence[Iterable[str]]) -> Sides:
    """Texts behind their ids and a tab; of the gold file two ids a line."""
    texts, english, gold = ([line.split("\t", 1) for line in one if line.strip()] for one in lines)
    if any(len(parts) != 2 for part in (texts, english, gold) for parts in part):
        raise UnibridgeError("there is a line without a tab")
    first, second = ({name: text.strip() for name, text in part} for part in (texts, english))
    return Sides(first, second, frozenset((one, other.strip()) for one, other in gold))


BUCC = Retrieval(
    name="bucc2018",
    paper="arXiv 2003.11080",
    languages=codes("de fr ru zh"),
    hub=lambda code, split: "",
    files=files,
    sides=sides,
    search="mined",
    tuned=True,
    metrics=("pair_f1", "pair_precision", "pair_recall"),
)
