"""A language discriminator that the encoder learns to mislead (Ganin & Lempitsky 2015).

arXiv 1409.7495; over languages Chen et al. 2018 (arXiv 1606.01614) and, with plain text of the
target and contextual states, Keung et al. 2019 (arXiv 1909.00153).
"""

import math

STEEPNESS = 10.0
"""γ of §4's schedule."""


def adversary(done: float) -> float:
    """What the discriminator's gradient is multiplied by on its way into the encoder (§4).

    done: share of the training, 0 to 1. -λ, with λ = 2 / (1 + exp(-γ · done)) - 1: nothing at
    first, while the discriminator is still wrong anyway.
    """
    return 1 - 2 / (1 + math.exp(-STEEPNESS * done))
