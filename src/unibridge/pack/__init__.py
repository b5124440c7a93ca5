"""The language pack: the folder that is kept and shared when a run is done."""

from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.artifacts import MANIFEST, read_json, read_manifest
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    from unibridge.ensemble.model import MultiSourceModel


def find(folder: str | Path) -> Path:
    """The folder itself, or the pack inside it where it is a run's.

    Raises UnibridgeError for a folder that is no pack, or was made by another version.
    """
    inside = Path(folder) / "pack"
    path = inside if inside.is_dir() else Path(folder)
    if (path / MANIFEST).exists():
        read_manifest(path)

    from unibridge.ensemble.pack_config import UniBridgeConfig

    config = path / "config.json"
    about = read_json(config) if config.exists() else None
    if not isinstance(about, dict) or about.get("model_type") != UniBridgeConfig.model_type:
        raise UnibridgeError(
            "is not a language pack",
            where=folder,
            do="give the folder `pack` of a finished run",
        )
    return path


def load(folder: str | Path, *, device: str = "cpu") -> "MultiSourceModel":
    """A language pack, or the pack inside a run's folder, ready to `predict`.

    device: cpu, cuda, cuda:1, mps, ...; auto: cuda where there is one.
    Raises UnibridgeError for a folder that is none, or was made by another version.
    """
    path = find(folder)

    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.models.base import torch_device

    place = torch_device(device)
    return MultiSourceModel.load(path).to(place)  # type: ignore[arg-type]  # their stub of `to`
