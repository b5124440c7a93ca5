"""The entry: what the chosen weighting reads is gathered, and it is called."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.weighting import WEIGHTINGS
from unibridge.weighting.base import (
    SourcePredictions,
    WeightRequest,
    Weights,
    WeightSettings,
    inputs_of,
)

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.transfer.adapted import AdaptedLanguage
    from unibridge.transfer.pooled import HeldState


def weigh_sources(
    base: "Base",
    target: "AdaptedLanguage",
    sources: "Mapping[str, AdaptedLanguage]",
    parallel: Mapping[str, Sequence[tuple[str, str]]],
    settings: WeightSettings | None = None,
    *,
    state: "HeldState" = "encoder",
    unlabelled: SourcePredictions | None = None,
    labelled: SourcePredictions | None = None,
    distances: Mapping[str, float] | None = None,
) -> Weights:
    """Weights of the sources for a target language, by the method that the settings name.

    parallel: source -> (target sentence, source sentence) pairs (Eq. 10-12). state: the tensor h,
    the same choice as in adaptation. unlabelled, labelled: what `MultiSourceModel.predict_sources`
    says of target examples; distances: source -> typological distance. Each is needed by the
    weightings that read it. Raises UnibridgeError when something that is read is missing.
    """
    from unibridge.transfer.adapted import language_model
    from unibridge.transfer.pooled import pooled_states

    settings = (settings or WeightSettings()).settled(
        len(sources), plain_text=unlabelled is not None
    )
    weigh = WEIGHTINGS.resolve(settings.method)
    needed = inputs_of(weigh)
    target_states: dict[str, torch.Tensor] = {}
    source_states: dict[str, Any] = dict.fromkeys(sources)
    if "parallel" in needed:
        missing = [s for s in sources if not parallel.get(s)]
        if missing:
            raise UnibridgeError(
                f"no parallel sentences for {', '.join(missing)}",
                do='give sources.parallel, or set weights.method = "uniform"',
            )

        def states(adapted: "AdaptedLanguage", sentences: Sequence[str]) -> "torch.Tensor":
            return pooled_states(
                language_model(base, adapted),
                base.family,
                adapted.tokenizer or base.tokenizer,
                sentences,
                state=state,
            )

        pairs = {s: list(parallel[s])[: settings.sentences] for s in sources}
        joined = [sentence for s in sources for sentence, _ in pairs[s]]
        everything = states(target, joined).split([len(pairs[s]) for s in sources])
        for (source, adapted), rows in zip(sources.items(), everything, strict=True):
            target_states[source] = rows
            source_states[source] = states(adapted, [sentence for _, sentence in pairs[source]])
    if "distances" in needed and (unknown := [s for s in sources if s not in (distances or {})]):
        raise UnibridgeError(
            f"no typological distance for {', '.join(unknown)}", where="weights.distances"
        )
    return weigh(
        WeightRequest(
            target_states, source_states, settings, unlabelled, labelled, dict(distances or {})
        )
    )
