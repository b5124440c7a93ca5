"""Contrastive sentence alignment: a line and its translation get like states, others unlike ones.

InfoNCE (van den Oord, Li and Vinyals, arXiv 1807.03748, Eq. 4) with the other translations of a
batch as negatives, as in LaBSE (Feng et al., arXiv 2007.01852, §2.2) and in sentence-transformers'
MultipleNegativesRankingLoss; the whole encoder learns. What it is worth is measured by retrieval of
held-out lines, P@1 both ways, as Tatoeba is scored (Artetxe and Schwenk, arXiv 1812.10464, §4.3).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from unibridge.adapters.settings import LANGUAGE_ADAPTER
from unibridge.errors import UnibridgeError
from unibridge.settings import ChosenFrom, Settings
from unibridge.text.corpus import split_held_out
from unibridge.training import Progress, TrainingSettings, batches_of, fit, prepare
from unibridge.transfer.adapted import AdaptedLanguage

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base


class ContrastSettings(Settings):
    """How sentences are aligned; the loss as in sentence-transformers."""

    temperature: float = Field(
        0.05, gt=0, description="what cosines are divided by (sentence-transformers' scale 20)"
    )
    both_ways: bool = Field(
        True,
        description="each side tells its translation among the other's (LaBSE); false: the target "
        "alone does (sentence-transformers)",
    )
    pooling: Annotated[str, ChosenFrom("unibridge.models.states:TEXT_STATES")] = Field(
        "mean", description="which state speaks for a line: first, last, mean, summed"
    )
    max_tokens: int = Field(128, ge=8, description="tokens per line; longer ones are cut")
    held_out: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="share of the aligned lines that retrieval is read on",
    )
    training: TrainingSettings = TrainingSettings(
        epochs=5, batch_size=32, learning_rate=2e-5, schedule="linear", warmup=0.1, clip=1.0
    )


@dataclass(frozen=True)
class Retrieval:
    """Share of held-out lines whose translation is nearest among all, from either side, 0 to 1."""

    from_target: float
    from_source: float
    lines: int


def info_nce(
    first: "torch.Tensor", second: "torch.Tensor", temperature: float, *, both_ways: bool = True
) -> "torch.Tensor":
    """The loss in nats of each line, (batch,), of lines (batch, hidden) that translate each other
    row by row.

    Cross-entropy of the right row under softmax(cosine / temperature); both ways: the mean of the
    two directions.
    """
    import torch
    from torch.nn.functional import cross_entropy, normalize

    scores = normalize(first, dim=-1) @ normalize(second, dim=-1).T / temperature
    right = torch.arange(len(scores), device=scores.device)
    loss = cross_entropy(scores, right, reduction="none")
    return (loss + cross_entropy(scores.T, right, reduction="none")) / 2 if both_ways else loss


def retrieval(first: "torch.Tensor", second: "torch.Tensor") -> Retrieval:
    """P@1 by cosine of lines (lines, hidden) that translate each other row by row."""
    import torch
    from torch.nn.functional import normalize

    scores = normalize(first.float(), dim=-1) @ normalize(second.float(), dim=-1).T
    right = torch.arange(len(scores))
    there, back = (float((scores.argmax(d).cpu() == right).float().mean()) for d in (1, 0))
    return Retrieval(there, back, len(scores))


def align_sentences(
    base: "Base",
    pairs: Mapping[str, Sequence[tuple[str, str]]],
    settings: ContrastSettings,
    *,
    language: str,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> AdaptedLanguage:
    """The whole encoder of a copy of the base trained on aligned lines; the base is not touched.

    pairs: source -> (target line, source line). A batch holds one source, so that no line stands
    beside its own translation into another. Facts: retrieval by source, before and after.
    Raises UnibridgeError where a source has fewer than two lines.
    """
    import numpy as np
    import torch

    from unibridge.models.base import max_tokens
    from unibridge.models.rows import changed_tensors, used_rows
    from unibridge.models.states import TEXT_STATES, encoder_states
    from unibridge.transfer.mlm import encode_samples, joined, used_ids

    # 1. Lines to learn from and lines to measure on.
    sources = sorted(source for source, rows in pairs.items() if rows)
    if not sources or any(len(pairs[source]) < 2 for source in sources):
        raise UnibridgeError(
            "there are fewer than two aligned lines", where="sources.parallel", do="give more"
        )
    learnt, held = {}, {}
    for source in sources:
        learnt[source], held[source] = split_held_out(pairs[source], settings.held_out, seed=seed)
    owners = [n for n, source in enumerate(sources) for _ in learnt[source]]
    rows = [pair for source in sources for pair in learnt[source]]
    limit = min(settings.max_tokens, max_tokens(base))
    pooled = TEXT_STATES.resolve(settings.pooling)
    model, family, pad = copy.deepcopy(base.model), base.family, base.tokenizer.pad_token_id

    def encoded(lines: Sequence[tuple[str, str]]) -> Any:
        return [
            encode_samples(base.tokenizer, [pair[side] for pair in lines], limit) for side in (0, 1)
        ]

    def states(store: Any, indices: Sequence[int]) -> "torch.Tensor":
        ids, mask = store.batch(indices, pad)
        return pooled(encoder_states(model, family, ids, mask), mask)

    def measured() -> dict[str, dict[str, float]]:
        found = {}
        model.eval()
        with torch.inference_mode():
            for source in sources:
                sides = [
                    torch.cat(
                        [
                            states(store, range(start, min(start + 64, len(store)))).float()
                            for start in range(0, len(store), 64)
                        ]
                    )
                    for store in encoded(held[source])
                ]
                found[source] = vars(retrieval(*sides))
        return found

    # 2. Train the encoder.
    stores, everything = encoded(rows), encoded([p for s in sources for p in pairs[s]])
    read = np.concatenate([store.ids for store in everything])
    ids = used_ids(read, base.tokenizer, settings.training)
    lengths = joined(stores).lengths.reshape(2, -1).sum(0)

    def loss(indices: list[int], generator: "torch.Generator", part: slice) -> tuple:
        first, second = (states(store, indices) for store in stores)
        # whatever part of a batch is asked for, the negatives are those of all of it
        each = info_nce(first, second, settings.temperature, both_ways=settings.both_ways)
        tokens = sum(int(store.lengths[indices[part]].sum()) for store in stores)
        return each[part].sum() / len(indices), {}, tokens

    before = measured()
    model.requires_grad_(False)
    with used_rows(model, family, ids, output=False):
        encoder = model.get_submodule(family.encoder)
        trained = dict(encoder.named_parameters())
        for parameter in trained.values():
            parameter.requires_grad_(True)
        model.train()
        warnings = prepare(model, encoder, settings.training)
        result = fit(
            trained,
            loss,
            lambda epoch: batches_of(
                lengths, settings.training.batch_size, seed=seed, epoch=epoch, groups=owners
            ),
            settings.training,
            seed=seed,
            width=model.config.hidden_size,
            checkpoint=checkpoint,
            progress=progress,
        )
        warnings += result.warnings
    return AdaptedLanguage(
        language=language,
        config=LANGUAGE_ADAPTER,
        adapter={},
        encoder=changed_tensors(model.get_submodule(family.encoder), family.word_embeddings, ids),
        facts={
            "language": language,
            "trains": "model",
            "curve": result.curve,
            "steps": result.steps,
            "epochs": result.curve[-1]["epoch"],
            "tokens_seen": result.tokens,
            "pairs": len(rows),
            "vocabulary_rows": len(ids),
            "retrieval_before": before,
            "retrieval_after": measured(),
        },
        warnings=warnings,
    )
