"""One configuration of many targets: `targets = [...]`, each a run with the same sources."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unibridge.config.load import check_config, read_content
from unibridge.config.sections import Config
from unibridge.errors import ConfigError, UnibridgeError

TARGETS, PLACE = "targets", "{target}"


def load_configs(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Config]:
    """Read and check a configuration: target -> its run; of one without `targets`, its only one.

    An entry of `targets` is a code, or a table laid over `[target]`. In every text of the file
    "{target}" stands for the code, so that `[target]` and `[[sources]]` are written once. Each run
    has a folder of its own in `run.folder`. Raises ConfigError that lists every fault of every
    target.
    """
    path = Path(path)
    content = read_content(path, overrides)
    entries = content.pop(TARGETS, None)
    if entries is None:
        config = check_config(content, folder=path.parent, where=path)
        return {config.target.language: config}
    found: dict[str, Config] = {}
    faults: list[str] = []
    for place, target in _tables(content, entries, path):
        code = str(target.get("language", ""))
        if code in found:
            faults.append(f"{place}: {code!r} stands there twice")
            continue
        own = _named(copy.deepcopy({**content, "target": target}), code)
        run = own.get("run")
        if isinstance(run, dict) and "folder" in run:
            own["run"] = {**run, "folder": str(Path(str(run["folder"])) / code)}
        try:
            found[code] = check_config(own, folder=path.parent, where=path)
        except ConfigError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    if faults:
        raise ConfigError(faults, where=path)
    return found


def _tables(
    content: Mapping[str, Any], entries: Any, path: Path
) -> list[tuple[str, dict[str, Any]]]:
    shared = content.get("target") or {}
    if not isinstance(entries, list) or not entries or not isinstance(shared, Mapping):
        raise UnibridgeError(
            "targets is no list", where=path, do='write targets = ["lug", "hau"], and [target]'
        )
    found = []
    for number, entry in enumerate(entries):
        table = {"language": entry} if isinstance(entry, str) else entry
        if not isinstance(table, Mapping) or "language" not in table:
            raise UnibridgeError(
                "is no target",
                where=f"{path}: {TARGETS}.{number}",
                do="write a code, or a table with language",
            )
        found.append((f"{TARGETS}.{number}", {**shared, **table}))
    return found


def _named(content: Any, code: str) -> Any:
    if isinstance(content, dict):
        return {name: _named(value, code) for name, value in content.items()}
    if isinstance(content, list):
        return [_named(value, code) for value in content]
    return content.replace(PLACE, code) if isinstance(content, str) else content
