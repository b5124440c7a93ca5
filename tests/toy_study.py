"""A study's folder whose truth is known: what tuning is worth on every pair is a function."""

import json
from itertools import product

import numpy as np


def cell(kind, transfer, steps, seed, target, **rest):
    return {
        **{"model": "toy", "kind": kind, "transfer": transfer, "mode": None, "steps": steps},
        **{"seed": seed, "task": "pos", "target": target, "metric": "accuracy", "value": None},
        **{"examples": 0, "counts": [], "seconds": 1.0, "made": "2026-01-01T00:00:00"},
        **{"settings": "f", "error": None, **rest},
    }


class Toy:
    """Scores of texts that are right or wrong.

    truth: (task, source, target, steps) -> points that tuning adds. base: target -> points of the
    baseline. noise: standard deviation of training, in points.
    """

    def __init__(self, truth, base=lambda target: 50, *, noise=0.5, examples=400, chance=0):
        self.truth, self.base, self.noise, self.examples = truth, base, noise, examples
        self.chance = np.random.default_rng(chance)
        self.hard = {}

    def score(self, kind, transfer, steps, seed, task, target, gain, **rest):
        # an example is as hard for every cell, so that differences are over the same examples
        hard = self.hard.setdefault((task, target), self.chance.random(self.examples))
        points = self.base(target) + gain + (self.noise * self.chance.normal() if transfer else 0)
        right = hard < points / 100
        return cell(
            *(kind, transfer, steps, seed, target),
            task=task,
            value=100 * float(right.mean()),
            examples=self.examples,
            counts=[[int(one), 1] for one in right],
            **rest,
        )

    def cells(self, sources, targets, *, tasks=("pos",), steps=(10,), seeds=3, control=False):
        for task, target in product(tasks, targets):
            yield self.score("baseline", [], 0, 0, task, target, 0)
            for source, step, seed in product(sources, steps, range(seeds)):
                gain = self.truth(task, source, target, step)
                yield self.score("tuned", source, step, seed, task, target, gain)
                if control:
                    yield self.score("shuffled", source, step, seed, task, target, 0)


def write_study(folder, cells, **plan):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.json").write_text(json.dumps({"model": "toy", **plan}))
    lines = "".join(json.dumps(one) + "\n" for one in cells)
    (folder / "cells.jsonl").write_text(lines)
    return folder
