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
# a head with more parameters is no linear one: passes over the states by AdamW, at this first rate
LARGE, PASSES, RATE = 1_000_000, 20, 1e-3


_Held = tuple[Any, "torch.Tensor", dict[str, "torch.Tensor"], Any]
"""Of a batch: states, mask, what the head wants besides, targets."""


def fit_head(
    head: "torch.nn.Module",
    task: "Task[Any, Any]",
    encoded: "Sequence[Encoded]",
    owners: Sequence[int],
    read: Callable[[Sequence[Any], int], tuple[Any, "torch.Tensor", "dict[str, torch.Tensor]"]],
    *,
    seed: int,
) -> dict[str, Any]:
    """Fit `head` in place on what the frozen encoder says of at most 1,000 examples each.

    By L-BFGS on all of them together; a large head, such as the biaffine one, by AdamW in batches:
    a pass over all of them for each step would take longer than the training.

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
    held: list[tuple[_Held, int]] = []
    tokens = labels = 0
    for part in plan:
        batch = [encoded[places[i]] for i in part]
        with torch.no_grad():
            states, mask, own = read(batch, owners[places[part[0]]])
        layers = len(states) if isinstance(states, tuple) else 1
        if held and tokens + mask.numel() * layers > MAX_TOKENS:
            break
        held.append(((_plain(states), mask, own, task.targets(batch)), task.labelled(batch)))
        tokens, labels = tokens + mask.numel() * layers, labels + task.labelled(batch)

    # 2. The head alone, without its dropout.
    training = head.training
    head.eval()
    wanted = {parameter: parameter.requires_grad for parameter in head.parameters()}
    for parameter in wanted:
        parameter.requires_grad_(True)

    def value(part: _Held, of: int) -> torch.Tensor:
        states, mask, own, targets = part
        return task.loss(head(states, mask, **own), targets, of=of)

    def whole() -> torch.Tensor:
        found = torch.stack([value(part, labels) for part, _ in held]).sum()
        return found + DECAY * sum(p.pow(2).sum() for p in wanted)

    def by_all() -> None:
        optimiser = torch.optim.LBFGS(
            list(wanted), max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
        )

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            found = whole()
            found.backward()
            return found

        optimiser.step(closure)

    def by_batches() -> None:
        optimiser = torch.optim.AdamW(list(wanted), lr=RATE, weight_decay=0.0)
        rest = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, PASSES * len(held))
        drawn = torch.Generator().manual_seed(seed)
        for _ in range(PASSES):
            for place in torch.randperm(len(held), generator=drawn).tolist():
                optimiser.zero_grad()
                value(*held[place]).backward()
                optimiser.step()
                rest.step()

    with torch.no_grad():
        before = float(whole())
    (by_batches if sum(p.numel() for p in wanted) > LARGE else by_all)()
    with torch.no_grad():
        after = float(whole())
    for parameter, trained in wanted.items():
        parameter.grad = None
        parameter.requires_grad_(trained)
    head.train(training)
    return {"tokens": tokens, "loss_before": before, "loss": after}


def _plain(states: Any) -> Any:
    """In float32, also where the encoder was read in bfloat16."""
    return tuple(s.float() for s in states) if isinstance(states, tuple) else states.float()
