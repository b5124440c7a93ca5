"""What a model that is passed on was when it was saved: a checksum of each of its files.

A folder with a changed, cut or missing file is refused before anything of it is read. This is for
accidents on the way; it is no signature, since whoever changes a file can change its checksum.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from unibridge.errors import UnibridgeError

SEAL = "checksums.json"
_PARTS = (
    *("*.safetensors", "*.model", "config.json", "language.json", "task.json"),
    *("tokenizer*", "tokenizer/*", "vocab*", "special_tokens_map.json"),
)


def seal(folder: Path) -> None:
    """Write the checksums of the model's and the tokenizer's files as they are now."""
    files = {path for part in _PARTS for path in folder.glob(part) if path.is_file()}
    found = {path.relative_to(folder).as_posix(): _checksum(path) for path in sorted(files)}
    (folder / SEAL).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def check_seal(folder: Path) -> None:
    """Raise UnibridgeError for a file that is not what it was; a folder without seal passes."""
    path = folder / SEAL
    if not path.exists():
        return
    try:
        expected = json.loads(path.read_text(encoding="utf-8"))
        right = all(isinstance(v, str) for v in expected.values())
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UnibridgeError(f"cannot be read ({error})", where=path, do=_REMEDY) from error
    for name, checksum in expected.items():
        place = PurePosixPath(name)
        if not right or place.is_absolute() or ".." in place.parts or "\\" in name:
            raise UnibridgeError(f"{name!r} is no file of this folder", where=path, do=_REMEDY)
        file = folder / name
        if not file.is_file():
            raise UnibridgeError("is missing", where=file, do=_REMEDY)
        if _checksum(file) != checksum:
            raise UnibridgeError("is not what it was when it was written", where=file, do=_REMEDY)


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Check a folder's seal, and turn whatever its files do to the code within into one error.

    What reads tensors and tokenizers raises a dozen kinds of exception, one of them of Rust, which
    is no `Exception`; the folder is at fault in each.
    """
    check_seal(folder)
    try:
        yield
    except (UnibridgeError, KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit):
        raise
    except BaseException as error:
        said = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise UnibridgeError(
            f"cannot be loaded ({said})",
            where=folder,
            do="copy the folder again, or delete it to make it anew",
        ) from error


_REMEDY = f"copy the folder again; if you changed it on purpose, delete its {SEAL}"


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
