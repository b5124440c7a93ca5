"""A task that was learnt, as a folder: task.safetensors and task.json."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.adapters.settings import AdapterConfig
from unibridge.artifacts import read_json, write_bytes, write_json
from unibridge.errors import UnibridgeError
from unibridge.seal import loading, seal
from unibridge.tasks.shapes import HeadSettings
from unibridge.transfer.adapted import tensors_under

if TYPE_CHECKING:
    import torch

FIRST_TOKEN = HeadSettings(pooling="first")
"""What heads read that were trained before there were settings for it."""


@dataclass
class TrainedTask:
    """A task learnt from some sources: head tensors, and an adapter's or a whole encoder's.

    adapter: empty where the encoder itself was trained; encoder: what changed of it, empty where an
    adapter was, or the head alone.
    """

    name: str
    task: str
    labels: list[str]
    head: "dict[str, torch.Tensor]"
    config: AdapterConfig
    head_settings: HeadSettings = FIRST_TOKEN
    adapter: "dict[str, torch.Tensor]" = field(default_factory=dict)
    encoder: "dict[str, torch.Tensor]" = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write task.safetensors and task.json."""
        from safetensors.torch import save

        parts = {"head": self.head, "adapter": self.adapter, "encoder": self.encoder}
        tensors = {
            f"{part}.{name}": value.detach().contiguous()
            for part, values in parts.items()
            for name, value in values.items()
        }
        write_bytes(folder / "task.safetensors", save(tensors))
        about: dict[str, Any] = {"name": self.name, "task": self.task, "labels": self.labels}
        about |= {"head": self.head_settings.model_dump(mode="json")}
        write_json(folder / "task.json", about | {"adapter": self.config.model_dump(mode="json")})
        seal(folder)

    @classmethod
    def load(cls, folder: Path) -> "TrainedTask":
        """What `save` wrote. Raises UnibridgeError for a folder that holds none."""
        from safetensors.torch import load_file

        if not (folder / "task.json").exists():
            raise UnibridgeError("holds no trained task", where=folder)
        with loading(folder):
            about = read_json(folder / "task.json")
            tensors = load_file(folder / "task.safetensors")
            return cls(
                name=about["name"],
                task=about["task"],
                labels=about["labels"],
                config=AdapterConfig(**about["adapter"]),
                head_settings=HeadSettings(**FIRST_TOKEN.model_dump() | about.get("head", {})),
                head=tensors_under(tensors, "head."),
                adapter=tensors_under(tensors, "adapter."),
                encoder=tensors_under(tensors, "encoder."),
            )
