"""What methods may need of a run, asked before anything is trained."""

from collections.abc import Iterator

from unibridge.errors import UnibridgeError
from unibridge.settings import Available, Lack


def target_labels(run: Available) -> Iterator[Lack]:
    """Labels of the target to learn from."""
    if not run.target_labels:
        yield "target.train", "needs labels of the target; give them or drop the method"


def translated_labels(run: Available) -> Iterator[Lack]:
    """The labels of a source at least in the target's language, or what translates them."""
    ready = run.settings.translation.translator == "ready"
    if ready and len(run.without("translated")) == len(run.sources):
        first = next(iter(run.sources))
        yield (
            run.at(first, "translated"),
            "needs labels of a source translated into the target; give a file, a "
            "translation.translator, or drop the method",
        )
    yield from _crosses(run)


def translated_test(run: Available) -> Iterator[Lack]:
    """The test examples in a source's language, or what translates them; a source to read them."""
    settings = run.settings.translation
    if settings.translator == "ready" and run.settings.target.translated is None:
        yield (
            "target.translated",
            "needs the test examples translated into a source's language; give a file, a "
            "translation.translator, or drop the method",
        )
    yield from _crosses(run, back=True)
    if settings.pivot in settings.unable(run):
        yield (
            run.at(
                settings.pivot, "dictionary" if settings.translator == "lexicon" else "parallel"
            ),
            f"reads in {settings.pivot!r} by a translator that has nothing to go by; give a "
            "dictionary, or parallel lines",
        )
    if settings.pivot is not None and settings.pivot not in run.sources:
        yield (
            "translation.pivot",
            f"reads in {settings.pivot!r}, no source of its; write {' or '.join(run.sources)}",
        )


def _crosses(run: Available, *, back: bool = False) -> Iterator[Lack]:
    """A task that says how its labels come into a translation and back, where they have to."""
    from unibridge.translation.crossings import crossing_of

    settings = run.settings.translation
    if run.task is None or (settings.translator == "ready" and not back):
        return
    try:
        crossing = crossing_of(run.task)
    except UnibridgeError as error:
        yield "task.kind", f"translates: {error}"
        return
    yield from crossing.lacks(settings) if settings.translator != "ready" else ()
    yield from crossing.lacks_back(settings) if back else ()


def aligned_lines(run: Available) -> Iterator[Lack]:
    """Lines of the target aligned with those of one source at least."""
    if len(run.without("parallel")) == len(run.sources):
        first = next(iter(run.sources))
        yield run.at(first, "parallel"), "needs aligned lines of a source; give a file of such"


def source_adapters(run: Available) -> Iterator[Lack]:
    """A language adapter of every source: text to train it on, or a ready one."""
    for source in run.without("text", "adapter"):
        yield (
            run.at(source, "text"),
            f"must have an adapter of {source!r}; give plain text, or adapter = a folder",
        )


def every_weight(run: Available) -> Iterator[Lack]:
    """All of the encoder trained: what a prompt asks has no part of its own to train."""
    if run.settings.fine_tuning.updates.method != "all":
        yield "fine_tuning.updates.method", 'trains every weight; write "all" or drop the method'
