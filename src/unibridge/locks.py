"""One process at a time at one place of the disk, also after one of them was killed.

The lock is the operating system's, on a small file beside what it guards. The system lets go of it
when its holder ends, however it ends, so a killed process never stands in the way of the next one.
"""

import errno
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# seconds between two looks at a lock that another process holds
SHORTEST, LONGEST = 0.05, 1.0
# some network file systems have no locks at all
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
# Windows locks bytes, also ones that do not exist; so far away the holder's name can be read
_FAR = 1 << 30

_held: set[BinaryIO] = set()


def tell(text: str) -> None:
    """Say a line to whoever is at the terminal."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def locked(path: Path, on_wait: Callable[[str], None] = tell) -> Iterator[None]:
    """Keep all other processes (and threads) that lock `path` out until the block ends.

    path: what is guarded; it need not exist. `.lock-NAME` beside it is gone afterwards.
    on_wait: told once, in plain words, when another process holds the lock.
    Raises OSError where no file can be made there. Where the file system has no locks, it says so
    and goes on.
    """
    stream = _acquire(path.with_name(f".lock-{path.name}"), path.name, on_wait)
    _held.add(stream)
    try:
        yield
    finally:
        _held.discard(stream)
        # still locked, so nobody begins on a name that is about to go; who waits sees that it went
        if os.name == "posix":
            _remove(stream.name)
        stream.close()
        if os.name != "posix":  # Windows removes no open file; another one's open file stays
            _remove(stream.name)


def _acquire(file: Path, name: str, on_wait: Callable[[str], None]) -> BinaryIO:
    told, pause = False, SHORTEST
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a+b", buffering=0)
        try:
            free = _try(stream)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                stream.close()
                raise
            on_wait(
                f"{file.parent}: this file system has no locks ({error.strerror}); let no two "
                "processes work here at once"
            )
            return stream
        except BaseException:
            stream.close()
            raise
        if free and _same(stream, file):
            with suppress(OSError):  # a full disk; whoever waits then does not learn the name
                stream.truncate(0)
                stream.write(f"process {os.getpid()} on {platform.node()}".encode())
            return stream
        if not free and not told:
            told, holder = True, b""
            with suppress(OSError):
                holder = file.read_bytes()
            who = holder.decode(errors="replace") or "another process"
            on_wait(f"waiting for {name}, which {who} is at work on")
        stream.close()
        if not free:
            time.sleep(pause)
            pause = min(LONGEST, pause * 1.5)


def _try(stream: BinaryIO) -> bool:
    """Take the lock if nobody has it. Raises OSError where there are none."""
    if os.name == "posix":
        import fcntl

        try:
            # of the open file, not of the process as lockf's are: threads exclude each other too;
            # on NFS Linux makes both the same
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    import msvcrt

    stream.seek(_FAR)
    try:
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except PermissionError:
        return False
    return True


def _same(stream: BinaryIO, file: Path) -> bool:
    """Whether the name still means the file that is open; its holder removes it at the end."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), file.stat())
    except FileNotFoundError:
        return False


def _remove(file: str) -> None:
    with suppress(OSError):
        os.unlink(file)


def _forget() -> None:
    """A forked child holds nothing: else a worker would keep its killed parent's locks."""
    for stream in _held:
        stream.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
