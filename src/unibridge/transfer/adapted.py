"""What a base gains by a language, and the model that it makes with the base."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.adapters.settings import AdapterConfig
from unibridge.artifacts import read_json, write_bytes, write_json
from unibridge.errors import UnibridgeError
from unibridge.seal import loading, seal

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from unibridge.models.base import BaseModel as Base


@dataclass
class AdaptedLanguage:
    """What a base gains by a language; with the base it makes a model of that language.

    tokenizer, embeddings (target_vocab, hidden; the output rows beside the input rows where the
    base does not tie them): None where the language keeps the base's vocabulary. adapter: the
    language adapter's tensors, NICE included. head: the masked-LM head's tensors where it was
    trained. output_bias (target_vocab,): None where it is the base's, trained with either.
    encoder: changed tensors of the encoder where the whole of it was trained, as
    `unibridge.models.rows.lay_over` takes them; adapter is then empty.
    """

    language: str
    config: AdapterConfig
    adapter: "dict[str, torch.Tensor]"
    tokenizer: Any = None
    embeddings: "torch.Tensor | None" = None
    output_bias: "torch.Tensor | None" = None
    head: "dict[str, torch.Tensor]" = field(default_factory=dict)
    encoder: "dict[str, torch.Tensor]" = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def stack(self) -> tuple[str, ...]:
        """The adapters that make a model read the language: its own, or none."""
        return (self.language,) if self.adapter else ()

    def encoder_tensors(
        self, tensors: "Mapping[str, torch.Tensor]", word_embeddings: str
    ) -> "dict[str, torch.Tensor]":
        """An encoder's tensors by name, those that this language has changed laid over them.

        word_embeddings: the family's name of the input table.
        """
        from unibridge.models.rows import lay_over

        changes = dict(self.encoder)
        if self.embeddings is not None:
            hidden = tensors[f"{word_embeddings}.weight"].shape[1]
            changes[f"{word_embeddings}.weight"] = self.embeddings[:, :hidden]
        return lay_over(tensors, changes)

    def save(self, folder: Path) -> None:
        """Write language.safetensors and language.json, and its tokenizer where it has one."""
        from safetensors.torch import save

        tensors = {f"adapter.{name}": value for name, value in self.adapter.items()}
        tensors |= {f"head.{name}": value for name, value in self.head.items()}
        tensors |= {f"encoder.{name}": value for name, value in self.encoder.items()}
        if self.embeddings is not None:
            tensors["embeddings"] = self.embeddings
        if self.output_bias is not None:
            tensors["output_bias"] = self.output_bias
        content = {name: value.detach().contiguous() for name, value in tensors.items()}
        write_bytes(folder / "language.safetensors", save(content))
        write_json(
            folder / "language.json",
            {"language": self.language, "adapter": self.config.model_dump(mode="json")},
        )
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder / "tokenizer")
        seal(folder)

    @classmethod
    def load(cls, folder: Path) -> "AdaptedLanguage":
        """What `save` wrote."""
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        if not (folder / "language.json").exists():
            raise UnibridgeError("holds no adapted language", where=folder)
        with loading(folder):
            about = read_json(folder / "language.json")
            tensors = load_file(folder / "language.safetensors")
            own = (folder / "tokenizer").exists()
            return cls(
                language=about["language"],
                config=AdapterConfig(**about["adapter"]),
                adapter=tensors_under(tensors, "adapter."),
                tokenizer=AutoTokenizer.from_pretrained(folder / "tokenizer") if own else None,
                embeddings=tensors.get("embeddings"),
                output_bias=tensors.get("output_bias"),
                head=tensors_under(tensors, "head."),
                encoder=tensors_under(tensors, "encoder."),
            )


def language_model(base: "Base", adapted: "AdaptedLanguage | None") -> "PreTrainedModel":
    """A copy of the base that reads the language: its embeddings installed, its adapter active."""
    import torch

    from unibridge.adapters import attach
    from unibridge.embeddings.base import InitResult
    from unibridge.embeddings.install import install_embeddings
    from unibridge.models.rows import lay_over

    model = copy.deepcopy(base.model)
    if adapted is None:
        return model
    if adapted.embeddings is not None:
        copied = torch.full((len(adapted.embeddings),), -1)
        trained = InitResult(adapted.embeddings, (), copied, {}, [])
        install_embeddings(model, trained, adapted.tokenizer)
    with torch.no_grad():
        bias = base.family.output_bias(model)
        if adapted.output_bias is not None and bias is not None:
            bias.copy_(adapted.output_bias.view_as(bias))
        head = dict(base.family.lm_head(model).named_parameters())
        for name, value in adapted.head.items():
            head[name].copy_(value)
        if adapted.encoder:
            encoder = model.get_submodule(base.family.encoder)
            own = encoder.state_dict()
            for name, value in lay_over(own, adapted.encoder).items():
                own[name].copy_(value)
    if not adapted.adapter:
        return model
    attach.add_adapter(model, base.family, adapted.language, adapted.config, seed=0)
    attach.load_adapter_state(model, adapted.language, adapted.adapter)
    attach.activate(model, adapted.language)
    return model


def tensors_under(tensors: "Mapping[str, torch.Tensor]", prefix: str) -> "dict[str, torch.Tensor]":
    """The tensors whose names begin so, without that beginning."""
    return {n.removeprefix(prefix): value for n, value in tensors.items() if n.startswith(prefix)}


def kept_copy(tensor: "torch.Tensor") -> "torch.Tensor":
    """A copy that holds on to neither the model nor its device."""
    return tensor.detach().to("cpu", copy=True)
