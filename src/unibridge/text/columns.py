"""Which column of a file holds the words and which their tags, and what all words share.

Told by the names above the columns, by a column that counts, and by what the cells look like. Each
choice that is not the usual one (words in the first column, tags in the last) has a note.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Layout
from unibridge.text.prefixes import Prefixes
from unibridge.text.schemes import is_entity_tag
from unibridge.text.sentences import column
from unibridge.text.values import trimmed

UPOS = frozenset(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()  # noqa: SIM905
)
"""The universal parts of speech."""

_WORD_HEADERS = frozenset(
    (  # noqa: SIM905
        "word words token tokens form text mot mots wort wörter palabra palavra parola kata neno "
        "maneno слово слова 词 単語 كلمة शब्द ቃል kelime từ"
    ).split()
)
_ENTITY_HEADERS = frozenset(
    (  # noqa: SIM905
        "ner ner_tag ner_tags ner-tag ner-tags nertag ner_label ne ne-tag ne_tag entity entities "
        "iob iob2 iob1 bio bilou bioes entité entidad entität"
    ).split()
)
_POS_HEADERS = frozenset("pos upos xpos pos_tag pos_tags pos-tag postag upos_tag".split())  # noqa: SIM905
_TAG_HEADERS = (
    _ENTITY_HEADERS
    | _POS_HEADERS
    | frozenset(
        (  # noqa: SIM905
            "tag tags label labels class étiquette etikett etiqueta etichetta метка тег 标签 ラベル"
        ).split()
    )
)
_COUNTED_WORDS = 3
_SENTENCE_HEADERS = re.compile(r"sent(ence)?s?[ _-]?(id|no|nr|num|number|#)?\.?")
_SENTENCE_NUMBER = re.compile(r"(\D*)(\d+)")  # 1, or "Sentence: 1"
_RANGE = re.compile(r"\d+[-.]\d+")  # CoNLL-U's numbers of contractions and of empty words
# of a word, a sentence or a row, or offsets, or where there is none
_NUMBER = re.compile(r"\d+([-:.]\d+)*|[_-]?")
# rows that tell a column of numbers from words
_FEW_ROWS = 3


@dataclass
class Columns:
    """What the lines of one number of columns have in common."""

    separator: str
    width: int
    count: int = 0
    first: tuple[int, list[str]] | None = None
    # parts of the file that a blank line begins
    parts: int = 0
    # whether the first column counts the words of every sentence; where its count stands
    counts: bool = True
    reached: int = -1
    longest: int = 0
    # whether CoNLL-U's words of several tokens, or empty ones, are among them
    ranges: bool = False
    kinds: list["_Cells"] = field(default_factory=list)

    def add(self, number: int, cells: list[str], begins: bool) -> None:
        """Note the word on a line; begins: whether a sentence begins there."""
        if self.width == 10 and _RANGE.fullmatch(cells[0]):
            self.ranges = True
            return
        self.count += 1
        self.parts += begins
        if self.first is None:
            self.first = (number, cells)
            self.kinds = [_Cells() for _ in cells]
            if _is_header(cells):
                return
        if self.counts:
            now = int(cells[0]) if cells[0].isascii() and cells[0].isdigit() else -1
            # a sentence may begin without a blank line
            goes_on = not begins and now == self.reached + 1
            self.counts = now >= 0 and (now in (0, 1) or goes_on)
            self.reached, self.longest = now, max(self.longest, now)
        for kind, cell in zip(self.kinds, cells, strict=True):
            kind.add(cell)


@dataclass
class _Cells:
    """What the cells of one column have in common.

    entities: whether all are entity tags; marked: how many of them are of an entity. upos: whether
    all are parts of speech. lettered: whether any has a letter; capitals: whether those that have
    are in A to Z alone, as many tags are. outside: how many say that they are of no entity, O.
    numbers: whether all are. prefixes: what they begin with.
    sentences: whether they number sentences, empty where a word goes on with one; changes: how
    many of them.
    """

    entities: bool = True
    marked: int = 0
    upos: bool = True
    lettered: bool = False
    capitals: bool = True
    outside: int = 0
    numbers: bool = True
    sentences: bool = True
    changes: int = 0
    last: str = ""
    prefixes: Prefixes = field(default_factory=Prefixes)

    def add(self, cell: str) -> None:
        """One more."""
        if self.entities:
            tag = trimmed(cell)
            self.entities = is_entity_tag(tag)
            self.marked += self.entities and len(tag) > 1
        self.upos = self.upos and cell in UPOS
        self.outside += cell == "O"
        if any(map(str.isalpha, cell)):
            self.lettered = True
            self.capitals = self.capitals and cell.isascii() and cell.isupper()
        self.numbers = self.numbers and _NUMBER.fullmatch(cell) is not None
        self.prefixes.add(cell)
        if self.sentences and cell not in ("", self.last):
            self.sentences = not self.last or _follows(cell, self.last)
            self.changes, self.last = self.changes + 1, cell


def _follows(cell: str, last: str) -> bool:
    """Whether a cell numbers the sentence behind that of another cell."""
    now, before = _SENTENCE_NUMBER.fullmatch(cell), _SENTENCE_NUMBER.fullmatch(last)
    return bool(now and before and now[1] == before[1] and int(now[2]) == int(before[2]) + 1)


def _is_header(cells: list[str]) -> bool:
    names = {cell.lower() for cell in cells}
    tags = names & _TAG_HEADERS or any(map(_names_entities, names))
    return len(names) == len(cells) > 1 and bool(names & _WORD_HEADERS and tags)


def _names_entities(name: str) -> bool:
    """Whether it is the name of a column of entities, such as NE-COARSE-LIT."""
    return name in _ENTITY_HEADERS or name.startswith(("ne-", "ne_", "ner-", "ner_"))


def places(most: Columns, layout: Layout) -> dict[str, Any]:
    """Where words and tags stand and what words share, as `survey_conll` says, with `notes`.

    Raises UnibridgeError where words and tags have changed places.
    """
    line, first = most.first or (1, [])
    header = line if _is_header(first) else 0
    names = [cell.lower() for cell in first] if header else []
    counted = most.counts and most.longest >= _COUNTED_WORDS and most.width > 1
    notes: list[str] = []
    sentences = -1 if counted else _sentences(most, names)
    words = column(layout, "words", _words(most, names, counted, layout), most.width, line)
    tags = most.width - 1
    if most.width > 1 or layout.labelled:
        tags = _tags(most, names, words, counted, layout, notes)
        tags = column(layout, "tags", tags, most.width, line)
    if "words" not in layout.columns and words and not header:
        counts = "counts the words of a sentence" if counted else "has no letters"
        notes.append(
            f"{layout.path}: the first column {counts}; words are taken from column {words}"
            + (f" and tags from column {tags}" if tags != words else "")
            + ", counted from 0"
        )
    if counted and most.width == 10 and not layout.columns:
        _refuse_conllu(most, tags, line, layout)
    if not layout.columns and tags != words:
        _refuse_changed(most, words, tags, line, layout)
    prefix = most.kinds[words].prefixes.taken(layout.path, notes) if most.kinds else ()
    if header:
        taken = ""
        if most.width > 2:
            taken = f"; words are taken from {first[words]!r}"
            taken += f", tags from {first[tags]!r}" if tags != words else ""
        notes.append(
            f"{layout.path}:{header}: taken for the columns' names: {', '.join(first)}{taken}"
        )
    if sentences >= 0:
        notes.append(
            f"{layout.path}: column {sentences}, counted from 0, numbers the sentences: one begins "
            "where it changes"
        )
    return {
        "separator": most.separator,
        "width": most.width,
        "words": words,
        "tags": -1 if tags == words else tags,
        "prefix": prefix,
        "counted": counted,
        "sentences": sentences,
        "header": header,
        "notes": notes,
    }


def _sentences(most: Columns, names: list[str]) -> int:
    """The column that numbers the sentences of a file that blank lines do not part, or -1."""
    rows = most.count - bool(names)
    for place, kind in enumerate(most.kinds[:-1]):
        named = bool(names) and _SENTENCE_HEADERS.fullmatch(names[place]) is not None
        several = kind.sentences and kind.changes > 1 and rows >= 2 * kind.changes
        if several and (named or (most.parts == 1 and not names)):
            return place
    return -1


def _words(most: Columns, names: list[str], counted: bool, layout: Layout) -> int:
    """The column of the words where nobody has said it."""
    for place, name in enumerate(names):
        if name in _WORD_HEADERS:
            return place
    rows = most.count - bool(names)
    numbers = bool(most.kinds) and (most.kinds[0].numbers or _sentences(most, names) == 0)
    if most.width == 2 and not layout.labelled and numbers and rows >= _FEW_ROWS:
        behind = most.kinds[1]
        return int(behind.lettered and not behind.entities and not behind.upos)
    if counted or (most.width > 2 and rows >= _FEW_ROWS and numbers):
        # behind numbers of words, sentences or rows, and offsets; years and such are words
        for place, kind in enumerate(most.kinds[:-1]):
            if place and kind.lettered and not kind.marked and (counted or not kind.capitals):
                return place
    return int(counted)


def _tags(
    most: Columns, names: list[str], words: int, counted: bool, layout: Layout, notes: list[str]
) -> int:
    """The column of the tags where nobody has said it."""
    last = most.width - 1
    if "tags" in layout.columns or words == last:
        return last
    own = _POS_HEADERS if layout.expect == "words" else _ENTITY_HEADERS
    for known in (own, _TAG_HEADERS):
        named = [place for place, name in enumerate(names) if name in known and place != words]
        if named:
            return named[-1]
    if named := [place for place, name in enumerate(names) if _names_entities(name)]:
        return named[0]
    others = [place for place in range(most.width) if place != words]
    entities = [place for place in others if most.kinds[place].entities]
    if counted:
        if layout.expect == "words" and most.width == 10:
            return 3
        behind = [place for place in entities if place > words]
        return behind[0] if layout.expect != "words" and behind else last
    if layout.expect == "words":
        return _parts_of_speech(most, words, others, layout, notes)
    marked = [place for place in entities if most.kinds[place].marked]
    kind = most.kinds[last]
    # plain types have an O beside them; classes given by number are no scores
    tags = last in entities or kind.outside or layout.names
    if most.width > 2 and marked and not tags and (layout.expect or not kind.lettered):
        why = "is of no entities" if kind.lettered else "has no letters"
        notes.append(
            f"{layout.path}: the last column {why}; tags are taken from column {marked[-1]}, "
            "counted from 0"
        )
        return marked[-1]
    if layout.expect == "entities" and last in marked and len(marked) > 1:
        notes.append(
            f"{layout.path}: entity tags stand in columns {', '.join(map(str, marked))}, counted "
            f"from 0; those of column {last} are taken (`columns`)"
        )
    if layout.expect == "entities" and not layout.labelled and kind.lettered and not tags:
        return _behind(most, words, layout, notes)
    return last


def _parts_of_speech(
    most: Columns, words: int, others: list[int], layout: Layout, notes: list[str]
) -> int:
    """The column of the tags of words, where nobody has said it."""
    last = most.width - 1
    kind = most.kinds[last]
    universal = [place for place in others if most.kinds[place].upos]
    if len(universal) == 1 and last not in universal and layout.labelled:
        notes.append(
            f"{layout.path}: universal parts of speech are taken from column {universal[0]}, "
            "counted from 0, and not from the last (`columns`)"
        )
        return universal[0]
    if len(universal) > 1 and last in universal:
        notes.append(
            f"{layout.path}: parts of speech stand in columns {', '.join(map(str, universal))}, "
            f"counted from 0; those of column {last} are taken (`columns`)"
        )
    tags = [place for place in others if most.kinds[place].lettered and most.kinds[place].capitals]
    scores = not layout.names and most.width > 2 and not kind.lettered
    if scores and len(tags) == 1:
        notes.append(
            f"{layout.path}: the last column has no letters; tags are taken from column "
            f"{tags[0]}, counted from 0"
        )
        return tags[0]
    other = (kind.entities and kind.marked) or not (kind.capitals or kind.upos)
    if not layout.labelled and kind.lettered and other:
        return _behind(most, words, layout, notes)
    return last


def _behind(most: Columns, words: int, layout: Layout, notes: list[str]) -> int:
    """Tags get a column of their own, since the last one holds something else: that of the words.

    `places` takes it for none.
    """
    cell = (most.first or (0, [""]))[1][-1]
    notes.append(
        f"{layout.path}: the last column, such as {cell!r}, holds something else than what is "
        "predicted; tags are written behind it (`columns`)"
    )
    return words


def _refuse_conllu(most: Columns, tags: int, line: int, layout: Layout) -> None:
    """Raise UnibridgeError where tags, or words, are in CoNLL-U's own places."""
    elsewhere = layout.expect == "entities" and not most.kinds[tags].entities
    if most.ranges or layout.expect == "trees" or elsewhere:
        raise UnibridgeError(
            "these are the ten columns of CoNLL-U",
            where=layout.at(line),
            do="name the file .conllu, or the reader conllu",
        )


def _refuse_changed(most: Columns, words: int, tags: int, line: int, layout: Layout) -> None:
    """Raise UnibridgeError where all words are tags and no tag is."""
    if most.count < _FEW_ROWS:
        return
    here, there = most.kinds[words], most.kinds[tags]
    changed = here.entities and here.marked and not there.entities
    if changed or (here.upos and not there.upos and there.lettered):
        raise UnibridgeError(
            f"the words are tags, such as {(most.first or (0, ['']))[1][words]!r}: column {words} "
            "holds tags and not words",
            where=layout.at(line),
            do=f"name the columns, from 0: columns = {{ words = {tags}, tags = {words} }}",
        )
