"""Going back where a training loses what it had learnt.

A rate at the edge of what a model bears is seen in the training loss alone: it falls, then rises
in a few steps and stays there, and whether it does can be a matter of rounding. Weights from before
are then put back and training goes on at half the rate, as trainings of large language models were
restarted by hand (PaLM, arXiv 2204.02311, §5.1).
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

STEPS, PARTS = 10, 20  # of half a window: at least so many, and such a part of the training
LOST = 0.5  # of what had been gained
ERRORS = 3.5  # standard errors of the difference that a rise has to be beyond

Watch = dict[str, Any]


def new_watch(total: int) -> Watch:
    """What `risen` keeps in a training of so many steps: plain values and tensors."""
    return {
        "half": max(STEPS, total // PARTS),
        "losses": [],
        "first": None,
        "best": None,
        "between": None,
        "parameters": {},
    }


def risen(watch: Watch, loss: float, parameters: "Mapping[str, torch.nn.Parameter]") -> bool:
    """Note a step's training loss; whether it has risen so far that the weights should go back.

    Looks at the end of each half window, at the mean of both halves. A rise counts that has lost
    LOST of the fall from the first window to the best, if it is beyond ERRORS. Of the best window
    the weights between its halves are kept: the second half shows that they are good, which the
    weights after it need not be.
    """
    losses, half = watch["losses"], watch["half"]
    losses.append(loss)
    if len(losses) % half:
        return False
    if len(losses) == 2 * half:
        from statistics import fmean, stdev

        mean, error = fmean(losses), stdev(losses) / math.sqrt(2 * half)
        watch["losses"] = losses[half:]
        watch["first"] = mean if watch["first"] is None else watch["first"]
        if watch["best"] is None or mean < watch["best"][0]:
            watch |= {"best": [mean, error], "parameters": watch["between"]}
        else:
            rise, gained = mean - watch["best"][0], watch["first"] - watch["best"][0]
            if rise > max(LOST * gained, ERRORS * math.hypot(error, watch["best"][1])):
                return True
    watch["between"] = {n: p.detach().to("cpu", copy=True) for n, p in parameters.items()}
    return False


def go_back(watch: Watch, parameters: "Mapping[str, torch.nn.Parameter]") -> None:
    """Put the kept weights back, in place, and look again from there."""
    import torch

    watch |= {"losses": [], "between": None}
    with torch.no_grad():
        for name, kept in watch["parameters"].items():
            parameters[name].copy_(kept)
