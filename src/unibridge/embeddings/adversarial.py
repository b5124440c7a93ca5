"""A rotation between two spaces without any anchor (Conneau et al. 2018, §2.1, §2.4)."""

from __future__ import annotations

import torch

from unibridge.embeddings.rotation import AlignmentSettings, best_rotation, translation_cosine

LEAKY_SLOPE = 0.2


def adversarial_rotation(
    source: torch.Tensor, target: torch.Tensor, settings: AlignmentSettings, *, seed: int
) -> tuple[torch.Tensor, list[list[float]]]:
    """W such that a discriminator cannot tell rows of `source` @ W from rows of `target`.

    source: (words, dimension); target: (other words, dimension); unit rows, most frequent first.
    Returns the orthogonal matrix nearest to the W (dimension, dimension) of the best epoch of the
    best start by the criterion, and the criterion of every epoch of every start.
    """
    best, best_value = torch.eye(source.shape[1], device=source.device), -1.0
    history = []
    devices = [source.device] if source.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        for start in range(settings.restarts):
            torch.manual_seed(seed + start)
            rotation, values = _train(source, target, settings, from_identity=start == 0)
            history.append([round(value, 4) for value in values])
            if max(values) > best_value:
                best, best_value = rotation, max(values)
    return best_rotation(torch.eye(len(best), device=best.device), best), history


def _train(
    source: torch.Tensor,
    target: torch.Tensor,
    settings: AlignmentSettings,
    *,
    from_identity: bool,
) -> tuple[torch.Tensor, list[float]]:
    dimension, hidden, device = source.shape[1], settings.discriminator_hidden, source.device
    frequent = [side[: settings.frequent_words] for side in (source, target)]
    rotation = torch.eye(dimension, device=device)
    if not from_identity:
        # reflections among them, far from every rotation
        rotation = torch.linalg.qr(torch.randn(dimension, dimension, device=device))[0]
    rotation.requires_grad_()
    discriminator = torch.nn.Sequential(
        torch.nn.Dropout(settings.discriminator_dropout),
        torch.nn.Linear(dimension, hidden),
        torch.nn.LeakyReLU(LEAKY_SLOPE),
        torch.nn.Linear(hidden, hidden),
        torch.nn.LeakyReLU(LEAKY_SLOPE),
        torch.nn.Linear(hidden, 1),
        torch.nn.Flatten(0),
    ).to(device)
    rate = settings.learning_rate
    of_discriminator = torch.optim.SGD(discriminator.parameters(), lr=rate)
    of_rotation = torch.optim.SGD([rotation], lr=rate)
    is_source = torch.full((2 * settings.batch_size,), settings.smoothing, device=device)
    is_source[: settings.batch_size] = 1 - settings.smoothing

    def mixed() -> torch.Tensor:
        """A batch of either side, the source's rotated."""
        rows, others = (
            side[torch.randint(len(side), (settings.batch_size,), device=device)]
            for side in frequent
        )
        return torch.cat([rows @ rotation, others])

    best, values = rotation.detach().clone(), []
    for _ in range(settings.epochs):
        for _ in range(settings.steps):
            # ---- the discriminator learns which side a row is from (their Eq. 3)
            discriminator.train()
            for _ in range(settings.discriminator_steps):
                loss = torch.nn.functional.binary_cross_entropy_with_logits(
                    discriminator(mixed().detach()), is_source
                )
                of_discriminator.zero_grad()
                loss.backward()
                of_discriminator.step()

            # ---- the rotation learns to fool it (Eq. 4)
            discriminator.eval()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                discriminator(mixed()), 1 - is_source
            )
            of_rotation.zero_grad()
            loss.backward()
            of_rotation.step()

            # ---- and stays close to orthogonal (Eq. 7)
            with torch.no_grad():
                beta = settings.orthogonal_beta
                rotation.copy_((1 + beta) * rotation - beta * (rotation @ rotation.T) @ rotation)

        # ---- the epoch is judged without a dictionary, and the rate falls
        values.append(translation_cosine(source @ rotation.detach(), target, settings))
        if values[-1] == max(values):
            best = rotation.detach().clone()
        rate *= settings.rate_decay
        if len(values) > 1 and values[-1] < values[-2]:
            rate *= settings.rate_shrink
        for optimiser in (of_discriminator, of_rotation):
            optimiser.param_groups[0]["lr"] = rate
    return best, values
