"""Train a task on labelled source languages: a task adapter per source (paper §2.3, MAD-X §2.2.2).

The same function makes the baselines, since they differ in data only: several sources under one
universal adapter (MAD-X), and the whole model instead of an adapter (fine-tuning).
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unibridge.tasks.cuts import Cuts
from unibridge.text.corpus import spread
from unibridge.training import (
    FitResult,
    Progress,
    TrainingSettings,
    batches_of,
    fit,
    precision,
    prepare,
    step_of,
)
from unibridge.transfer.adapted import AdaptedLanguage, kept_copy
from unibridge.transfer.beside import Beside
from unibridge.transfer.forgetting.base import guard
from unibridge.transfer.head_start import fit_head
from unibridge.transfer.rates import PUBLISHED_RATES, choose_rate, whole_model_rate
from unibridge.transfer.sampling import drawn
from unibridge.transfer.signals.base import LanguageClassifier
from unibridge.transfer.task_settings import TaskSettings
from unibridge.transfer.trained import TrainedTask
from unibridge.transfer.updates import UPDATES
from unibridge.transfer.updates.base import Opened, Updated, updated

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task


def train_task(
    base: "Base",
    task: "Task",
    examples: Mapping[str, Sequence[Any]],
    languages: "Mapping[str, AdaptedLanguage | None]",
    labels: Sequence[str],
    settings: TaskSettings,
    *,
    name: str,
    held_out: Mapping[str, Sequence[Any]] | None = None,
    versions: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    train: Literal["adapter", "model"] = "adapter",
    start: TrainedTask | None = None,
    remembered: Sequence[str] = (),
    unlabelled: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> TrainedTask:
    """Train one task adapter (or the whole encoder) with its head on one or more sources.

    examples: source -> labelled examples. languages: source -> its adapted language, whose
    adapter lies under the task adapter, frozen; None: no language adapter. Where a source has
    embeddings of its own, it must be the only one.
    One language for all sources (the same object) may have a vocabulary, and may be trained as a
    whole.
    versions: source -> the same examples in other words, of which each later epoch reads the next.
    held_out: source -> examples whose mean loss drives the schedule; the score on them is kept.
    start: the same task, trained before, whose weights are the first ones; `forgetting` holds what
    it needs for the examples of `remembered` sources (none named: of all). unlabelled: language ->
    its plain text, for `languages`.
    """
    import numpy as np
    import torch

    from unibridge.adapters import attach
    from unibridge.models.base import max_tokens
    from unibridge.models.rows import (
        changed_names,
        changed_rows,
        changed_tensors,
        lay_over,
        used_rows,
    )
    from unibridge.models.states import last_states, layer_states, trained_pooling
    from unibridge.tasks.heads import build_head
    from unibridge.tasks.shapes import HeadShape
    from unibridge.transfer.adapted import language_model
    from unibridge.transfer.mlm import used_ids

    sources = sorted(examples)
    adapted = {source: languages.get(source) for source in sources}
    own = [s for s, a in adapted.items() if a is not None and a.embeddings is not None]
    same = len({id(a) for a in adapted.values()}) == 1
    if own and not same:
        raise ValueError(f"{own} have vocabularies of their own and cannot share a task adapter")

    # 1. The encoder with the sources' language adapters, the task adapter on top, and a head.
    model = language_model(base, adapted[sources[0]])
    for source in sources[1:]:
        if (language := adapted[source]) is not None and language.adapter and not same:
            attach.add_adapter(model, base.family, language.language, language.config, seed=0)
            attach.load_adapter_state(model, language.language, language.adapter)
    first = adapted[sources[0]]
    tokenizer = first.tokenizer if first is not None and first.tokenizer else base.tokenizer
    encoder: Any = model.get_submodule(base.family.encoder)
    attach.freeze(model)
    head_settings = settings.head if start is None else start.head_settings
    if head_settings.pooling == "auto":
        head_settings = head_settings.model_copy(update={"pooling": trained_pooling(base)})
    shape = HeadShape(
        encoder.config.hidden_size,
        len(labels),
        base.family.dropout(model.config),
        encoder.config.num_hidden_layers,
        head_settings,
    )
    head = build_head(task, shape, seed=seed).to(model.device)
    if train == "adapter":
        attach.add_adapter(encoder, base.family, name, settings.placed_adapter, seed=seed)

    def changing() -> Opened:
        """What of the encoder is trained, once the rows that are not used have been left out."""
        if train == "adapter":
            return nullcontext(Updated({}, ()))
        below = {n for a in adapted.values() if a is not None for n in a.stack}
        fixed = [p for n in below for p in attach.adapter_parameters(model, n)]
        return updated(encoder, base.family, settings.updates, besides=fixed, seed=seed)

    def trainable() -> "dict[str, torch.nn.Parameter]":
        """Name -> parameter."""
        found = {f"head.{n}": p for n, p in head.named_parameters()}
        if train == "adapter":
            own = attach.adapter_parameters(encoder, name)
            found |= {f"adapter.{i}": p for i, p in enumerate(own)}
        else:
            found |= update.parameters
        found |= beside.parameters()
        for parameter in found.values():
            parameter.requires_grad_(True)
        return found

    if start is not None:
        head.load_state_dict(start.head)
        if start.adapter:
            attach.load_adapter_state(encoder, name, start.adapter)
        values = encoder.state_dict()
        with torch.no_grad():
            for key, value in lay_over(values, start.encoder).items():
                values[key].copy_(value)

    # 2. Every example encoded once; a batch holds one source, whose adapter is then active.
    limit = min(settings.max_tokens, max_tokens(base))
    how = {"label_all_subwords": settings.label_all_subwords}
    encoded: list[Any] = []
    owners: list[int] = []
    starts = [0]
    rounds = max([0, *(len((versions or {}).get(source, ())) for source in sources)])
    for version in range(rounds + 1):
        for number, source in enumerate(sources):
            turns = [examples[source], *(versions or {}).get(source, ())]
            given = turns[version % len(turns)]
            # a file may be sorted by class or by document, so its beginning is not the whole
            chosen = spread(given, settings.max_examples or len(given))
            part = task.encode(tokenizer, chosen, labels, limit, **how)
            encoded += part
            owners += [number] * len(part)
        starts.append(len(encoded))
    stacks = [
        [n for a in [adapted[source]] if a is not None for n in a.stack]
        + ([name] if train == "adapter" else [])
        for source in sources
    ]

    def states_of(
        batch: Sequence[Any], owner: int
    ) -> "tuple[Any, torch.Tensor, dict[str, torch.Tensor]]":
        """What the head wants of a batch of one source: states, attention mask, its own inputs."""
        attach.activate(encoder, *stacks[owner])
        inputs = task.collate(batch, tokenizer.pad_token_id)
        inputs = {name: value.to(model.device) for name, value in inputs.items()}
        own = {name: inputs.pop(name) for name in task.head_inputs}
        mask = inputs["attention_mask"]
        states = layer_states if head.reads_layers else last_states
        return states(encoder, **inputs), mask, own

    def run(
        batch: Sequence[Any], owner: int, of: int | None = None, further: Any = None
    ) -> "tuple[dict[str, torch.Tensor], torch.Tensor, int, dict[str, torch.Tensor]]":
        """(outputs, loss, tokens, further losses by name) of a batch of one source."""
        states, mask, own = states_of(batch, owner)
        said = head(states, mask, **own)
        more = further(states[-1] if head.reads_layers else states, mask) if further else {}
        return said, task.loss(said, task.targets(batch), of=of), int(mask.sum()), more

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        whole = [encoded[i] for i in indices]
        part = whole[rows]
        of = task.labelled(whole) if len(part) < len(whole) else None
        owner, further = owners[indices[0]], None
        if beside:
            further = beside.of_step(owner, step_of(generator, seed), generator, rows, len(whole))
        _, value, tokens, more = run(part, owner, of, further)
        return sum(more.values(), value), {n: one.detach() for n, one in more.items()}, tokens

    held_out = {
        source: spread(part, settings.max_held_out)
        for source, part in (held_out or {}).items()
        if part and source in sources
    }
    held = {s: task.encode(tokenizer, part, labels, limit) for s, part in held_out.items()}

    def read_held_out() -> tuple[float, dict[str, list[Any]]]:
        """Mean loss per held-out example, and the predictions of each source."""
        total = 0.0
        predictions: dict[str, list[Any]] = {}
        model.eval(), head.eval()
        with torch.inference_mode():
            for source, rows in held.items():
                decided: list[Any] = [None] * len(rows)
                # like lengths together, since most of a mixed batch is padding
                order = sorted(range(len(rows)), key=lambda i: len(rows[i].input_ids))
                for start in range(0, len(rows), 64):
                    places = order[start : start + 64]
                    batch = [rows[i] for i in places]
                    said, value, *_ = run(batch, sources.index(source))
                    total += float(value) * len(batch)
                    read = task.reading({n: t.cpu() for n, t in said.items()}, batch)
                    for i, one in zip(places, read, strict=True):
                        decided[i] = one
                predictions[source] = task.decode(decided, rows, labels)
        model.train(), head.train()
        return total / sum(map(len, held.values())), predictions

    # 3. The head alone, where it is to be fitted first.
    def frozen(
        batch: Sequence[Any], owner: int
    ) -> "tuple[Any, torch.Tensor, dict[str, torch.Tensor]]":
        with precision(settings.training, model.device, shape.hidden):
            return states_of(batch, owner)

    fitted = None
    if settings.head_start == "fitted" and start is None:
        model.eval()
        plain = slice(starts[1])  # without switched versions
        fitted = fit_head(head, task, encoded[plain], owners[plain], frozen, seed=seed)

    # 4. Train.
    attach.activate(encoder, *stacks[0])
    cuts = Cuts(task, limit).add(encoded[: starts[1]])
    for rows in held.values():
        cuts.add(rows)
    warnings: list[str] = cuts.notes
    training = settings.training

    def batches(epoch: int) -> list[list[int]]:
        """Of the epoch's version of the examples."""
        first, last = starts[epoch % (rounds + 1)], starts[epoch % (rounds + 1) + 1]
        own = drawn(owners[first:last], settings.sampling, seed=seed, epoch=epoch)
        chosen = [first + i for i in own]
        lengths = [len(encoded[i].input_ids) for i in chosen]
        groups = [owners[i] for i in chosen]
        found = batches_of(lengths, training.batch_size, seed=seed, epoch=epoch, groups=groups)
        return [[chosen[i] for i in batch] for batch in found]

    steps = training.steps or training.epochs * len(batches(0))
    beside = Beside(lambda ids, mask: last_states(encoder, input_ids=ids, attention_mask=mask))
    if settings.languages.method != "none":
        beside.signal = LanguageClassifier(
            settings.languages,
            tokenizer,
            sources,
            unlabelled or {},
            width=shape.hidden,
            limit=limit,
            steps=steps,
            seed=seed,
            device=model.device,
        )
    read = [
        i for e in (*encoded, *(e for rows in held.values() for e in rows)) for i in e.input_ids
    ]
    rows_used = used_ids(np.array([*read, *beside.token_ids]), tokenizer, settings.training)

    def run_fit(
        training: TrainingSettings, checkpoint: Path | None, *, save_end: bool = False
    ) -> FitResult:
        return fit(
            trained,
            loss,
            batches,
            training,
            seed=seed,
            width=shape.hidden,
            factors={n: settings.head_rate for n in trained if n.startswith("head.")},
            validate=(lambda: read_held_out()[0]) if held else None,
            checkpoint=checkpoint,
            save_end=save_end,
            progress=progress,
        )

    with used_rows(model, base.family, rows_used, output=False), changing() as update:
        trained = trainable()
        model.train(), head.train()
        warnings += prepare(model, encoder, settings.training)
        if start is not None:
            # what the sources need of the task as it was
            known = [i for i, o in enumerate(owners) if sources[o] in (remembered or sources)]
            known = spread(known, settings.forgetting.examples)
            beside.kept = guard(
                settings.forgetting,
                trained,
                lambda: (run([encoded[i]], owners[i])[1] for i in known),
            )
        usual = UPDATES.resolve(settings.updates.method).rate
        whole_rate = usual * whole_model_rate(shape.hidden)
        rates = settings.search_rates or (
            PUBLISHED_RATES
            if train == "adapter"
            else tuple(whole_rate * factor for factor in (0.25, 0.5, 1.0, 2.0))
        )
        choice = choose_rate(
            settings.learning_rate_search if held else "none",
            rates,
            training.peak_rate if train == "adapter" else whole_rate,
            trained,
            run_fit,
            training,
            steps=steps,
            share=settings.search_share,
            checkpoint=checkpoint,
        )
        result = run_fit(training.model_copy(update={"learning_rate": choice.rate}), checkpoint)
        warnings += result.warnings

    dev_scores = {}
    if held:
        predictions = read_held_out()[1]
        dev_scores = {s: task.score(held_out[s], rows).value for s, rows in predictions.items()}
        warnings += [
            f"After training every prediction for the held-out examples of {s} is the same: "
            "nothing was learnt. Lower task_training.training.learning_rate or train longer."
            for s, rows in predictions.items()
            if _constant(rows) and not _constant([task.gold(e) for e in held_out[s]])
        ]
    kept: dict[str, torch.Tensor] = {}
    if train == "model":
        # what it began with belongs to it, also rows that no text had this time
        table, changes = f"{base.family.word_embeddings}.weight", set(update.changes)
        whole_rows = rows_used
        if start is not None:
            changes |= changed_names(start.encoder)
            before = changed_rows(start.encoder, table, len(encoder.get_parameter(table)))
            whole_rows = torch.cat([rows_used, before]).unique()
        kept = changed_tensors(
            encoder, base.family.word_embeddings, whole_rows, table=table in changes, only=changes
        )
    return TrainedTask(
        name=name,
        task=task.reference,
        labels=list(labels),
        head={n: kept_copy(p) for n, p in head.named_parameters()},
        config=settings.placed_adapter,
        head_settings=head_settings,
        adapter=attach.adapter_state(encoder, name) if train == "adapter" else {},
        encoder=kept,
        facts={
            "source": "+".join(sources),
            "task": task.name,
            "trained": train,
            "updates": None if train == "adapter" else settings.updates.method,
            "curve": result.curve,
            "steps": result.steps,
            "epochs": result.curve[-1]["epoch"],
            "tokens_seen": result.tokens,
            "search_steps": choice.steps,
            "search_tokens": choice.tokens,
            "learning_rate": choice.rate,
            "rate_search": asdict(choice) if choice.trials else None,
            "head_start": fitted,
            "examples": starts[1],
            "versions": rounds + 1,
            "vocabulary_rows": len(rows_used),
            "dev_score": sum(dev_scores.values()) / len(dev_scores) if dev_scores else None,
            "dev_scores": dev_scores,
        },
        warnings=warnings,
    )


def _constant(predictions: Sequence[Any]) -> bool:
    """Whether all decisions are the same one."""
    decisions = {d for p in predictions for d in (p if isinstance(p, list) else [p])}
    return len(decisions) == 1
