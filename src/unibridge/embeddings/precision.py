"""Can a semantic space be trusted? Held-out shared tokens have to find themselves again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.vectors import STATIC_SPACES, SpaceMaker, StaticSpace
from unibridge.models.base import unknown_share


@dataclass(frozen=True)
class HeldOutPrecision:
    """value: P@1, None where no held-out token has a vector on both sides. tokens: those that have.

    candidates: source tokens that were searched. seconds: of wall time, training included.
    """

    value: float | None
    tokens: int
    candidates: int
    seconds: float


def held_out_precision(
    request: InitRequest,
    shared: Mapping[int, int],
    space: str | SpaceMaker | None = None,
    *,
    share: float | None = None,
) -> HeldOutPrecision:
    """How often the nearest source token of a held-out shared token is the token itself (P@1).

    shared: target id -> source id. space: by default `settings.static_space`; share: by default
    `settings.held_out_share`. The space is made again as if the held-out tokens were not shared,
    two symbols that nothing connects, and without character n-grams, which would tell equal
    strings. Searched are all source tokens that occur in the text, special ones left out. The same
    seed gives the same tokens and the same number. It flatters: a shared token often stands in the
    same places in both tokenisations, tokens that the semantic step compares do not.
    """
    started = time.perf_counter()
    settings = request.settings
    share = settings.held_out_share if share is None else share
    make = STATIC_SPACES.resolve(settings.static_space if space is None else space)

    # ---- two opaque symbols for a part of the shared tokens
    targets = np.array(sorted(shared), dtype=np.int64)
    shuffled = np.random.default_rng(request.seed).permutation(targets)
    held_out = shuffled[: round(share * len(targets))].tolist()
    rest = {t: s for t, s in shared.items() if t not in set(held_out)}
    without_ngrams = settings.model_copy(
        update={"static_ngrams": False, "search_all_source_tokens": False}
    )
    found = make(replace(request, settings=without_ngrams), rest)
    if found is None:
        return HeldOutPrecision(None, 0, 0, time.perf_counter() - started)

    # ---- the nearest source token of each
    special = torch.tensor(request.source_tokenizer.all_special_ids, dtype=torch.long)
    source = found.source.having(found.source.ids[~torch.isin(found.source.ids, special)])
    known = set(source.ids.tolist())
    asked = [t for t in held_out if shared[t] in known]
    target = found.target.having(torch.tensor(asked, dtype=torch.long))
    if not len(target.ids):
        return HeldOutPrecision(None, 0, len(source.ids), time.perf_counter() - started)
    candidates = torch.nn.functional.normalize(source.vectors, dim=1)
    nearest = (torch.nn.functional.normalize(target.vectors, dim=1) @ candidates.T).argmax(dim=1)
    right = torch.tensor([shared[t] for t in target.ids.tolist()])
    value = float((source.ids[nearest] == right).double().mean())
    return HeldOutPrecision(value, len(target.ids), len(source.ids), time.perf_counter() - started)


def unreadable(request: InitRequest, facts: dict[str, Any]) -> str:
    """Why no source token need be trained at all, "" where one may; notes `unknown_share`."""
    settings = request.settings
    lines = request.lines
    facts["unknown_share"] = unknown = (
        unknown_share(request.source_tokenizer, lines) if lines else 0.0
    )
    if settings.semantic_step == "always" or unknown <= settings.max_source_unknown:
        return ""
    return (
        f"the base tokenizer reads hardly any of this text ({unknown:.0%} unknown); with some "
        "hundred translated lines or a dictionary, static_space = 'bridge' goes through these"
    )


def judge_space(
    request: InitRequest,
    shared: Mapping[int, int],
    name: str,
    space: StaticSpace,
    searched: int,
    facts: dict[str, Any],
) -> str:
    """Why the semantic step is left out, "" where it is not; notes the held-out P@1.

    name: of the space. searched: source tokens that the step would compare. With semantic_step =
    "always" P@1 is noted all the same.
    """
    settings = request.settings
    least, threshold = settings.min_trusted_tokens, settings.min_held_out_precision
    always = settings.semantic_step == "always"
    target_ids, source_ids = set(space.target.ids.tolist()), set(space.source.ids.tolist())
    seen = sum(t in target_ids and s in source_ids for t, s in shared.items())
    if not always and seen < least:
        return f"only {seen:,} shared tokens occur in the text (min_trusted_tokens {least:,})"
    if not always and searched < least:
        return (
            f"only {searched:,} of the base's tokens are left to search "
            f"(min_trusted_tokens {least:,})"
        )
    if not settings.held_out_share:
        return ""
    found = held_out_precision(request, shared, name)
    facts |= {"held_out_precision": found.value, "held_out_tokens": found.tokens}
    facts["held_out_space"] = name
    if always or (found.value or 0.0) >= threshold:
        return ""
    return (
        f"of {found.tokens:,} held-out shared tokens {found.value or 0:.0%} find themselves again "
        f"(min_held_out_precision {threshold:g})"
    )
