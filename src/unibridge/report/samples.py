"""What a report shows of the predictions themselves."""

from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.report.document import Block, Bullets, Samples
from unibridge.report.folder import Run

# how many a reader is shown; the first ones of the file, so nothing is picked by hand
_SENTENCES = 8


def predictions(run: Run) -> list[Block]:
    """The first test sentences as every method labels them."""
    from unibridge.text.labels import read_labels

    paths = {m: run.folder / p for m, p in run.about.get("predictions", {}).items()}
    labels = {row.newest.method: row.label for row in run.scores} | {"gold": "Gold"}
    # gold first, then the main method, then the order given
    order = sorted(paths, key=lambda method: (method != "gold", method != run.reference))
    read, unread = {}, []
    for path, label in ((paths[method], labels.get(method, method)) for method in order):
        if not path.exists():
            continue
        # an unusual format must not cost the user the rest of the report
        try:
            read[label] = [_pieces(example) for example in read_labels(path).examples]
        except UnibridgeError as error:
            unread.append(f"{label}: not shown ({error})")
    notes: list[Block] = [Bullets(unread)] if unread else []
    if not read:
        return notes
    shown = min(_SENTENCES, *(len(sentences) for sentences in read.values()))
    examples = [[(label, read[label][i]) for label in read] for i in range(shown)]
    return [
        f"The first {shown} of the test set, not chosen.",
        Samples(run.target, examples),
        *notes,
    ]


def _pieces(example: Any) -> list[tuple[str, str]]:
    """(text, tag) pieces of a tagged sentence or a labelled text; words of one span together."""
    if not hasattr(example, "words"):
        text = example.text if example.second is None else f"{example.text} / {example.second}"
        return [(text, ""), ("→", str(example.label))]
    pieces: list[tuple[str, str]] = []
    open_type = ""
    for word, tag in zip(example.words, example.tags, strict=True):
        prefix, _, kind = tag.partition("-")
        inside = prefix == "I" and kind == open_type
        name = "" if tag == "O" else kind or tag
        if inside or (pieces and not name and not pieces[-1][1]):
            pieces[-1] = (f"{pieces[-1][0]} {word}", name)
        else:
            pieces.append((word, name))
        open_type = kind
    return pieces
