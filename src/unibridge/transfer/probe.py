"""A linear probe: what the frozen base's states say of a task without any training of it.

One layer's states of each decision (a word's first token, a text's state), standardised, under a
multinomial logistic regression on all sources' labels; the layer is chosen by the sources' held-out
examples. A minute of work, and so the row that whatever trains longer has to beat (Hewitt and
Liang, arXiv 1909.03368, discuss what such a probe shows).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.settings import Settings
from unibridge.text.corpus import spread

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task
    from unibridge.tasks.encoded import Encoded


class ProbeSettings(Settings):
    """What a linear probe reads."""

    layers: tuple[int, ...] | None = Field(
        None,
        min_length=1,
        description="layers to choose from, 0: the embeddings; unset: every second and the last",
    )
    max_examples: int = Field(
        1000, ge=1, description="examples used of each source, evenly spread over its file"
    )
    max_tokens: int = Field(128, ge=8, description="tokens per example; longer ones are cut")
    decay: float = Field(
        1e-3, ge=0, description="squared weights' share of the loss, beside nats per decision"
    )
    iterations: int = Field(100, ge=1, description="of L-BFGS")


@dataclass(frozen=True)
class Probe:
    """A linear classifier on one layer. mean, spread: (hidden,). weight: (labels, hidden)."""

    layer: int
    mean: "torch.Tensor"
    spread: "torch.Tensor"
    weight: "torch.Tensor"
    bias: "torch.Tensor"

    def logits(self, states: "torch.Tensor") -> "torch.Tensor":
        """(decisions, hidden) -> (decisions, labels)."""
        return ((states - self.mean) / self.spread) @ self.weight.T + self.bias


def train_probe(
    base: "Base",
    task: "Task[Any, Any]",
    examples: Mapping[str, Sequence[Any]],
    held_out: Mapping[str, Sequence[Any]],
    labels: Sequence[str],
    settings: ProbeSettings,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Probe, dict[str, Any]]:
    """The best layer's probe, and facts: the held-out score of every layer that was tried.

    examples, held_out: source -> labelled examples; where nothing is held out, every tenth example
    is. Raises UnibridgeError for a task that is not one choice among its labels a word or a text.
    """
    import torch

    if len(task.outputs) != 1 or next(iter(task.outputs.values())).axes[-1] != "labels":
        raise UnibridgeError(
            f"a linear probe cannot do the task {task.name}, whose decisions are not labels of "
            "words or texts",
            where="run.methods",
            do="leave the method 'probe' out",
        )
    encoder: Any = base.model.get_submodule(base.family.encoder)
    count: int = encoder.config.num_hidden_layers
    layers = settings.layers or tuple(dict.fromkeys((*range(0, count, 2), count)))
    if wrong := [layer for layer in layers if not 0 <= layer <= count]:
        raise UnibridgeError(
            f"there is no layer {wrong[0]}",
            where="probe.layers",
            do=f"write numbers from 0 to {count}",
        )

    # 1. The sources' examples, some of them to choose the layer by.
    chosen = [e for s in sorted(examples) for e in spread(examples[s], settings.max_examples)]
    held = [e for s in sorted(held_out) for e in spread(held_out[s], settings.max_examples)]
    if not held:
        held, chosen = chosen[::10], [e for i, e in enumerate(chosen) if i % 10]
    read, held_read = (
        task.encode(base.tokenizer, part, labels, settings.max_tokens) for part in (chosen, held)
    )
    states, held_states = (decision_states(base, task, part, layers) for part in (read, held_read))
    gold = torch.tensor([label for one in read for label in task.gold_decisions(one)])
    known = gold >= 0

    # 2. A classifier on every layer; the one that scores best on what was held out.
    found: dict[int, tuple[float, Probe]] = {}
    for done, layer in enumerate(layers):
        own = torch.cat(states[layer]).float()
        probe = fit_probe(own[known], gold[known], len(labels), layer, settings)
        said = task.decode([probe.logits(x.float()) for x in held_states[layer]], held_read, labels)
        found[layer] = (task.score(held, said, samples=1).value, probe)
        progress(done + 1, len(layers))
    best = max(found, key=lambda layer: found[layer][0])
    return found[best][1], {
        "layer": best,
        "dev_scores": {str(layer): score for layer, (score, _) in found.items()},
        "decisions": int(known.sum()),
    }


def probe_predictions(
    base: "Base",
    task: "Task[Any, Any]",
    probe: Probe,
    examples: Sequence[Any],
    labels: Sequence[str],
    settings: ProbeSettings,
) -> list[Any]:
    """What a probe says of examples, in the task's form."""
    read = task.encode(base.tokenizer, examples, labels, settings.max_tokens)
    states = decision_states(base, task, read, (probe.layer,))[probe.layer]
    return task.decode([probe.logits(own.float()) for own in states], read, labels)


def decision_states(
    base: "Base",
    task: "Task[Any, Any]",
    encoded: "Sequence[Encoded]",
    layers: Sequence[int],
    *,
    batch_size: int = 32,
) -> "dict[int, list[torch.Tensor]]":
    """Layer -> of each encoding the states of its decisions, (decisions, hidden), in float16."""
    import torch

    from unibridge.models.states import TEXT_STATES, trained_pooling
    from unibridge.training import TrainingSettings, precision

    encoder: Any = base.model.get_submodule(base.family.encoder)
    ((name, output),) = task.outputs.items()
    pool = None if "length" in output.axes else TEXT_STATES.resolve(trained_pooling(base))
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].input_ids))
    found: dict[int, list[Any]] = {layer: [None] * len(encoded) for layer in layers}
    base.model.eval()
    width = encoder.config.hidden_size
    with torch.inference_mode(), precision(TrainingSettings(), base.model.device, width):
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            batch = [encoded[i] for i in part]
            inputs = task.collate(batch, base.tokenizer.pad_token_id)
            for own in task.head_inputs:
                inputs.pop(own)
            inputs = {key: value.to(base.model.device) for key, value in inputs.items()}
            states = encoder(**inputs, output_hidden_states=True).hidden_states
            for layer in layers:
                whole = states[layer].float().cpu()
                said = whole if pool is None else pool(whole, inputs["attention_mask"].cpu())
                for i, rows in zip(part, task.decisions({name: said}, batch), strict=True):
                    found[layer][i] = rows.half().clone()
    return found


def fit_probe(
    states: "torch.Tensor",
    gold: "torch.Tensor",
    labels: int,
    layer: int,
    settings: ProbeSettings,
) -> Probe:
    """Multinomial logistic regression on standardised states, (decisions, hidden), by L-BFGS."""
    import torch

    mean, deviation = states.mean(0), states.std(0).clamp(min=1e-6)
    features = (states - mean) / deviation
    weight = torch.zeros(labels, states.shape[1], requires_grad=True)
    bias = torch.zeros(labels, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=settings.iterations, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(features @ weight.T + bias, gold)
        loss = loss + settings.decay * weight.pow(2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return Probe(layer, mean, deviation, weight.detach(), bias.detach())
