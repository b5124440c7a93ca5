"""Typological distances from URIEL+, the closest first (the `typology` extra)."""

from unibridge.comparison.rankers.base import RankRequest, needs
from unibridge.errors import UnibridgeError


def _closest(request: RankRequest, kind: str) -> dict[str, float]:
    from unibridge.weighting.typology import check_distances, language_distances

    check_distances(request.target, request.sources, None)
    found = {}
    for source in request.sources:
        try:
            distance = language_distances(request.target, [source], kind=kind)[source]
        except UnibridgeError:
            continue  # a language without the features says nothing of the others
        found[source] = -distance
    return found


@needs()
def genetic(request: RankRequest) -> dict[str, float]:
    """Less the distance in Glottolog's tree."""
    return _closest(request, "genetic")


@needs()
def syntactic(request: RankRequest) -> dict[str, float]:
    """Less the distance between syntactic features."""
    return _closest(request, "syntactic")


@needs()
def featural(request: RankRequest) -> dict[str, float]:
    """Less the distance between all features."""
    return _closest(request, "featural")


@needs()
def geographic(request: RankRequest) -> dict[str, float]:
    """Less the distance on the globe."""
    return _closest(request, "geographic")
