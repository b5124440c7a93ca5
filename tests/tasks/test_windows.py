"""No word is lost to the length limit, and what fits is read as it always was."""

from itertools import pairwise
from random import Random

import pytest

from toy import toy_tokenizer
from toy_run import toy_lines
from unibridge.models.families import FAMILIES
from unibridge.models.states import frame
from unibridge.tasks import TASKS
from unibridge.tasks.encoded import IGNORED
from unibridge.tasks.windows import OVERLAP, windows_of
from unibridge.text.labels import TaggedSentence


def sentences(seed):
    draw = Random(seed)
    words = " ".join(toy_lines("en", 30) + toy_lines("lug", 10)).split()
    return [tuple(draw.choices(words, k=draw.randint(1, 60))) for _ in range(20)]


@pytest.mark.parametrize("limit", [5, 8, 13, 21])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_word_is_decided_in_one_window_and_whole_in_it(family, limit):
    tokenizer = toy_tokenizer(family)
    before, after = map(len, frame(tokenizer))
    room = limit - before - after
    rows = sentences(limit)
    for words, windows in zip(rows, windows_of(tokenizer, rows, limit), strict=True):
        (whole,) = next(windows_of(tokenizer, [words], 10_000))
        decided = [one.first + word for one in windows for word in one.decided]
        assert decided == list(range(len(words)))
        for one in windows:
            assert len(one.input_ids) <= limit
            assert one.input_ids[:before] == whole.input_ids[:before]
            assert one.input_ids[len(one.input_ids) - after :] == frame(tokenizer)[1]
            for place, span in enumerate(one.spans):
                full = whole.spans[one.first + place]
                assert [one.input_ids[i] for i in span] == [
                    whole.input_ids[i] for i in full[: max(room, len(span))]
                ]
        if len(whole.input_ids) <= limit:
            assert windows == [whole]


@pytest.mark.parametrize("family", FAMILIES)
def test_windows_overlap_by_a_share_of_their_tokens_where_words_are_short(family):
    tokenizer = toy_tokenizer(family)
    words = ("town",) * 50
    limit = 24
    (windows,) = windows_of(tokenizer, [words], limit)
    again = [one.first + len(one.spans) - other.first for one, other in pairwise(windows)]
    room = (limit - sum(map(len, frame(tokenizer)))) * OVERLAP
    assert len(windows) > 2 and all(1 <= count <= room for count in again)
    # an inner word has words on either side in the window that decides it
    assert all(one.decided.start > 0 for one in windows[1:])


def test_a_label_is_learnt_once_whatever_the_windows():
    tokenizer = toy_tokenizer("bert")
    task, labels = TASKS["ner"], ["O", "B-LOC", "I-LOC"]
    rows = [TaggedSentence(words, ("B-LOC",) * len(words)) for words in sentences(0)]
    encoded = task.encode(tokenizer, rows, labels, 9)
    assert task.labelled(encoded) == sum(len(row.words) for row in rows)
    assert len(encoded) > len(rows)
    every = task.encode(tokenizer, rows, labels, 9, label_all_subwords=True)
    assert task.labelled(every) >= task.labelled(encoded)
    assert all(one.label_ids[0] == IGNORED for one in every)
