"""Word alignment from the states of a multilingual base, without any training: SimAlign.

Jalili Sabet et al., Findings of EMNLP 2020 (arXiv 2004.08728), §3.2, "Argmax": two pieces are
linked where each is the other's nearest by cosine, in a middle layer; words are linked where
pieces of theirs are.
"""

from typing import TYPE_CHECKING, Any

from unibridge.alignment.base import Links, ToAlign
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    import torch

BATCH = 32
Side = tuple["torch.Tensor", list[int]]
"""States of pieces or words, (units, hidden), and the word that each belongs to."""


def by_states(given: ToAlign) -> list[Links]:
    """Links by mutual nearest states. Raises UnibridgeError without a base to read with."""
    import torch

    if given.base is None:
        raise UnibridgeError(
            "words are aligned by states, and there is no base to read them",
            where="alignment.method",
            do="give a base, or set alignment.method = 'fast-align'",
        )
    found: list[Links] = []
    with torch.inference_mode():
        for start in range(0, len(given.pairs), BATCH):
            part = given.pairs[start : start + BATCH]
            sides = [_states(given, [pair[side] for pair in part]) for side in (0, 1)]
            found += [mutual_nearest(*one) for one in zip(*sides, strict=True)]
    return found


def mutual_nearest(first: Side, second: Side) -> Links:
    """Words with units that are each other's nearest by cosine."""
    from torch.nn.functional import normalize

    (states, owners), (others, their_owners) = first, second
    if not owners or not their_owners:
        return ()
    alike = normalize(states, dim=-1) @ normalize(others, dim=-1).T
    onto, back = alike.argmax(1).tolist(), alike.argmax(0).tolist()
    return tuple(sorted({(owners[i], their_owners[j]) for i, j in enumerate(onto) if back[j] == i}))


def _states(given: ToAlign, sentences: list[Any]) -> list[Side]:
    """Of each sentence its units' states; of one longer than the base can read the beginning."""
    import torch

    from unibridge.models.base import max_tokens
    from unibridge.models.states import layer_states
    from unibridge.tasks.base import padded
    from unibridge.tasks.windows import windows_of

    base, settings = given.base, given.settings
    assert base is not None
    encoder: Any = base.model.get_submodule(base.family.encoder)
    layers = encoder.config.num_hidden_layers
    layer = round(layers * 2 / 3) if settings.layer is None else settings.layer
    if layer > layers:
        raise UnibridgeError(
            f"there is no layer {layer}",
            where="alignment.layer",
            do=f"write a number from 0 to {layers}",
        )
    windows = [one[0] for one in windows_of(base.tokenizer, sentences, max_tokens(base))]
    ids = [window.input_ids for window in windows]
    inputs = {
        "input_ids": padded(ids, base.tokenizer.pad_token_id or 0),
        "attention_mask": padded([[1] * len(row) for row in ids], 0),
    }
    inputs = {name: value.to(base.model.device) for name, value in inputs.items()}
    states = layer_states(encoder, **inputs)[layer]
    found: list[Side] = []
    for window, read in zip(windows, states, strict=True):
        if settings.units == "words" and window.spans:
            means = [read[span.start : span.stop].mean(0) for span in window.spans]
            found.append((torch.stack(means), list(range(len(means)))))
        else:
            places = [place for span in window.spans for place in span]
            owners = [word for word, span in enumerate(window.spans) for _ in span]
            found.append((read[places], owners))
    return found
