"""What methods may need of a run, asked before anything is trained."""

from collections.abc import Iterator, Sequence

from unibridge.stages.sections import Given


def target_labels(given: Given, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Labels of the target to learn from."""
    if given.target.train is None:
        yield "target.train", "needs labels of the target; give them or drop the method"
