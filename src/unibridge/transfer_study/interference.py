"""Language adapters alone, in pairs and in triples beneath a task adapter (arXiv 2403.20088).

Stack(l, task), Stack(Fuse(l1, l2), task), Stack(Fuse(l1, l2, l3), task). Modes of fusion:
`untrained`, as the authors' code has it: AdapterFusion as it is drawn, so that the score depends on
a seed; `uniform`, the mean of the adapters; `trained`, AdapterFusion that has learnt on the task's
mix with base, language adapters, task adapter and head frozen.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.training import batches_of, fit
from unibridge.transfer_study.cells import Pair, Unit
from unibridge.transfer_study.scoring import head_of, outputs

if TYPE_CHECKING:
    import torch

    from unibridge.adapters.fusion import Mixing
    from unibridge.transfer_study.measure import Kit
    from unibridge.transfer_study.scores import Line

FUSION = "fusion"


def fused_scores(kit: "Kit", unit: Unit, pairs: Sequence[Pair]) -> "list[Line]":
    """The lines of one set of language adapters, each target with the task adapter on top."""
    from unibridge.adapters import attach
    from unibridge.adapters.fusion import add_fusion

    base = kit.base
    model = copy.deepcopy(base.model)
    encoder: Any = model.get_submodule(base.family.encoder)
    for code in unit.transfer:
        one = kit.languages[code]
        config, state = attach.encoder_share(model, base.family, one.config, one.adapter)
        attach.add_adapter(encoder, base.family, _named(code), config, seed=0)
        attach.load_adapter_state(encoder, _named(code), state)
    if len(unit.transfer) == 1:
        return kit.scores(unit, encoder, pairs, [_named(unit.transfer[0])])

    members = [_named(code) for code in unit.transfer]
    mixing: Mixing = "uniform" if unit.mode == "uniform" else "attention"
    lines: list[Line] = []
    # what is trained is trained for one task adapter
    groups = kit.grouped(pairs) if unit.mode == "trained" else {("", ""): []}
    for key, targets in groups.items():
        add_fusion(encoder, FUSION, members, mixing=mixing, seed=unit.seed)
        if unit.mode == "trained":
            train_fusion(kit, encoder, key, seed=unit.seed)
            own: Sequence[Pair] = [(key[0], target) for target in targets]
        else:
            own = pairs
        lines += kit.scores(unit, encoder, own, [FUSION])
        attach.activate(encoder)
        attach.delete_adapter(encoder, FUSION)
    return lines


def train_fusion(kit: "Kit", encoder: Any, key: tuple[str, str], *, seed: int) -> None:
    """AdapterFusion's second step: the attention alone learns, on the mix of a task adapter.

    key: (task, language that the adapter has not seen). The loss is the task's, and the distance of
    V from the identity times `regularisation`.
    """
    from unibridge.adapters import attach
    from unibridge.adapters.fusion import regularisation
    from unibridge.models.base import max_tokens

    base, (name, left_out) = kit.base, key
    data, trained = kit.data.tasks[name], kit.adapters[key]
    settings = kit.plan.settings.interference
    most = min(kit.plan.settings.tasks[name].training.max_tokens, max_tokens(base))
    sources = [code for code in sorted(data.mix) if code != left_out]
    encoded: list[Any] = []
    owners: list[int] = []
    for number, code in enumerate(sources):
        part = data.task.encode(base.tokenizer, data.mix[code], data.labels, most)
        encoded += part
        owners += [number] * len(part)

    task = f"task-{trained.name}"
    attach.add_adapter(encoder, base.family, task, trained.config, seed=0)
    attach.load_adapter_state(encoder, task, trained.adapter)
    attach.activate(encoder, FUSION, task)
    attach.freeze(encoder)
    head = head_of(base, trained, data).requires_grad_(False)
    learnt: Mapping[str, Any] = {
        f"fusion.{i}": p for i, p in enumerate(attach.adapter_parameters(encoder, FUSION))
    }
    for parameter in learnt.values():
        parameter.requires_grad_(True)

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        whole = [encoded[i] for i in indices]
        part = whole[rows]
        said = outputs(base, encoder, head, data, part)
        value = data.task.loss(said, data.task.targets(part), of=data.task.labelled(whole))
        away = regularisation(encoder, FUSION) * (len(part) / len(whole))
        tokens = sum(len(one.input_ids) for one in part)
        return value + settings.regularisation * away, {"task": value.detach()}, tokens

    encoder.train()
    fit(
        learnt,
        loss,
        lambda epoch: batches_of(
            [len(one.input_ids) for one in encoded],
            settings.fusion.batch_size,
            seed=seed,
            epoch=epoch,
            groups=owners,
        ),
        settings.fusion,
        seed=seed,
        width=int(encoder.config.hidden_size),
    )
    encoder.eval()
    attach.freeze(encoder)
    attach.activate(encoder, FUSION)
    attach.delete_adapter(encoder, task)


def _named(code: str) -> str:
    return f"language-{code}"
