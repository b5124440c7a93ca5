"""What a score was summed from, example by example, as text in a row of results.

With it two rows can be compared on the same resamples of the test set, long after the predictions
are gone: about half a byte an example for tags, two for classes.
"""

import base64
import zlib
from typing import Any

import numpy as np

from unibridge.errors import UnibridgeError

# of entries; larger tables (thousands of classes) are not kept
_LARGEST = 20_000_000


def packed(counts: Any) -> str:
    """Counts (examples, k), none negative, as ASCII; nothing for a table too large or sparse."""
    if not isinstance(counts, np.ndarray) or counts.size > _LARGEST:
        return ""
    flat = counts.reshape(-1)
    places = np.flatnonzero(flat)
    parts = (
        np.array([*counts.shape, len(places)], "<u4").tobytes(),
        np.diff(places, prepend=0).astype("<u4").tobytes(),
        flat[places].astype("<f4").tobytes(),
    )
    return base64.b64encode(zlib.compress(b"".join(parts), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    """What `packed` was given, (examples, k) as float. Raises UnibridgeError for what is none."""
    try:
        content = zlib.decompress(base64.b64decode(text, validate=True))
        rows, columns, number = (int(n) for n in np.frombuffer(content[:12], "<u4"))
        steps = np.frombuffer(content[12 : 12 + 4 * number], "<u4")
        values = np.frombuffer(content[12 + 4 * number :], "<f4")
        if rows * columns > _LARGEST or len(values) != number:
            raise ValueError
        counts = np.zeros(rows * columns)
        counts[np.cumsum(steps, dtype=np.int64)] = values
    except (ValueError, IndexError, zlib.error) as error:
        raise UnibridgeError("no counts of a score", do="score that method again") from error
    return counts.reshape(rows, columns)
