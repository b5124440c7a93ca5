"""A head fitted to the frozen encoder before both are trained (LP-FT, arXiv 2202.10054).

From a head of small random weights a whole model needs hundreds of steps to learn a task at all,
and distorts on the way what it knows of languages without labels (Kumar et al.). A head that reads
the encoder as it is costs one pass over some examples, and training goes on from there.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from unibridge.text.corpus import spread
from unibridge.training import batches_of

if TYPE_CHECKING:
    import torch

    from unibridge.tasks.base import Encoded, Task

HeadStart = Literal["random", "fitted"]
# of each source
EXAMPLES = 1_000
# states of so many tokens are held, of all layers that the head reads; 150 MB at width 384
MAX_TOKENS = 100_000
# squared weights' share of the loss, beside nats per decision, and steps of L-BFGS
DECAY, ITERATIONS = 1e-4, 100


def fit_head(
    head: "torch.nn.Module",
    task: "Task[Any, Any]",
    encoded: "Sequence[Encoded]",
    owners: Sequence[int],
    read: Callable[[Sequence[Any], int], tuple[Any, "torch.Tensor", "dict[str, torch.Tensor]"]],
    *,
    seed: int,
) -> dict[str, Any]:
    """Fit `head` in place by L-BFGS on what the frozen encoder says of at most 1,000 examples each.

    owners: the source's number of each encoding. read: (encodings, their source's number) ->
    (states (batch, length, hidden), or one of every layer; attention mask; what the head wants
    besides); called once for each batch. Returns facts: tokens that were read, and the loss in nats
    before and after.
    """
    import torch

    # 1. The frozen states, of all sources in turn.
    places = [
        place
        for owner in sorted(set(owners))
        for place in spread([i for i, o in enumerate(owners) if o == owner], EXAMPLES)
    ]
    lengths = [len(encoded[i].input_ids) for i in places]
    plan = batches_of(lengths, 32, seed=seed, epoch=0, groups=[owners[i] for i in places])
    held: list[tuple[Any, torch.Tensor, dict[str, torch.Tensor], Any]] = []
    tokens = labels = 0
    for part in plan:
        batch = [encoded[places[i]] for i in part]
        with torch.no_grad():
            states, mask, own = read(batch, owners[places[part[0]]])
        layers = len(states) if isinstance(states, tuple) else 1
        if held and tokens + mask.numel() * layers > MAX_TOKENS:
            break
        held.append((_plain(states), mask, own, task.targets(batch)))
        tokens, labels = tokens + mask.numel() * layers, labels + task.labelled(batch)

    # 2. The head alone, without its dropout.
    training = head.training
    head.eval()
    wanted = {parameter: parameter.requires_grad for parameter in head.parameters()}
    for parameter in wanted:
        parameter.requires_grad_(True)
    optimiser = torch.optim.LBFGS(
        list(wanted), max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )

    def value() -> torch.Tensor:
        parts = [
            task.loss(head(states, mask, **own), targets, of=labels)
            for states, mask, own, targets in held
        ]
        return torch.stack(parts).sum() + DECAY * sum(p.pow(2).sum() for p in wanted)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        found = value()
        found.backward()
        return found

    before = float(optimiser.step(closure).detach())
    after = float(value().detach())
    for parameter, trained in wanted.items():
        parameter.grad = None
        parameter.requires_grad_(trained)
    head.train(training)
    return {"tokens": tokens, "loss_before": before, "loss": after}


def _plain(states: Any) -> Any:
    """In float32, also where the encoder was read in bfloat16."""
    return tuple(s.float() for s in states) if isinstance(states, tuple) else states.float()
