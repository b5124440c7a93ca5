"""What differs between families of pretrained models, as data.

Everything that reaches inside a model (adapters, embedding installation, pooling) takes the names
it needs from a record here. A new family is a new record: no code elsewhere asks "is this BERT?".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry


@dataclass(frozen=True)
class ModelFamily:
    """Where the parts of a `transformers` masked language model are, and how they compute.

    Paths are dotted attribute names: `encoder`, `head` and `decoder` start at the masked language
    model, the others at its encoder, `output_norm` at one layer.
    """

    model_type: str
    """`model_type` in the checkpoint's config.json."""
    encoder: str
    """The model without its masked-LM head."""
    embeddings: str
    """The whole embedding module: words, positions, its own norm and dropout."""
    word_embeddings: str
    """The table of input embeddings, `(vocab, hidden)`."""
    layers: str
    """The list of transformer layers."""
    output_norm: str
    """In a layer, the norm at the feed-forward block's output (post) or input (pre)."""
    head: str
    """The masked-LM head."""
    decoder: str
    """The head's last projection, onto the vocabulary; its weight is tied to `word_embeddings`."""
    norm_placing: Literal["post", "pre"]
    """"post": each block ends with its norm. "pre" is reserved for mBART, mGPT and mT5."""
    first_position: Literal["zero", "after_padding"]
    """Where position indices start: at 0, or at the padding token's id + 1."""
    understood: tuple[tuple[str, object], ...]
    """Config settings that change the computation, each with the one value that we handle."""
    harmless: frozenset[str]
    """Config settings of older or other programs that do not change the encoder's states."""
    dropouts: tuple[str, ...] = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    """Config settings that hold the encoder's dropout rates."""

    token_head: str = "classifier"
    """The output layer of `transformers`' token classifier of the family."""
    sequence_head: tuple[str, str] = ("classifier.dense", "classifier.out_proj")
    """The dense and the output layer of its sequence classifier."""

    def position_offset(self, padding_id: int) -> int:
        """How many rows of the position table no token can use, given the padding token's id."""
        return padding_id + 1 if self.first_position == "after_padding" else 0

    def check(self, config: Mapping[str, object], *, where: object = "") -> None:
        """Refuse a checkpoint with settings that we would silently compute wrongly.

        config: the raw content of config.json (`transformers` drops what it no longer knows, such
        as relative positions, without a word). where: named in the error.
        Raises UnibridgeError that lists every such setting.
        """
        strange = [
            f"{name} = {config[name]!r} (known: {value!r})"
            for name, value in self.understood
            if config.get(name) is not None and config[name] != value
        ]
        if strange:
            raise UnibridgeError(
                f"this {self.model_type} checkpoint has settings that are not handled here: "
                + ", ".join(strange),
                where=where,
                do="use a checkpoint without them",
            )


ENCODER_ONLY: tuple[tuple[str, object], ...] = (
    ("position_embedding_type", "absolute"),
    ("is_decoder", False),
    ("is_encoder_decoder", False),
    ("add_cross_attention", False),
    ("chunk_size_feed_forward", 0),
    ("pruned_heads", {}),
    ("quantization_config", {}),
)

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

FAMILIES: Registry[ModelFamily] = Registry(
    "model family",
    {
        "bert": ModelFamily(
            model_type="bert",
            encoder="bert",
            embeddings="embeddings",
            word_embeddings="embeddings.word_embeddings",
            layers="encoder.layer",
            output_norm="output.LayerNorm",
            head="cls",
            decoder="cls.predictions.decoder",
            norm_placing="post",
            first_position="zero",
            understood=ENCODER_ONLY,
            harmless=POOLER_AND_TRAINING,
            sequence_head=("bert.pooler.dense", "classifier"),
        ),
        "xlm-roberta": ModelFamily(
            model_type="xlm-roberta",
            encoder="roberta",
            embeddings="embeddings",
            word_embeddings="embeddings.word_embeddings",
            layers="encoder.layer",
            output_norm="output.LayerNorm",
            head="lm_head",
            decoder="lm_head.decoder",
            norm_placing="post",
            first_position="after_padding",
            understood=ENCODER_ONLY,
            harmless=POOLER_AND_TRAINING,
        ),
    },
)
