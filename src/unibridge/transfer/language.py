"""Adapt a base model to a language: bottleneck + invertible adapter, MLM + β·KL (paper §2.3)."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import join_samples, split_held_out
from unibridge.training import (
    FitResult,
    Progress,
    TrainingSettings,
    batches_of,
    fit,
    precision,
    prepare,
)
from unibridge.transfer.adaptation_settings import AdaptationSettings
from unibridge.transfer.adapted import AdaptedLanguage, kept_copy
from unibridge.transfer.forgetting.base import guard
from unibridge.transfer.rates import choose_rate, held_out_loss

if TYPE_CHECKING:
    import torch

    from unibridge.embeddings.base import InitResult
    from unibridge.models.base import BaseModel as Base


def adapt_language(
    base: "Base",
    lines: Sequence[str],
    settings: AdaptationSettings,
    *,
    language: str,
    tokenizer: Any = None,
    embeddings: "InitResult | None" = None,
    others: Mapping[str, Sequence[str]] | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
    reading: Callable[[int, int], None] = lambda done, total: None,
) -> AdaptedLanguage:
    """Train a language adapter, and new embeddings where there are any; the base is not touched.

    Or the whole of a copy of the base (`settings.trains`), without an adapter.

    L = L_MLM + β · D_KL(π_UniBridge ‖ π_PLM), π = softmax over the hidden dimension of the
    mean-pooled state h (Eq. 9). The teacher is the frozen base, which reads the same text unmasked
    through its own tokenizer: of a sample past the student's token limit, the part that the student
    reads. A language that keeps the base's vocabulary trains without KL. With
    `settings.distillation` the student matches the teacher's states of words as well, or alone.

    lines: plain text. tokenizer, embeddings: the new vocabulary and its initial matrix
    (target_vocab, hidden), or None for both. others: further languages -> their plain text, of
    which `replay` or `alpha` take their samples. pairs: aligned lines for TLM. checkpoint: file for
    resuming. reading: is told of the samples that are tokenised before, (done, all).
    Raises UnibridgeError when there are too few samples to hold one out.
    """
    import numpy as np
    import torch

    from unibridge.adapters import attach
    from unibridge.embeddings.install import embedding_table, install_embeddings
    from unibridge.models.base import max_tokens, redraw_head
    from unibridge.models.objectives import Corrupted, objective_of
    from unibridge.models.rows import changed_tensors, used_rows
    from unibridge.models.states import encoder_states
    from unibridge.transfer.forgetting.memory import Memory
    from unibridge.transfer.mlm import (
        drawn_translations,
        encode_pairs,
        encode_samples,
        joined,
        log_frequencies,
        replayed_samples,
        set_output_bias,
        text_read,
        used_ids,
    )
    from unibridge.transfer.teaching import Teaching

    warnings: list[str] = []

    # 1. Samples of 128 words, some held out.
    samples = join_samples(lines, settings.sample_words)
    if settings.max_samples and len(samples) > settings.max_samples:
        order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
        samples = [samples[i] for i in sorted(order[: settings.max_samples].tolist())]
    if len(samples) < 2:
        raise UnibridgeError(
            f"the text of {language!r} makes only {len(samples)} sample(s) of "
            f"{settings.sample_words} words",
            do="bring more text, or set adaptation.sample_words = 0 (a line is a sample)",
        )
    train_samples, held_samples = split_held_out(
        samples, settings.held_out, seed=seed, least=settings.least_held_out
    )
    replayed = replayed_samples(
        others or {},
        settings.sample_words,
        settings.replay,
        len(train_samples),
        seed=seed,
        alpha=settings.alpha,
    )
    train_samples += replayed
    translated = drawn_translations(pairs, settings.tlm_share, len(train_samples), seed=seed)

    # 2. The student: a copy of the base with the new vocabulary and the language adapter.
    model = copy.deepcopy(base.model)
    family = base.family
    redraw_head(model, base, seed)
    if embeddings is not None:
        install_embeddings(model, embeddings, tokenizer)
    attach.freeze(model)
    whole = settings.trains == "model"
    if not whole:
        attach.add_adapter(model, family, language, settings.adapter, seed=seed)
        attach.activate(model, language)
    bias, output = family.output_bias(model), model.get_parameter(f"{family.projection}.weight")
    # what has a row per token is the vocabulary's, under whatever name a family ties it
    head = {
        name: parameter
        for name, parameter in family.lm_head(model).named_parameters()
        if len(parameter) != len(output)
    }
    train_head = whole or base.built_head or settings.train_head == "always"
    table = f"{family.encoder}.{family.word_embeddings}"
    # a base that was given its head by us has no bias: it belongs to a vocabulary
    # (a buffer, such as mBART's, is nothing that was ever trained)
    frequencies = settings.output_bias == "frequencies" and isinstance(bias, torch.nn.Parameter)
    no_bias = bias is not None and frequencies and not bias.any()
    new_bias = bias is not None and (no_bias or train_head or embeddings is not None)

    # 3. The student reads up to its length limit, and the teacher just the same text.
    reader = tokenizer if tokenizer is not None else base.tokenizer
    pad_id = reader.pad_token_id
    limit = min(settings.max_tokens or max_tokens(base), max_tokens(base))
    store = joined(
        [
            encode_samples(reader, train_samples, limit, told=reading),
            encode_pairs(reader, translated, limit),
        ]
    )
    held = encode_samples(reader, held_samples, limit)
    texts, cut = list(train_samples), 0
    full = (store.lengths[: len(train_samples)] == limit).nonzero()[0]
    for number, i in enumerate(full):
        if number % 1024 == 0:
            reading(number, len(full))
        read = text_read(reader, train_samples[i], limit)
        cut += len(read) < len(train_samples[i])
        train_samples[i] = read
    if cut > 0.05 * len(store):
        warnings.append(
            f"{cut:,} of {len(store):,} samples pass the limit of {limit} tokens and are cut: "
            f"a smaller sample_words (now {settings.sample_words}) loses nothing."
        )
    train_samples += [f"{first} {second}" for first, second in translated]
    taught = Teaching(
        base,
        reader,
        settings,
        store,
        texts=texts,
        read=train_samples,
        new=embeddings is not None,
        limit=limit,
        checkpoint=checkpoint,
    )
    warnings += taught.warnings

    if no_bias or (frequencies and embeddings is not None):
        set_output_bias(model, family, log_frequencies(store.ids, len(reader)))

    # 4. MLM (or what the family is trained by) + β · KL, of what is trained.
    def trainable() -> "dict[str, torch.nn.Parameter]":
        """Name -> parameter, once the rows that are not used have been left out."""
        found: dict[str, Any] = {}
        if whole:
            encoder = model.get_submodule(family.encoder)
            found |= {f"encoder.{n}": p for n, p in encoder.named_parameters()}
        else:
            own = attach.adapter_parameters(model, language)
            found |= {f"adapter.{i}": p for i, p in enumerate(own)}
        if train_head and taught.lm_weight:
            found |= {f"head.{name}": parameter for name, parameter in head.items()}
        inputs, outputs = (model.get_submodule(n).weight for n in (table, family.projection))
        if embeddings is not None:
            found["embeddings"] = inputs
        if embeddings is not None and outputs is not inputs and taught.lm_weight:
            found["output_embeddings"] = outputs
        now = family.output_bias(model)
        if new_bias and isinstance(now, torch.nn.Parameter) and taught.lm_weight:
            found["output_bias"] = now
        # a table has one name, however many lead to it
        named = {id(parameter): name for name, parameter in found.items()}
        found = {name: found[name] for name in named.values()}
        for parameter in found.values():
            parameter.requires_grad_(True)
        return found

    objective, kept, memory = objective_of(family), None, None
    if whole and others:
        how: dict[str, Any] = {
            "words": settings.sample_words,
            "limit": limit,
            "rate": settings.mask_rate,
        }
        count = settings.forgetting.examples if settings.forgetting.method != "none" else 0
        memory = Memory(model, family, reader, others, samples=count, **how)
    elif settings.forgetting.method != "none":
        raise UnibridgeError(
            "there is no text of the sources that could be forgotten, or no model that is trained",
            where="forgetting.method",
            do='give the sources\' text and set trains = "model", or forgetting.method = "none"',
        )

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        ids, mask = store.batch(indices, pad_id)
        whole = Corrupted.not_at_all(ids, mask)
        if taught.lm_weight:
            rate = settings.mask_rate
            whole = objective.corrupt(ids, mask, reader, rate=rate, generator=generator)
        part = whole.part(rows)
        states = taught.states(model, part.ids, part.mask)
        losses, weights = {}, taught.weights
        if taught.lm_weight:
            weights[objective.name] = taught.lm_weight
            lm = objective.loss(model, family, states[0], part)
            losses[objective.name] = lm * (part.count / max(whole.count, 1))
        if kept is not None:
            losses["kept"] = kept() * (len(part.ids) / len(whole.ids))
        losses |= taught.losses(model, states, whole, indices, rows)
        terms = [weights.get(name, 1.0) * value for name, value in losses.items()]
        told = {name: value.detach() for name, value in losses.items()}
        return sum(terms[1:], terms[0]), told, int(part.mask.sum())

    def validate() -> dict[str, float]:
        """LM loss of the held-out samples, always under the same masks (nats per token).

        Where there is none, how far their words' states are from the teacher's.
        """
        if not taught.lm_weight:
            return taught.held_out(model, held, held_samples, settings.training.batch_size)
        generator = torch.Generator().manual_seed(0)
        model.eval()
        nats: list[torch.Tensor] = []
        tokens: list[torch.Tensor] = []
        with torch.inference_mode():
            for start in range(0, len(held), settings.training.batch_size):
                part = range(start, min(start + settings.training.batch_size, len(held)))
                ids, mask = held.batch(part, pad_id)
                batch = objective.corrupt(
                    ids, mask, reader, rate=settings.mask_rate, generator=generator
                )
                hidden = encoder_states(model, family, batch.ids, batch.mask)
                by_sample, wanted = objective.nats(model, family, hidden, batch)
                nats.append(by_sample.cpu())
                tokens.append(wanted)
        model.train()
        return held_out_loss(torch.cat(nats).numpy(), torch.cat(tokens).numpy())

    width = model.config.hidden_size

    def batches(epoch: int) -> list[list[int]]:
        return batches_of(store.lengths, settings.training.batch_size, seed=seed, epoch=epoch)

    def run(
        training: TrainingSettings, checkpoint: Path | None, *, save_end: bool = False
    ) -> FitResult:
        return fit(
            trained,
            loss,
            batches,
            training,
            seed=seed,
            width=width,
            factors=dict.fromkeys(
                {"embeddings", f"encoder.{family.word_embeddings}.weight"} & trained.keys(),
                settings.embedding_rate,
            ),
            validate=validate,
            checkpoint=checkpoint,
            save_end=save_end,
            progress=progress,
        )

    # 5. The rate: as given, or the best of short trainings from the same start.
    seen = [store.ids, held.ids]
    if memory and settings.forgetting.method != "none":
        seen.append(memory.token_ids)
    rows = used_ids(np.concatenate(seen), reader, settings.training)
    training = settings.training
    # over the whole vocabulary, whatever is trained
    source_losses = [memory.mean()] if memory else []
    with used_rows(model, family, rows, output=True):
        trained = trainable()
        model.train()
        warnings += prepare(model, model.get_submodule(family.encoder), settings.training)
        if memory:
            kept = guard(settings.forgetting, trained, memory.losses)
        with precision(settings.training, model.device, width):
            before = validate()["valid_loss"]
        choice = choose_rate(
            settings.learning_rate_search,
            settings.search_rates,
            training.peak_rate,
            trained,
            run,
            training,
            steps=training.steps or training.epochs * len(batches(0)),
            share=settings.search_share,
            checkpoint=checkpoint,
        )
        training = training.model_copy(update={"learning_rate": choice.rate})
        result = run(training, checkpoint)
        warnings += result.warnings
    source_losses += [memory.mean()] if memory else []
    return AdaptedLanguage(
        language=language,
        config=settings.adapter,
        adapter={} if whole else attach.adapter_state(model, language),
        encoder=changed_tensors(
            model.get_submodule(family.encoder),
            family.word_embeddings,
            rows,
            table=embeddings is None,
        )
        if whole
        else {},
        tokenizer=tokenizer,
        embeddings=None if embeddings is None else embedding_table(model),
        output_bias=None if bias is None or not new_bias else kept_copy(bias.flatten()),
        head={n: kept_copy(p) for n, p in head.items()} if train_head else {},
        facts={
            "language": language,
            "loss_before": before,
            "source_losses": source_losses,
            "curve": result.curve,
            "steps": result.steps,
            "epochs": result.curve[-1]["epoch"],
            "tokens_seen": result.tokens,
            "search_steps": choice.steps,
            "search_tokens": choice.tokens,
            "stopped_early": result.stopped,
            "learning_rate": choice.rate,
            "rate_search": asdict(choice) if choice.trials else None,
            "samples": len(train_samples),
            "held_out_samples": len(held),
            "replayed_samples": len(replayed),
            "translated_samples": len(translated),
            "vocabulary_rows": len(rows),
            "trains": settings.trains,
            "cut_samples": cut,
            "kl_weight": taught.beta,
            "teacher_unknown_rate": taught.unknown,
            "teacher_store_bytes": taught.stored_bytes,
            **taught.facts,
        },
        warnings=warnings,
    )
