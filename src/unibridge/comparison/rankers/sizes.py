"""How much text there is of a source: the same order for every target."""

from math import log

from unibridge.comparison.rankers.base import RankRequest, needs


@needs("text")
def size(request: RankRequest) -> dict[str, float]:
    """The logarithm of a source's characters, all its lines counted."""
    return {
        source: log(1 + sum(map(len, request.texts.get(source, ())))) for source in request.sources
    }
