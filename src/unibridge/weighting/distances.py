"""Weights from distances between languages: of their states (Eq. 10-12), or typological."""

from unibridge.weighting.base import WeightRequest, Weights, reads, sharpened


def harmony_distances(request: WeightRequest) -> dict[str, float]:
    """mean_k ‖H_t^k − H_s^k‖₂ for each source (Eq. 11's inner part)."""
    return {
        source: max(
            float((request.target[source] - states).norm(dim=-1).mean()),
            1e-9,  # equal states: an infinite closeness would make the softmax NaN
        )
        for source, states in request.source.items()
    }


@reads("parallel")
def harmony(request: WeightRequest) -> Weights:
    """softmax over sources of d_{t,s} = 1 / mean_k ‖H_t^k − H_s^k‖₂ (Eq. 11, 12)."""
    return _closest_most(harmony_distances(request), request)


@reads("parallel")
def single(request: WeightRequest) -> Weights:
    """Only the source whose states are closest; the first by name on a tie."""
    distances = harmony_distances(request)
    best = min(sorted(distances), key=distances.__getitem__)
    return Weights({s: float(s == best) for s in distances}, distances)


@reads("distances")
def typology(request: WeightRequest) -> Weights:
    """Eq. 11 and 12 with typological distances (paper, Tables 14 and 15, from lang2vec)."""
    return _closest_most({s: max(request.distances[s], 1e-9) for s in request.source}, request)


def _closest_most(distances: dict[str, float], request: WeightRequest) -> Weights:
    found = sharpened({s: 1 / d for s, d in distances.items()}, request)
    return Weights(found.weights, distances, found.temperature, warnings=found.warnings)
