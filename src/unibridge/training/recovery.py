"""Going back where a training loses what it had learnt.

A rate at the edge of what a model bears is seen in the training loss alone: it falls, then rises in
a few steps and stays there, and whether it does can be a matter of rounding. The best weights so
far are then put back and training goes on at half the rate, as the large language models' trainings
were restarted by hand (PaLM, arXiv 2204.02311, §5.1).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

WINDOW = 10  # steps; single batches differ too much
LOST = 0.25  # of what had been gained
ERRORS = 4.0  # standard errors that a rise has to be beyond

State = dict[str, Any]


def new_watch() -> State:
    """What `risen` keeps between steps; plain values and tensors, for checkpoints."""
    return {"window": [], "first": None, "best": None, "error": 0.0, "parameters": {}}


def risen(watch: State, loss: float, parameters: "Mapping[str, torch.nn.Parameter]") -> bool:
    """Note a step's training loss; whether it has risen so far that the weights should go back.

    Looks once in WINDOW steps, at their mean: a rise counts from LOST of the fall between the first
    window and the best, if it is beyond ERRORS standard errors of their difference. The best is one
    that does not rise itself, and the weights after it are kept.
    """
    watch["window"].append(loss)
    if len(watch["window"]) < WINDOW:
        return False
    from statistics import fmean, stdev

    steps, watch["window"] = watch["window"], []
    mean, error = fmean(steps), stdev(steps) / math.sqrt(WINDOW)
    if watch["first"] is None:
        watch["first"] = mean
    if watch["best"] is None or mean < watch["best"]:
        if fmean(steps[WINDOW // 2 :]) <= fmean(steps[: WINDOW // 2]):
            kept = {n: p.detach().to("cpu", copy=True) for n, p in parameters.items()}
            watch |= {"best": mean, "error": error, "parameters": kept}
        return False
    gained = watch["first"] - watch["best"]
    return mean - watch["best"] > max(LOST * gained, ERRORS * math.hypot(error, watch["error"]))


def go_back(watch: State, parameters: "Mapping[str, torch.nn.Parameter]") -> None:
    """Put the weights after the best window back, in place."""
    import torch

    with torch.no_grad():
        for name, kept in watch["parameters"].items():
            parameters[name].copy_(kept)
