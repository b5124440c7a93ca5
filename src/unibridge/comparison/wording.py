"""Numbers of a study as a report writes them."""

import numpy as np

from unibridge.comparison.analysis import Analysis
from unibridge.comparison.intervals import Estimate
from unibridge.report.tables import decimal, signed


def interval(value: Estimate) -> str:
    """A mean in points with its interval."""
    if not np.isfinite(value.value):
        return ""
    if not value.known:
        return signed(value.value)
    return f"{signed(value.value)} [{decimal(value.low)}, {decimal(value.high)}]"


def said_steps(count: int) -> str:
    """A count of steps."""
    return "1 step" if count == 1 else f"{count:,} steps"


def bounds(value: float, low: float, high: float) -> str:
    """A number of two digits with the ends of its interval."""
    if not np.isfinite(value):
        return ""
    ends = f" [{decimal(low, 2)}, {decimal(high, 2)}]" if np.isfinite(low) else ""
    return decimal(value, 2) + ends


def small(value: float) -> str:
    """A p; empty where there is none."""
    if not np.isfinite(value):
        return ""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def file_name(what: str, one: Analysis, *parts: str) -> str:
    """A file's name, which also keeps the ids of drawings in one page apart."""
    text = "-".join((what, one.model, *parts))
    return "".join(c if c.isalnum() else "-" for c in text).strip("-").lower()
