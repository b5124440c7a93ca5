"""What a report shows of the predictions themselves."""

from unibridge.errors import UnibridgeError
from unibridge.report.document import Block, Bullets, Samples
from unibridge.report.folder import Run

# how many a reader is shown; the first ones of the file, so nothing is picked by hand
_SENTENCES = 8


def predictions(run: Run) -> list[Block]:
    """The first test sentences as every method labels them."""
    from unibridge.text.labels import read_labels
    from unibridge.text.records import pieces_of

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
            read[label] = [pieces_of(example) for example in read_labels(path).examples]
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
