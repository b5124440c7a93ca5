"""One folder per finished stage, complete or absent: built aside, manifest last, then renamed.

A stage's name carries a fingerprint of everything that went into it (settings, inputs, the stages
before it), so a changed setting gives a new folder beside the old one and a finished stage is
never computed twice. What was interrupted stays in `.partial-…` with its checkpoints. One process
makes a stage; another that wants the same one waits and takes it over.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

from unibridge.errors import UnibridgeError
from unibridge.locks import locked
from unibridge.memory import peak_memory, reset_peak_memory
from unibridge.processes import processes

# raised when a folder's layout changes in a way that older code would misread
FORMAT = 1
MANIFEST = "manifest.json"
_NOT_KEPT = (MANIFEST, "checkpoint")
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}


@dataclass
class Outcome:
    """What a stage says of itself: facts for the report, and warnings in plain words."""

    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@contextmanager
def disk_errors(
    where: object,
    *,
    do: str = "free some space and run the same command again; finished stages are kept",
) -> Iterator[None]:
    """Turn a full disk or quota into an error that says what to do."""
    try:
        yield
    except Exception as error:
        # libraries written in Rust raise exceptions of their own that end in "(os error 28)"
        told = re.search(r"\(os error (\d+)\)", str(error))
        number = error.errno if isinstance(error, OSError) else int(told[1]) if told else None
        if number not in _DISK_FULL:
            raise
        raise UnibridgeError(
            f"no room left on the disk ({os.strerror(number)})",
            where=getattr(error, "filename", None) or where,
            do=do,
        ) from error


@contextmanager
def may_write(folder: Path) -> Iterator[None]:
    """Turn a folder in which nothing can be made into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        raise UnibridgeError(
            f"nothing can be written here ({error.strerror})",
            where=folder,
            do="name a folder that is yours (run.folder, --out); finished stages are read as they "
            "are, also by `run.reuse`",
        ) from error


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream into a file of which a reader sees the old content or the new, never half of it."""
    # a name that no other process has, nor this one's last life
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(3).hex()}.tmp")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that a reader sees the old content or the new, never half of it."""
    with whole_file(path) as stream:
        stream.write(content)


def write_json(path: Path, content: Any) -> None:
    """Write what JSON can say (all else as its `str`), whole or not at all."""
    text = json.dumps(content, ensure_ascii=False, indent=2, default=str)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """What a JSON file says. Raises UnibridgeError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnibridgeError(f"cannot be read ({error})", where=path, do="delete it") from error


def fingerprint(content: Any) -> str:
    """Twelve hex digits that change when anything in `content` (JSON-like) does."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def hash_path(path: Path) -> str:
    """sha256 of a file, or of a folder's file names and contents."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for package in ("unibridge", "torch", "transformers", "tokenizers", "sentencepiece", "gensim"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def read_manifest(folder: Path, stage: str | None = None) -> dict[str, Any]:
    """The manifest of a finished folder.

    Raises UnibridgeError for one of another version or, where `stage` is given, another stage.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise UnibridgeError("not a finished stage: it has no manifest.json", where=folder)
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise UnibridgeError(
            f"made by another version of unibridge (format {found}, this one reads {FORMAT})",
            where=folder,
            do="use a new run folder, or install the version that made this one",
        )
    if stage is not None and manifest.get("stage") != stage:
        raise UnibridgeError(
            f"is the result of {manifest.get('stage')!r}, where that of {stage!r} is needed",
            where=folder,
            do=f"give the folder that the {stage} stage printed",
        )
    return manifest


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Mark a folder as finished. Always the last file written."""
    write_json(
        folder / MANIFEST,
        {
            "format": FORMAT,
            **content,
            "versions": versions(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def run_stage(
    root: Path,
    stage: str,
    name: str,
    build: Callable[[Path], Outcome],
    *,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    together: bool = False,
    reuse: Sequence[Path] = (),
    on_start: Callable[[str, bool], None] = lambda folder, done: None,
) -> Path:
    """Build a stage's folder once and return it; a finished one is returned as it stands.

    build: fills the folder it is given, which is the same one after an interruption.
    settings: all that decides the result. inputs: path or stage name -> hash of its content.
    together: of several processes all run `build`, of which only the main one may write files;
    otherwise it builds alone and the others wait.
    reuse: roots of other runs; where one has the same stage finished, it is copied instead.
    on_start: told the folder's name and whether it is done already.
    """
    if training := settings.get("training"):
        # how often a stage saves itself changes none of its numbers
        kept = {k: v for k, v in training.items() if k != "checkpoint_seconds"}
        settings = {**settings, "training": kept}
    key = fingerprint({"stage": stage, "name": name, "settings": settings, "inputs": inputs})
    folder = root / f"{stage}-{name}-{key[:8]}"
    about: dict[str, Any] = {"stage": stage, "name": name, "fingerprint": key}
    about |= {"settings": settings, "inputs": inputs}

    partial = root / f".partial-{folder.name}"
    with _ours(folder, partial, lambda: _copy_finished(folder, key, reuse)) as done:
        on_start(folder.name, done)
        if not done:
            return _build(folder, partial, build, about, together)
    _check_whole(folder)
    return folder


@contextmanager
def _ours(folder: Path, partial: Path, fetch: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Whether a folder is ready; where it is not, no other process makes it until the block ends.

    fetch: may bring the folder from elsewhere. Of several processes that a launcher started, the
    main one looks and tells the others.
    """
    group = processes()
    with ExitStack() as held:
        # one that is ready needs no lock, which could not be had where nothing can be written
        if group.main and not folder.exists():
            with disk_errors(folder), may_write(folder.parent):
                held.enter_context(locked(folder))
            # again, since another process may have finished it while this one waited
            if not folder.exists():
                if (partial / MANIFEST).exists():
                    _finish(partial, folder)  # killed between its last file and its name
                else:
                    fetch()
        yield group.told(folder.exists())


def _copy_finished(folder: Path, key: str, reuse: Sequence[Path]) -> None:
    """Bring a finished stage with this fingerprint from the first other root that has it.

    By links where the disk has them, which take no room: finished files are never written again.
    """
    for root in reuse:
        ready = root / folder.name
        if (ready / MANIFEST).exists() and read_manifest(ready).get("fingerprint") == key:
            _check_whole(ready)
            copy = folder.parent / f".copy-{folder.name}"
            with disk_errors(copy):
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(ready, copy, copy_function=_link)
                copy.rename(folder)
            return


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file that a stage leaves, by its path in the stage's folder."""
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {name: size for name, size in sizes.items() if not name.startswith(_NOT_KEPT)}


def _check_whole(folder: Path) -> None:
    """Raises UnibridgeError for a finished folder that lost something, such as on its way here."""
    found = _sizes(folder)
    for name, size in read_manifest(folder).get("files", {}).items():
        if found.get(name) != size:
            now = f"has {found[name]:,} of" if name in found else "is missing, with"
            raise UnibridgeError(
                f"not whole: {name} {now} {size:,} bytes",
                where=folder,
                do="copy the folder again from where it was made, or delete it to make it anew",
            )


def build_folder(
    folder: Path,
    stage: str,
    build: Callable[[Path], Outcome],
    *,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    together: bool = False,
) -> Path:
    """The same under a name of the user's own; building it again is a matter of deleting it.

    Raises UnibridgeError where something else stands under that name.
    """
    key = fingerprint({"stage": stage, "settings": settings, "inputs": inputs})
    about: dict[str, Any] = {"stage": stage, "name": folder.name, "fingerprint": key}
    about |= {"settings": settings, "inputs": inputs}
    partial = folder.parent / f".partial-{folder.name}-{key[:8]}"
    with _ours(folder, partial) as done:
        if done and (folder / MANIFEST).exists() and _key_of(folder) == key:
            return folder
        if done:
            raise UnibridgeError(
                "there is something else under that name already",
                where=folder,
                do="name a new folder, or delete this one",
            )
        try:
            return _build(folder, partial, build, about, together)
        except BaseException:
            if not any(partial.glob("checkpoint*")):  # else the same command goes on from there
                shutil.rmtree(partial, ignore_errors=True)
            raise


def _key_of(folder: Path) -> Any:
    return read_manifest(folder).get("fingerprint")


def _build(
    folder: Path,
    partial: Path,
    build: Callable[[Path], Outcome],
    about: Mapping[str, Any],
    together: bool,
) -> Path:
    """Fill `partial`, write its manifest last, and give it its name."""
    group = processes()
    if not group.main:
        if together:
            build(partial)
        group.wait()
        return folder
    with disk_errors(partial):
        partial.mkdir(parents=True, exist_ok=True)
        for leftover in partial.rglob("*.tmp"):  # of a process that was killed while it wrote
            leftover.unlink()
        reset_peak_memory()
        started = time.perf_counter()
        outcome = build(partial)
        seconds = time.perf_counter() - started
        if not partial.is_dir():
            raise UnibridgeError(
                "was moved or deleted while it was being made",
                where=partial,
                do="run the same command again, with the folder's new place; what was finished "
                "before is kept",
            )
        write_manifest(
            partial,
            {
                **about,
                "seconds": round(seconds, 2),
                "peak_memory_bytes": peak_memory(),
                "facts": outcome.facts,
                "warnings": outcome.warnings,
                "files": _sizes(partial),
            },
        )
        _finish(partial, folder)
    group.wait()
    return folder


def _finish(partial: Path, folder: Path) -> None:
    """Give what has its manifest its name, and drop the checkpoints, which nobody needs now."""
    for leftover in partial.glob("checkpoint*"):
        leftover.unlink()
    try:
        os.replace(partial, folder)
    except OSError:
        # where locks do not work another process may have made the same, which is as good
        if not (folder / MANIFEST).exists() or _key_of(folder) != _key_of(partial):
            raise
        shutil.rmtree(partial)
