"""Remaining rows as weighted sums of the aligned ones, by similarity of static embeddings."""

from typing import Any

import torch

from unibridge.embeddings.draft import EXAMPLES, Draft
from unibridge.embeddings.sparsemax import sparsemax
from unibridge.embeddings.vectors import StaticVectors

TOP_PARTS = 5
NEARLY_ALL = 0.5


def mix_remaining(draft: Draft, target: StaticVectors, *, block_bytes: int = 64 * 2**20) -> None:
    """Fill the rows that are still random from the aligned ones (paper Eq. 7-8).

    c_{a,o} = cos(F^T[a], F^T[o]) for every aligned (lexical or semantic) token o,
    w = sparsemax(c_a), E^T[a] = sum over o of w_o E^T[o].
    target: F^T. block_bytes: memory of one block of cosines. A token without a static embedding
    keeps its random row, and so do all where nothing is aligned; both are said in the warnings,
    and so is a text too small to tell tokens apart, where every row is nearly the mean.
    """
    open_rows = draft.rows_of("random")
    if not len(open_rows):
        return
    remaining = target.having(open_rows)
    aligned = target.having(draft.rows_of("lexical", "semantic"))
    if not len(aligned.ids):
        draft.warnings.append(
            "no token of the new vocabulary could be aligned with the base's: "
            f"its {len(open_rows):,} rows stay random"
        )
        return
    if len(remaining.ids) < len(open_rows):
        draft.warnings.append(
            f"{len(open_rows) - len(remaining.ids):,} tokens of the new vocabulary have no static "
            "embedding (too rare in the text): their rows stay random"
        )

    aligned_rows = draft.matrix[aligned.ids]
    aligned_vectors = torch.nn.functional.normalize(aligned.vectors, dim=1)
    remaining_vectors = torch.nn.functional.normalize(remaining.vectors, dim=1)
    rows_in_block = max(1, block_bytes // (4 * len(aligned.ids)))
    parts_of_rows: list[torch.Tensor] = []
    examples: list[list[Any]] = []
    for block, vectors in zip(
        remaining.ids.split(rows_in_block), remaining_vectors.split(rows_in_block), strict=True
    ):
        weights = sparsemax(vectors @ aligned_vectors.T)
        draft.mix(block, weights @ aligned_rows)
        parts_of_rows.append((weights > 0).sum(dim=1))
        for target_id, row in zip(block[:EXAMPLES].tolist(), weights[:EXAMPLES], strict=True):
            heaviest = row.topk(min(TOP_PARTS, len(row)))
            examples.append(
                [
                    draft.target_forms[target_id],
                    [
                        [draft.target_forms[int(aligned.ids[o])], round(float(weight), 4)]
                        for weight, o in zip(heaviest.values, heaviest.indices, strict=True)
                        if weight > 0
                    ],
                ]
            )
    draft.examples["mixed"] = examples[:EXAMPLES]

    median_parts = int(torch.cat(parts_of_rows).median()) if parts_of_rows else 0
    draft.facts["median_parts"] = median_parts
    if median_parts > max(TOP_PARTS, len(aligned.ids) * NEARLY_ALL):
        draft.warnings.append(
            f"the median mixed row is an average of {median_parts:,} of the {len(aligned.ids):,} "
            "aligned tokens: the text is too small to tell tokens apart "
            "(a higher static_epochs may help)"
        )
