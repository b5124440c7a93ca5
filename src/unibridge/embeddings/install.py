"""Reading the embedding table of a model, and putting a new one into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from unibridge.embeddings.base import InitResult
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def _tables(model: PreTrainedModel) -> list[torch.Tensor]:
    """The input table, then the output table where it is one of its own (untied)."""
    modules = (model.get_input_embeddings(), model.get_output_embeddings())
    weights = [cast(torch.Tensor, module.weight) for module in modules if module is not None]
    return weights[:1] if weights[-1] is weights[0] else weights


def _output_bias(model: PreTrainedModel) -> torch.Tensor | None:
    """The output projection's bias, or (mBART) the buffer that is added to what it gives."""
    beside = getattr(model, "final_logits_bias", None)
    return getattr(model.get_output_embeddings(), "bias", None) if beside is None else beside


def embedding_table(model: PreTrainedModel) -> torch.Tensor:
    """What to initialise from: a copy of the input table, (source_vocab, hidden).

    For a model whose output table is its own (untied): (source_vocab, 2 x hidden), the input row
    beside the output row, so that one initialisation treats both alike.
    """
    return torch.cat(_tables(model), dim=1).detach().to("cpu", copy=True)


def install_embeddings(
    model: PreTrainedModel, result: InitResult, tokenizer: PreTrainedTokenizerBase
) -> PreTrainedModel:
    """Replace the model's vocabulary, in place; returns the model.

    result: made from `embedding_table(model)`. tokenizer: the target one.
    A tied output stays tied; an untied one stays untied and gets the output rows that were
    initialised beside the input rows. The output bias (target_vocab,) is copied for copied tokens
    and zero for the rest. The config's vocab_size and special ids follow. The global random state
    is left alone.
    Raises UnibridgeError where the matrix does not fit the model, or where positions are counted
    from the padding id (XLM-R) and the two tokenizers disagree about it.
    """
    tables = _tables(model)
    hidden = tables[0].shape[1]
    width = hidden * len(tables)
    if result.matrix.shape[1] != width:
        raise UnibridgeError(
            f"the new embeddings are {result.matrix.shape[1]} wide, the model needs {width}",
            do="initialise them from embedding_table(model)",
        )
    embeddings = getattr(model.base_model, "embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)
    if padding is not None and tokenizer.pad_token_id != padding:
        raise UnibridgeError(
            f"the new tokenizer's padding id is {tokenizer.pad_token_id}, but this model counts "
            f"positions from its own, {padding}",
            do=f"give the padding token id {padding}",
        )

    # ---- tables of the new size
    old_bias = _output_bias(model)
    old_bias = None if old_bias is None else old_bias.detach().flatten().clone()
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        model.resize_token_embeddings(len(result.matrix), mean_resizing=False)

    # ---- their values
    with torch.no_grad():
        for table, values in zip(_tables(model), result.matrix.split(hidden, dim=1), strict=True):
            table.copy_(values)
        if old_bias is not None:
            source_row = result.source_row.to(old_bias.device)
            bias = cast(torch.Tensor, _output_bias(model))
            new_bias = torch.where(source_row >= 0, old_bias[source_row.clamp(min=0)], 0.0)
            bias.copy_(new_bias.view_as(bias))
            for head in model.modules() if len(tables) == 2 else ():
                # the head's own bias beside its projection's: of one family resizing forgets it, of
                # another it shares it, and then saving drops one of the two
                if model.get_output_embeddings() in head.children() and hasattr(head, "bias"):
                    head.bias = torch.nn.Parameter(bias.detach().clone())

    # ---- special ids
    embedding = cast(torch.nn.Embedding, model.get_input_embeddings())
    if embedding.padding_idx is not None:
        embedding.padding_idx = tokenizer.pad_token_id
    for role in ("pad", "bos", "eos", "cls", "sep"):
        if getattr(model.config, f"{role}_token_id", None) is not None:
            setattr(model.config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    return model
