"""What the frozen teacher of the KL term makes of each sample: read once, or at every step.

Its pooled state depends on the sample's text alone, neither on masks nor on what is trained, so one
row per sample is all that Eq. 9 ever asks of it.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from unibridge.processes import processes

if TYPE_CHECKING:
    import numpy as np
    import torch

TeacherStore = Literal["auto", "on", "off"]
Read = Callable[[Sequence[str]], "torch.Tensor"]

# samples read and written at a time, which bounds the memory
BLOCK = 1024


@dataclass
class Teacher:
    """states: sample numbers -> (batch, hidden). stored_bytes: of the file, 0 where there is none.

    warnings: why there is none although one was wanted.
    """

    states: "Callable[[Sequence[int]], torch.Tensor]"
    stored_bytes: int = 0
    warnings: list[str] = field(default_factory=list)


def store_bytes(samples: int, hidden: int) -> int:
    """Bytes on disk of the states of so many samples: 31 MB for 10,000 of XLM-R base (768)."""
    return samples * hidden * 4


def teacher_of(
    read: Read,
    samples: Sequence[str],
    hidden: int,
    *,
    store: TeacherStore,
    passes: float,
    file: Path | None = None,
) -> Teacher:
    """The teacher's states by sample number, from a memory-mapped file or computed when asked for.

    read: texts -> states (texts, hidden), float32. passes: how often training reads each sample;
    `auto` stores where that is more than once. file: where to keep the states, found again by a
    resumed run; None: a temporary file. Short of disk nothing is stored, with a warning.
    """
    import torch

    at_every_step = Teacher(lambda indices: read([samples[i] for i in indices]))
    if store == "off" or (store == "auto" and passes <= 1):
        return at_every_step
    size = store_bytes(len(samples), hidden)
    place = Path(tempfile.gettempdir()) if file is None else file.parent
    try:
        if file is not None and processes().main:
            place.mkdir(parents=True, exist_ok=True)
        rows = _rows(read, samples, hidden, file)
    except OSError as error:
        at_every_step.warnings.append(
            f"The teacher's states need {size:,} bytes in {place.name} ({error.strerror}): "
            "the teacher reads each sample at every step instead, slower and with the same figures."
        )
        return at_every_step
    return Teacher(lambda indices: torch.from_numpy(rows[indices].copy()), size)


def _rows(read: Read, samples: Sequence[str], hidden: int, file: Path | None) -> "np.ndarray":
    """(samples, hidden) of a file of float32 rows, made unless a whole one is there."""
    import numpy as np

    def mapped(stream: "IO[bytes] | Path") -> np.ndarray:
        return np.memmap(stream, dtype=np.float32, mode="r", shape=(len(samples), hidden))

    if file is None:
        with tempfile.TemporaryFile() as stream:
            _write(stream, tempfile.gettempdir(), read, samples, hidden)
            return mapped(stream)
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(sample.encode() + b"\n")
    path = file.with_name(f"{file.name}-{digest.hexdigest()[:12]}.f32")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        if processes().main and not path.exists():
            with temporary.open("wb") as whole:
                _write(whole, path.parent, read, samples, hidden)
            os.replace(temporary, path)
    finally:
        if processes().main:
            temporary.unlink(missing_ok=True)
        processes().wait()
    return mapped(path)


def _write(
    stream: IO[bytes], place: str | Path, read: Read, samples: Sequence[str], hidden: int
) -> None:
    """Raises OSError where the disk is short, at best before the first sample is read."""
    if shutil.disk_usage(place).free < store_bytes(len(samples), hidden):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    # written rather than mapped: a full disk then is an error, and no signal that ends the process
    for start in range(0, len(samples), BLOCK):
        stream.write(read(samples[start : start + BLOCK]).numpy().astype("<f4").tobytes())
    stream.flush()
    os.fsync(stream.fileno())
