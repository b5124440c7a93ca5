"""Scores from plain lists, 0 to 100, with bootstrap intervals over examples. No torch.

An example is one class (a string) or one sequence of tags.
"""

from unibridge.metrics.base import Difference, Labels, Metric, Score
from unibridge.metrics.bootstrap import (
    bootstrap_difference,
    bootstrap_interval,
    interval_of,
    resampled_means,
    resampled_scores,
)
from unibridge.metrics.scores import (
    ACCURACY,
    LAS,
    MACRO_F1,
    METRICS,
    SPAN_F1,
    UAS,
    accuracy,
    attachment_scores,
    macro_f1,
    span_f1,
    span_scores,
    spans,
    tag_runs,
)

__all__ = [
    "ACCURACY",
    "LAS",
    "MACRO_F1",
    "METRICS",
    "SPAN_F1",
    "UAS",
    "Difference",
    "Labels",
    "Metric",
    "Score",
    "accuracy",
    "attachment_scores",
    "bootstrap_difference",
    "bootstrap_interval",
    "interval_of",
    "macro_f1",
    "resampled_means",
    "resampled_scores",
    "span_f1",
    "span_scores",
    "spans",
    "tag_runs",
]
