"""What differs between families of pretrained models, as data.

Everything that reaches inside a model (adapters, embedding installation, pooling) takes the names
it needs from such a record. A new family is a new record: no code elsewhere asks "is this BERT?".
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedModel


class SameAs(str):
    """In place of a config setting's value: the setting that it has to agree with."""


@dataclass(frozen=True)
class ModelFamily:
    """Where the parts of a `transformers` language model are, and how they compute.

    Paths are dotted attribute names: `encoder`, `decoder`, `head`, `projection` and `logits_bias`
    start at the language model ("" is all of it), the others at its encoder, `output_norm` and the
    adapters' sites at one layer.
    """

    model_type: str
    """`model_type` in the checkpoint's config.json."""
    encoder: str
    """What reads a text into states: the model without its head, or its encoder if it has both."""
    embeddings: str | None
    """The whole embedding module: words, positions, its own norm and dropout. None where no module
    holds them all: what the first layer is given is then taken for its output."""
    word_embeddings: str
    """The table of input embeddings, `(vocab, hidden)`."""
    layers: str
    """The list of transformer layers."""
    head: tuple[str, ...]
    """The modules of the language model's head, in order."""
    projection: str
    """The head's last layer, onto the vocabulary; its weight may be tied to `word_embeddings`."""
    understood: tuple[tuple[str, object], ...]
    """Config settings that change the computation, each with the one value that we handle."""
    harmless: frozenset[str]
    """Config settings of older or other programs that do not change the encoder's states."""

    objective: str = "masked"
    """What its language model was trained by: a name in `OBJECTIVES`, or an import path."""
    text_state: str = "first"
    """Which of its states speaks for a text by default: a name in `TEXT_STATES`."""
    norm_placing: Literal["post", "pre"] = "post"
    """"post": each block ends with its norm; "pre": each begins with it."""
    output_norm: str = ""
    """In a layer, the norm at the feed-forward block's output; only where the placing is "post"."""
    adapter_site: str = "output"
    """In a layer, the module that holds the adapters in AdapterHub's files."""
    adapter_prefix: str = ""
    """What all names in AdapterHub's files begin with, beside those of `transformers`."""
    decoder_adapter_site: str | None = None
    """The same in the decoder's layers; None: as above."""
    first_position: Literal["zero", "after_padding"] = "zero"
    """Where position indices start: at 0, or at the padding token's id + 1."""
    longest: int | None = None
    """Longest input in tokens where positions are relative, so that the config has no limit."""
    decoder: str | None = None
    """The decoder beside the encoder; None: the model has one half only."""
    decoder_layers: str = ""
    """In the decoder, the list of its layers, which take adapters too."""
    begins_with_language: bool = False
    """Whether what is generated begins with the language that it is in."""
    logits_bias: str | None = None
    """A buffer `(1, vocab)` that is added to the logits beside the projection's own bias."""
    dropouts: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    """Config settings that hold the encoder's dropout rates; the first is a task head's too."""
    loaded_with: tuple[tuple[str, object], ...] = ()
    """Config settings that a checkpoint is loaded with, whatever it says."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Patterns of names that weights of a checkpoint may have -> the names that we load them by."""
    bare: tuple[tuple[str, object], ...] = ()
    """What `AutoModel.from_config` is told for an encoder with nothing on top."""
    bare_class: str | None = None
    """The class of such an encoder as an import path, where `AutoModel` gives a decoder too, ..."""
    bare_encoder: str = ""
    """... and where in it the encoder is."""

    token_head: str | None = "classifier"
    """The output layer of `transformers`' token classifier of the family; None: it has none that
    computes what our head does."""
    sequence_head: tuple[str, ...] | None = ("classifier.dense", "classifier.out_proj")
    """The dense and the output layer of its sequence classifier; None as above."""
    span_head: str | None = "qa_outputs"
    """The output layer of its question answerer; None as above."""
    plain_settings: tuple[tuple[str, object], ...] = ()
    """Config settings by which these classifiers compute what our heads do."""

    def position_offset(self, padding_id: int) -> int:
        """How many rows of the position table no token can use, given the padding token's id."""
        return padding_id + 1 if self.first_position == "after_padding" else 0

    def max_positions(self, config: "PretrainedConfig") -> int:
        """The longest input in tokens that the model can take, special tokens included."""
        if self.longest is not None:
            return self.longest
        return config.max_position_embeddings - self.position_offset(config.pad_token_id or 0)

    def dropout(self, config: "PretrainedConfig") -> float:
        """The dropout rate of a task head on this encoder."""
        return getattr(config, self.dropouts[0])

    def lm_head(self, model: "nn.Module") -> "nn.Module":
        """The language model's head as one module, without `logits_bias`; its parts are shared."""
        from torch import nn

        parts = [model.get_submodule(path) for path in self.head]
        return parts[0] if len(parts) == 1 else nn.Sequential(*parts)

    def vocabulary_logits(self, model: "nn.Module", states: "torch.Tensor") -> "torch.Tensor":
        """What the language model says of states `(..., hidden)`: `(..., vocab)`."""
        logits = self.lm_head(model)(states)
        return logits if self.logits_bias is None else logits + model.get_buffer(self.logits_bias)

    def output_bias(self, model: "nn.Module") -> "torch.Tensor | None":
        """The bias of the logits, with `vocab` elements: a parameter, a buffer, or None."""
        if self.logits_bias is not None:
            return model.get_buffer(self.logits_bias)
        return getattr(model.get_submodule(self.projection), "bias", None)

    def new_encoder(self, config: "PretrainedConfig") -> "PreTrainedModel":
        """An encoder of this shape, its weights drawn, without head, pooler and decoder."""
        from transformers import AutoModel

        if self.bare_class is None:
            return AutoModel.from_config(config, **dict(self.bare))
        module, _, name = self.bare_class.partition(":")
        return getattr(import_module(module), name)(config).get_submodule(self.bare_encoder)

    def of_layers(self, config: "PretrainedConfig", layers: Sequence[int]) -> "PretrainedConfig":
        """The configuration of an encoder of some of its layers, counted from 0."""
        config = copy.deepcopy(config)
        config.num_hidden_layers = len(layers)
        if kinds := getattr(config, "layer_types", None):
            config.layer_types = [kinds[index] for index in layers]
        return config

    def check(self, config: Mapping[str, object], *, where: object = "") -> None:
        """Refuse a checkpoint with settings that we would silently compute wrongly.

        config: the raw content of config.json (`transformers` drops what it no longer knows, such
        as relative positions, without a word). where: named in the error.
        Raises UnibridgeError that lists every such setting.
        """
        known = {
            name: config.get(value) if isinstance(value, SameAs) else value
            for name, value in self.understood
        }
        strange = [
            f"{name} = {config[name]!r} (known: {value!r})"
            for name, value in known.items()
            if config.get(name) is not None and config[name] != value
        ]
        if strange:
            raise UnibridgeError(
                f"this {self.model_type} checkpoint has settings that are not handled here: "
                + ", ".join(strange),
                where=where,
                do="use a checkpoint without them",
            )


UNCHANGED: tuple[tuple[str, object], ...] = (
    ("chunk_size_feed_forward", 0),
    ("pruned_heads", {}),
    ("quantization_config", {}),
)
"""Of every family: nothing taken out of the model, cut into pieces or rounded."""

DECODING: tuple[tuple[str, object], ...] = (
    ("is_decoder", False),
    ("is_encoder_decoder", False),
    ("add_cross_attention", False),
)
"""Of an encoder: its architecture turned into a decoder."""

ENCODER_ONLY = (("position_embedding_type", "absolute"), *DECODING, *UNCHANGED)

POOLER_AND_TRAINING = frozenset(
    {
        "directionality",
        "gradient_checkpointing",
        "output_past",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
        "torch_dtype",
    }
)
