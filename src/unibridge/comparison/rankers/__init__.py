"""Which source is best for a target, told before any training. One more is a file and a line."""

from unibridge.comparison.rankers.base import Ranker, none
from unibridge.comparison.rankers.distances import featural, genetic, geographic, syntactic
from unibridge.comparison.rankers.nearest import nearest
from unibridge.comparison.rankers.overlap import pieces, words
from unibridge.comparison.rankers.sizes import size
from unibridge.comparison.rankers.subnetwork import subnetwork
from unibridge.registry import Registry

RANKERS: Registry[Ranker] = Registry(
    "ranker",
    {
        "none": none,
        "piece-overlap": pieces,
        "word-overlap": words,
        "size": size,
        "genetic": genetic,
        "syntactic": syntactic,
        "featural": featural,
        "geographic": geographic,
        "nearest": nearest,
        "subnetwork": subnetwork,
    },
)
