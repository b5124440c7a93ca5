"""Rows that name a table's columns, told from rows that are data."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Roles = tuple[int | None, int | None, int | None]
"""Columns of the text, the second text and the label."""

NAMES = {
    "text": ("text", "premise", "sentence1", "sentence"),
    "second": ("second", "hypothesis", "sentence2"),
    "label": ("label", "category", "gold_label"),
}
"""Names that need no second sign to be taken for a header; also the keys of JSON records."""

# names that are headers where another column is named as well, in a handful of languages
_FURTHER = {
    "text": "texts tweet tweets content contents body review reviews comment comments post message "
    "sms document doc article title headline abstract utterance query question question1 input "
    "news text1 text_a sentences phrase passage paragraph context source_text "
    "texte texto testo frase commentaire satz kommentar kalimat teks metin cümle maandishi matini "
    "sentensi rubutu ọrọ текст предложение комментарий 文本 内容 句子 评论 テキスト 本文 文 "
    "텍스트 본문 문장 نص النص جملة تعليق متن पाठ टेक्स्ट वाक्य পাঠ্য বাক্য உரை ข้อความ ጽሑፍ",
    "second": "text2 text_b question2 sentence_2 sentence_b conclusion hypothèse hipótesis",
    "label": "labels class classes category categories sentiment topic topics tag tags target "
    "emotion emotions polarity intent stance rating stars score gold annotation y label_text "
    "étiquette etiquette etiqueta classe clase klasse kategorie kategori categoría catégorie "
    "categoria thema thème tema sentimen duygu lebo aji метка класс категория тональность "
    "标签 类别 分类 ラベル カテゴリ 라벨 레이블 تصنيف وسم التصنيف लेबल শ্রেণী ป้ายกำกับ",
}
# what stands above a text as well: the text only where there is no other
_ABOVE = frozenset("title headline subject question query".split())  # noqa: SIM905
_ALL = {role: frozenset([*NAMES[role], *words.split()]) for role, words in _FURTHER.items()}
_ASIDE = frozenset("id ids index idx no num number uuid".split())  # noqa: SIM905
_NAME = re.compile(r"[^\W\d][\w .#/()-]{0,39}")
_SENTENCE_END = (".", "!", "?", "…", "。", "။", "።", "।")
_ROWS = 5
_SHORTER_THAN = 0.9


def named_roles(cells: Sequence[str]) -> Roles:
    """Columns by what a header calls them, None where it has no such name."""
    names = [_plain(cell) for cell in cells]

    def place(role: str) -> int | None:
        for known in (frozenset(NAMES[role]), _ALL[role] - _ABOVE, _ALL[role]):
            for number, name in enumerate(names):
                if name in known:
                    return number
        for number, name in enumerate(names):
            parts = set(re.split(r"[_\s-]+", name))
            if parts & _ALL[role] and not parts & _ASIDE:
                return number
        return None

    text, second, label = place("text"), place("second"), place("label")
    # "question1, question2" are both texts; "text_label" is a label
    return (None if text in (second, label) else text), second, label


def counts_rows(cell: str) -> bool:
    """Whether a column's name says that it holds numbers of rows."""
    return bool(set(re.split(r"[_\s-]+", _plain(cell))) & _ASIDE)


def is_known_header(cells: Sequence[str]) -> bool:
    """Whether the names alone say that a row is a header."""
    names = [_plain(cell) for cell in cells]
    if len(names) == 1:
        return names[0] in _ALL["text"]
    if not _like_names(cells):
        return False
    if any(name in NAMES["text"] for name in names):
        return True
    text, second, label = named_roles(cells)
    others = [cell for place, cell in enumerate(cells) if place != text]
    named = second is not None or label is not None or all(map(counts_rows, others))
    return text is not None and named


def is_known_name(cell: str) -> bool:
    """Whether a header may call a column so."""
    return counts_rows(cell) or any(_plain(cell) in names for names in _ALL.values())


def _plain(cell: str) -> str:
    return re.sub(r"\s+", "_", cell.strip().strip("\"'#\ufeff").strip().lower())


def _like_names(cells: Sequence[str]) -> bool:
    return all(
        not cell.strip()
        or (
            _NAME.fullmatch(cell.strip().strip("\"'#")) is not None
            and len(cell.split()) <= 3
            and not cell.rstrip().endswith(_SENTENCE_END)
        )
        for cell in cells
    )


class Body:
    """What the rows below a possible header are like, in little memory.

    text, label: the columns to look at. A header has a label of its own that no row has, above
    labels that recur, and a text that is shorter than most.
    """

    def __init__(self, first: Sequence[str], text: int, label: int) -> None:
        self.first, self.text, self.label = first, text, label
        self.rows = self.longer = self.numbers = 0
        self.labels: Counter[str] = Counter()

    def add(self, cells: Sequence[str]) -> None:
        """Count one row."""
        self.rows += 1
        label = cells[self.label].strip()
        if label in self.labels or len(self.labels) < 10_000:
            self.labels[label] += 1
        self.numbers += _is_number(label)
        self.longer += len(cells[self.text]) > len(self.first[self.text])

    def is_below_header(self) -> bool:
        """Whether the first row is not one of these rows."""
        name = self.first[self.label].strip()
        if not _like_names(self.first) or not name or name in self.labels:
            return False
        if self.rows >= 2 and self.numbers == self.rows:
            return not _is_number(name)
        return (
            self.rows >= _ROWS
            and len(self.labels) <= max(2, self.rows // 4)
            and self.longer >= _SHORTER_THAN * self.rows
        )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(\.\d+)?", text) is not None


def text_key(record: Mapping[str, Any]) -> str | None:
    """The key of a JSON record that holds its text; None where no name says so."""
    for names in (NAMES["text"], _ALL["text"] - _ABOVE, _ALL["text"]):
        for key, value in record.items():
            if _plain(key) in names and (isinstance(value, str) or key == "text"):
                return key
    return None
