"""Whether texts and labels belong together: one script, one language, no test sentence in training.

Counts and cosines, no model. What is found is said in a warning with its number and never refused:
a transliterated corpus or a test set drawn from the web may be meant so.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from unibridge.text.corpus import spread
from unibridge.text.examples import Example, TaggedSentence
from unibridge.text.languages import has_unspaced

_SAMPLE = 2000
# share of letters in a text's scripts below which labels are in another
_SCRIPT_SHARE = 0.5
# Cosine of letter-trigram counts. Of 92 labelled test sets beside 3,000 lines of the same language
# (60 languages, scripts with spaces) 90 are above 0.4; unrelated languages are below.
_ALIKE = 0.4
_TRIGRAMS = 2000
_TEXT_LETTERS = 20

# scripts that one language mixes
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "HANGUL": "HANGUL"}


def plain_text(example: Example) -> str:
    """The words or texts of an example as one string."""
    if isinstance(example, TaggedSentence):
        return " ".join(example.words)
    return example.text if example.second is None else f"{example.text}\t{example.second}"


def shared_with(
    test: Sequence[Example], others: Mapping[str, Sequence[Example]], *, name: str = "test"
) -> list[str]:
    """Counted warnings of the examples of `test` that are in other labelled sets as well.

    others: what a set is called -> its examples. Case and spaces do not count.
    """
    warnings = []
    wanted = [_key(plain_text(example)) for example in test]
    for other, examples in others.items():
        known = {_key(plain_text(example)) for example in examples}
        found = sum(key in known for key in wanted)
        if found:
            warnings.append(
                f"{found} of the {len(wanted)} {name} examples are in {other} as well: scores on "
                "them show what was remembered. Take them out of one of the two"
            )
    return warnings


def shared_with_text(
    test: Sequence[Example], lines: Iterable[str], *, name: str = "test", text: str = "the text"
) -> list[str]:
    """A counted warning of test sentences that stand in plain text which is trained on."""
    wanted = {key for one in test if len(key := _key(plain_text(one))) >= _TEXT_LETTERS}
    found = wanted.intersection(map(_key, lines)) if wanted else set()
    if not found:
        return []
    return [
        f"{len(found)} of the {len(test)} {name} examples are lines of {text}, without their labels"
    ]


def _key(text: str) -> str:
    return "".join(text.split()).casefold()


def unlike(
    lines: Sequence[str], examples: Sequence[Example], *, text: str, labels: str
) -> list[str]:
    """Counted warnings where labelled examples are in another script or language than a text.

    text, labels: what the two are called.
    """
    sentences = [plain_text(example) for example in spread(examples, _SAMPLE)]
    sample = spread(lines, _SAMPLE)
    here, there = _scripts(sample), _scripts(sentences)
    if not here or not there:
        return []
    main = {script for script, count in here.items() if count >= 0.05 * here.total()}
    apart = [one for one in sentences if _share(_scripts([one]), main) < _SCRIPT_SHARE]
    if len(apart) > _SCRIPT_SHARE * len(sentences):
        return [
            f"{len(apart)} of {len(sentences)} examples of {labels} are in another script "
            f"({_said(there)}) than {text} ({_said(here)}): do they belong together?"
        ]
    if sum(map(has_unspaced, sentences)) > len(sentences) / 2:
        return []
    first, second = _trigrams(sample), _trigrams(sentences)
    if min(first.total(), second.total()) < _TRIGRAMS:
        return []
    alike = _cosine(first, second)
    if alike >= _ALIKE:
        return []
    return [
        f"{labels} and {text} do not look like one language: the counts of their letters in threes "
        f"have a cosine of {alike:.2f}, where one language has more than {_ALIKE} "
        f"({len(sentences)} examples, {len(sample)} lines): do they belong together?"
    ]


@cache
def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ")[0]
    return _TOGETHER.get(name, name)


def _scripts(lines: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(_script(character) for character in line)
    del counts[""]
    return counts


def _share(scripts: Counter[str], main: set[str]) -> float:
    total = scripts.total()
    return 1.0 if not total else sum(scripts[script] for script in main) / total


def _said(scripts: Counter[str]) -> str:
    return scripts.most_common(1)[0][0].capitalize()


def _trigrams(lines: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for line in lines:
        for word in line.lower().split():
            padded = f" {word} "
            counts.update(padded[place : place + 3] for place in range(len(padded) - 2))
    return counts


def _cosine(first: Counter[str], second: Counter[str]) -> float:
    product = sum(count * second[key] for key, count in first.items())
    lengths = [math.sqrt(sum(c * c for c in counts.values())) for counts in (first, second)]
    return product / max(lengths[0] * lengths[1], 1e-12)


def of_a_run(
    target: str,
    texts: Mapping[str, Sequence[str]],
    train: Mapping[str, Sequence[Example]],
    held_out: Mapping[str, Sequence[Example]],
    test: Sequence[Example] = (),
    target_train: Sequence[Example] = (),
) -> list[str]:
    """All warnings about the data of a run, each with its count.

    texts: language -> lines. train, held_out: source -> labelled examples. target: the language of
    test and target_train.
    """
    warnings = []
    named = {f"the training labels of {language}": own for language, own in train.items()}
    own = {f"the training labels of {target} (target)": target_train} if target_train else {}
    if test:
        warnings += shared_with(test, named | own)
        warnings += shared_with_text(test, texts[target], text=f"the text of {target}")
    for language, examples in held_out.items():
        label = f"the training labels of {language}"
        warnings += shared_with(examples, {label: train[language]}, name=f"{language} held-out")
    labelled = [(language, f"the labels of {language}", own) for language, own in train.items()]
    labelled += [(target, "the test labels", test), (target, "the target's labels", target_train)]
    for language, label, examples in labelled:
        if language in texts and examples:
            lines = texts[language]
            warnings += unlike(lines, examples, text=f"the text of {language}", labels=label)
    return warnings
