"""What tells two configurations apart in rows: the base, and all settings that decide numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unibridge.artifacts import fingerprint
from unibridge.config.sections import Config
from unibridge.settings import ELSEWHERE


def base_name(config: Config) -> str:
    """The base as a reader knows it: a hub id, or the name of its folder without the path."""
    model = config.base.model
    return Path(model).name if Path(model).is_dir() else model


def deciding(config: Config) -> str:
    """A fingerprint of all settings that decide a method's numbers, and of the files' names.

    Without what stands at its default, so that a setting that is new leaves finished cells
    finished; what the files hold is in the stages' own fingerprints.
    """
    content = config.model_dump(mode="json", exclude_defaults=True)
    for section in ("run", "methods", "few_shot"):
        content.pop(section, None)
    content["base"].pop("device", None)
    content["base"]["model"] = base_name(config)
    content["target"], content["sources"] = map(_named, (content["target"], content["sources"]))
    return fingerprint(content)


def _named(content: Any) -> Any:
    """Without the folders of this machine: a path's last two parts."""
    if isinstance(content, Mapping):
        return {name: _named(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_named(value) for value in content]
    if isinstance(content, str) and not content.startswith(ELSEWHERE):
        return "/".join(Path(content).parts[-2:])
    return content.partition("@")[0] if isinstance(content, str) else content
