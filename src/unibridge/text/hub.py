"""Labelled data sets of the hub, as JSON lines."""

import json
from collections.abc import Iterator
from typing import Any

from unibridge.text.corpus import load_hub


def hub_records(hub_id: str) -> Iterator[str]:
    """A hub data set as JSON lines, row by row, its class numbers replaced by their names."""
    dataset, _ = load_hub(hub_id)
    features = dataset.features

    def named(column: str, value: Any) -> Any:
        feature = getattr(features[column], "feature", features[column])
        if not hasattr(feature, "int2str") or value is None:
            return value
        if isinstance(value, list):
            return [feature.int2str(one) for one in value]
        return feature.int2str(value) if value >= 0 else None

    return (
        json.dumps({column: named(column, value) for column, value in row.items()}, default=str)
        for row in dataset
    )
