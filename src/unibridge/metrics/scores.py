"""Scores from plain lists, 0 to 100. Every metric is a pair of functions: counts per example, which
add up over examples, and a score from summed counts.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.metrics.base import Labels, Metric
from unibridge.registry import Registry

if TYPE_CHECKING:
    import numpy as np

_LETTERS = frozenset("BIES")


def spans(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """Entities of a tag sequence as (type, first word, word after the last).

    conlleval's reading, which seqeval's default mode shares: an entity ends where the type changes
    or a new one begins, and an I- without its B- begins one. E- and S- tags are understood; other
    schemes are for `unibridge.text.schemes`. Raises UnibridgeError for what is no such tag, since
    a type without its letter would be an entity of no type.
    """
    found = set()
    start, open_type = 0, ""
    is_open = False
    for position, tag in enumerate([*tags, "O"]):
        prefix, dash, entity = tag.partition("-")
        if tag != "O" and not (dash and prefix in _LETTERS):
            raise UnibridgeError(
                f"{tag!r} is no entity tag", do="write O, B-TYPE and I-TYPE, as IOB2 does"
            )
        goes_on = is_open and prefix in ("I", "E") and entity == open_type
        if is_open and not goes_on:
            found.add((open_type, start, position))
            is_open = False
        if prefix != "O" and not goes_on:
            start, open_type, is_open = position, entity, True
        if is_open and prefix in ("E", "S"):
            found.add((open_type, start, position + 1))
            is_open = False
    return found


def span_f1(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Micro-averaged entity F1 (type and both ends right); 0 where there is no entity at all."""
    return SPAN_F1(gold, predicted)


def tag_runs(rows: Sequence[Sequence[str]]) -> list[set[tuple[str, int, int]]]:
    """Parts of speech as XTREME's script has seqeval read them: as entities without a scheme.

    Of a tag the first letter is taken for a prefix and the rest for a type, so that words of one
    type that follow each other are one, and whole runs have to be right (Hu et al. 2020, arXiv
    2003.11080). As there, X has no type, like what stands between sentences: a run of it may begin
    in an earlier one. Returns the runs that end in each row, their places counted through.
    """
    found: list[set[tuple[str, int, int]]] = []
    before, kind, start, place = "O", "", 0, 0
    for row in rows:
        own = set()
        for tag in [*row, "O"]:
            letter, own_kind = tag[0], tag[1:] or "_"
            ends = before in "ES" or (before in "BI" and letter in "BSO")
            if ends or (before not in "O." and kind != own_kind):
                own.add((kind, start, place))
            starts = letter in "BS" or (before in "ESO" and letter in "EI")
            if starts or (letter not in "O." and kind != own_kind):
                start = place
            before, kind, place = letter, own_kind, place + 1
        found.append(own)
    return found


def span_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Precision, recall and F1 over all entities, and F1 by entity type."""
    import numpy as np

    _check_lengths(gold, predicted)
    # of each type: right, predicted, in gold; counted in one pass, however many types there are
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for true, guessed in zip(map(spans, gold), map(spans, predicted), strict=True):
        for place, part in enumerate((true & guessed, guessed, true)):
            for entity, _, _ in part:
                counts[entity][place] += 1
    right, predicted_count, gold_count = (
        sum(own[place] for own in counts.values()) for place in range(3)
    )
    return {
        "precision": 100 * right / max(1, predicted_count),
        "recall": 100 * right / max(1, gold_count),
        "span_f1": float(_f1(np.array([right, predicted_count, gold_count]))),
    } | {f"span_f1 {entity}": float(_f1(np.array(counts[entity]))) for entity in sorted(counts)}


def accuracy(gold: Sequence[Labels], predicted: Sequence[Labels]) -> float:
    """Share of right classes, or of right tags over all words of all sequences."""
    return ACCURACY(gold, predicted)


def macro_f1(gold: Sequence[Labels], predicted: Sequence[Labels]) -> float:
    """Mean F1 of the classes that occur in gold or predicted, each weighing the same."""
    return MACRO_F1(gold, predicted)


def _spans_of(rows: Sequence[Labels]) -> list[set[tuple[str, int, int]]]:
    return [spans(row) for row in rows]


def _span_counts(
    gold: Sequence[Labels],
    predicted: Sequence[Labels],
    found_in: Callable[[Sequence[Labels]], list[set[tuple[str, int, int]]]] = _spans_of,
) -> "np.ndarray":
    """Per example: entities right, predicted, in gold."""
    import numpy as np

    _check_lengths(gold, predicted)
    pairs = zip(found_in(gold), found_in(predicted), strict=True)
    rows = [(len(true & guessed), len(guessed), len(true)) for true, guessed in pairs]
    return np.array(rows, dtype=np.int64)


def _f1(sums: "np.ndarray") -> "np.ndarray":
    import numpy as np

    right, predicted, gold = np.moveaxis(np.asarray(sums, dtype=float), -1, 0)
    # 2PR / (P + R) in terms of counts; nothing predicted and nothing to find scores 0
    return 100 * 2 * right / np.maximum(predicted + gold, 1)


def _accuracy_counts(gold: Sequence[Labels], predicted: Sequence[Labels]) -> "np.ndarray":
    """Per example: labels right, labels in all."""
    import numpy as np

    _check_lengths(gold, predicted)
    rows = []
    for true, guessed in zip(gold, predicted, strict=True):
        pairs = list(zip(_sequence(true), _sequence(guessed), strict=True))
        rows.append((sum(g == p for g, p in pairs), len(pairs)))
    return np.array(rows, dtype=np.int64)


def _accuracy(sums: "np.ndarray") -> "np.ndarray":
    import numpy as np

    right, total = np.moveaxis(np.asarray(sums, dtype=float), -1, 0)
    return 100 * right / np.maximum(total, 1)


def _class_counts(gold: Sequence[Labels], predicted: Sequence[Labels]) -> "np.ndarray":
    """Per example and class in turn: right, predicted, in gold; (examples, 3 * classes)."""
    import numpy as np

    _check_lengths(gold, predicted)
    used = {label for side in (gold, predicted) for one in side for label in _sequence(one)}
    place = {label: number for number, label in enumerate(sorted(used))}
    if len(place) > _DENSE_CLASSES:
        return _sparse_class_counts(gold, predicted, place)
    counts = np.zeros((len(gold), len(place), 3), dtype=np.int64)
    for row, true, guessed in zip(counts, gold, predicted, strict=True):
        for true_label, guessed_label in zip(_sequence(true), _sequence(guessed), strict=True):
            row[place[true_label], 2] += 1
            row[place[guessed_label], 1] += 1
            row[place[true_label], 0] += true_label == guessed_label
    return counts.reshape(len(gold), -1)


# above this a row of counts is nearly all zeros, and a table of them does not fit in memory
_DENSE_CLASSES = 512


def _sparse_class_counts(
    gold: Sequence[Labels], predicted: Sequence[Labels], place: dict[str, int]
) -> Any:
    """What `_class_counts` gives, as a sparse array."""
    import numpy as np
    from scipy.sparse import coo_array

    rows, columns, ones = [], [], []
    for row, (true, guessed) in enumerate(zip(gold, predicted, strict=True)):
        for true_label, guessed_label in zip(_sequence(true), _sequence(guessed), strict=True):
            found = [3 * place[true_label] + 2, 3 * place[guessed_label] + 1]
            if true_label == guessed_label:
                found.append(3 * place[true_label])
            rows += [row] * len(found)
            columns += found
            ones += [1] * len(found)
    shape = (len(gold), 3 * len(place))
    return coo_array((np.array(ones, np.int64), (rows, columns)), shape).tocsr()


def _macro_f1(sums: "np.ndarray") -> "np.ndarray":
    import numpy as np

    by_class = np.asarray(sums, dtype=float).reshape(*np.shape(sums)[:-1], -1, 3)
    occurs = by_class[..., 1:].sum(axis=-1) > 0
    return (_f1(by_class) * occurs).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1)


def _sequence(example: Labels) -> Sequence[str]:
    return (example,) if isinstance(example, str) else example


def _check_lengths(gold: Sequence[Labels], predicted: Sequence[Labels]) -> None:
    if not gold:
        raise UnibridgeError("there is no example to score", do="give a test set with labels")
    if len(gold) != len(predicted):
        raise UnibridgeError(f"{len(predicted)} predictions for {len(gold)} gold examples")
    for number, (true, guessed) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(_sequence(true)) != len(_sequence(guessed)):
            raise UnibridgeError(
                f"example {number} has {len(_sequence(true))} gold tags and "
                f"{len(_sequence(guessed))} predicted ones"
            )


def attachment_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, float]:
    """UAS and LAS of trees whose words are tagged `HEAD|DEPREL`, as the CoNLL 2018 shared task.

    Shares of the words with the right head, and with the right relation to it, subtypes apart.
    """
    return {"uas": UAS(gold, predicted), "las": LAS(gold, predicted)}


def _attached(tag: str) -> str:
    return tag.partition("|")[0]


def _attached_as(tag: str) -> str:
    return tag.partition(":")[0]


def _tree_counts(
    gold: Sequence[Labels], predicted: Sequence[Labels], part: Callable[[str], str]
) -> "np.ndarray":
    """Per example: words that are right in that part of their tag, all words."""
    return _accuracy_counts(
        *([[part(tag) for tag in _sequence(one)] for one in side] for side in (gold, predicted))
    )


SPAN_F1 = Metric("span_f1", _span_counts, _f1)
XTREME_POS_F1 = Metric("xtreme_pos_f1", partial(_span_counts, found_in=tag_runs), _f1)
ACCURACY = Metric("accuracy", _accuracy_counts, _accuracy)
MACRO_F1 = Metric("macro_f1", _class_counts, _macro_f1, centred=True)

UAS = Metric("uas", partial(_tree_counts, part=_attached), _accuracy)
LAS = Metric("las", partial(_tree_counts, part=_attached_as), _accuracy)

METRICS: Registry[Metric] = Registry(
    "metric",
    {metric.name: metric for metric in (SPAN_F1, XTREME_POS_F1, ACCURACY, MACRO_F1, UAS, LAS)},
)
