"""What the frozen teacher makes of each sample: read once, or at every step.

Its states depend on the sample's text alone, neither on masks nor on what is trained, so one row
per sample is all that Eq. 9 ever asks of it, and one per word all that distillation does.
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
Read = Callable[[Sequence[int]], "torch.Tensor"]

# samples read and written at a time, which bounds the memory
BLOCK = 1024


@dataclass
class Teacher:
    """states: sample numbers -> (rows, hidden), in their order.

    stored_bytes: of the file, 0 where there is none. warnings: why there is none although one was
    wanted.
    """

    states: "Callable[[Sequence[int]], torch.Tensor]"
    stored_bytes: int = 0
    warnings: list[str] = field(default_factory=list)


def store_bytes(rows: int, hidden: int, each: int = 4) -> int:
    """Bytes on disk of so many states: 31 MB for 10,000 samples of XLM-R base (768)."""
    return rows * hidden * each


def teacher_of(
    read: Read,
    samples: Sequence[str],
    hidden: int,
    *,
    store: TeacherStore,
    passes: float,
    file: Path | None = None,
    rows: "np.ndarray | None" = None,
    half: bool = False,
) -> Teacher:
    """The teacher's states by sample number, from a memory-mapped file or computed when asked for.

    read: sample numbers -> states (rows, hidden), float32. rows: of each sample, (samples,); unset:
    one. half: kept in two bytes each instead of four. passes: how often training reads each sample;
    `auto` stores where that is more than once. file: where to keep the states, found again by a
    resumed run; None: a temporary file. Short of disk nothing is stored, with a warning.
    """
    import numpy as np
    import torch

    at_every_step = Teacher(read)
    if store == "off" or (store == "auto" and passes <= 1):
        return at_every_step
    ends = np.cumsum(np.ones(len(samples), dtype=np.int64) if rows is None else rows)
    shape = (int(ends[-1]) if len(ends) else 0, hidden)
    form = _Form(shape, "<f2" if half else "<f4")
    place = Path(tempfile.gettempdir()) if file is None else file.parent
    try:
        if file is not None and processes().main:
            place.mkdir(parents=True, exist_ok=True)
        kept = _kept(read, samples, form, file)
    except OSError as error:
        at_every_step.warnings.append(
            f"The teacher's states need {form.bytes:,} bytes in {place.name} ({error.strerror}): "
            "the teacher reads each sample at every step instead, slower and with the same figures."
        )
        return at_every_step

    def states(indices: Sequence[int]) -> "torch.Tensor":
        parts = [kept[0 if i == 0 else ends[i - 1] : ends[i]] for i in indices]
        return torch.from_numpy(np.concatenate(parts).astype(np.float32))

    return Teacher(states, form.bytes)


@dataclass(frozen=True)
class _Form:
    """Shape of all states, and their numbers' type in the file."""

    shape: tuple[int, int]
    type: str

    @property
    def bytes(self) -> int:
        return store_bytes(*self.shape, int(self.type[-1]))


def _kept(read: Read, samples: Sequence[str], form: _Form, file: Path | None) -> "np.ndarray":
    """All states, of a file that is made unless a whole one is there."""
    import numpy as np

    def mapped(stream: "IO[bytes] | Path") -> np.ndarray:
        return np.memmap(stream, dtype=form.type, mode="r", shape=form.shape)

    if file is None:
        with tempfile.TemporaryFile() as stream:
            _write(stream, tempfile.gettempdir(), read, len(samples), form)
            return mapped(stream)
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(sample.encode() + b"\n")
    path = file.with_name(f"{file.name}-{digest.hexdigest()[:12]}.f{8 * int(form.type[-1])}")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        if processes().main and not path.exists():
            with temporary.open("wb") as whole:
                _write(whole, path.parent, read, len(samples), form)
            os.replace(temporary, path)
    finally:
        if processes().main:
            temporary.unlink(missing_ok=True)
        processes().wait()
    return mapped(path)


def _write(stream: IO[bytes], place: str | Path, read: Read, samples: int, form: _Form) -> None:
    """Raises OSError where the disk is short, at best before the first sample is read."""
    if shutil.disk_usage(place).free < form.bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    # written rather than mapped: a full disk then is an error, and no signal that ends the process
    for start in range(0, samples, BLOCK):
        part = read(range(start, min(start + BLOCK, samples))).cpu().numpy()
        if form.type == "<f2":  # a few bases have states past what two bytes hold
            part = part.clip(-65504, 65504)
        stream.write(part.astype(form.type).tobytes())
    stream.flush()
    os.fsync(stream.fileno())
