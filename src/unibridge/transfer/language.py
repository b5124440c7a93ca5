"""Adapt a base model to a language: bottleneck + invertible adapter, MLM + β·KL (paper §2.3)."""

import copy
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from unibridge.adapters.settings import LANGUAGE_ADAPTER, AdapterConfig
from unibridge.artifacts import read_json, write_bytes, write_json
from unibridge.errors import UnibridgeError
from unibridge.processes import processes
from unibridge.seal import loading, seal
from unibridge.text.corpus import join_samples, split_held_out
from unibridge.training import (
    DivergedError,
    FitResult,
    Progress,
    TrainingSettings,
    batches_of,
    fit,
    precision,
    prepare,
)
from unibridge.transfer.rates import PUBLISHED_RATES, RateChoice, RateSearch, halve
from unibridge.transfer.teacher import TeacherStore, teacher_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from unibridge.embeddings.base import InitResult
    from unibridge.models.base import BaseModel as Base
    from unibridge.models.families import ModelFamily

HeldState = Literal["encoder", "inverse"]


class AdaptationSettings(BaseModel):
    """Masked-LM training of one language (paper §2.3 and Table 8)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: AdapterConfig = LANGUAGE_ADAPTER
    sample_words: int = Field(128, ge=0, description="words per sample; 0: a line is a sample")
    max_samples: int | None = Field(None, ge=2, description="samples used, drawn at random")
    max_tokens: int | None = Field(
        None, ge=8, description="tokens per sample; unset: as long as the base allows"
    )
    mask_rate: float = Field(0.15, gt=0, lt=1, description="share of tokens to predict")
    trains: Literal["adapter", "model"] = Field(
        "adapter",
        description="adapter: a language adapter with new embeddings, the base frozen (the paper); "
        "model: the whole base (of one with a decoder, its encoder), without an adapter (as "
        "AfroXLM-R, arXiv 2204.06487)",
    )
    replay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the samples that are drawn from the sources' text, so that what is "
        "trained for the target still reads them; 0: none (the paper)",
    )
    output_bias: Literal["frequencies", "zero"] = Field(
        "frequencies",
        description="first values of the output bias of a new vocabulary or head: log of the "
        "tokens' frequencies in the text, or zero (the paper)",
    )
    embedding_rate: float = Field(
        1.0, gt=0, description="rate of the embeddings' rows, as a multiple of learning_rate"
    )
    kl_weight: float = Field(1.0, ge=0, description="β of Eq. 9; 0: no KL")
    state: HeldState = Field(
        "encoder",
        description="the tensor h of Eq. 9 and 11: the last encoder state, or the inverse of the "
        "invertible adapter applied to it (the paper's words)",
    )
    max_teacher_unknown: float = Field(
        0.3, ge=0, le=1, description="teacher's share of unknown tokens above which β becomes 0"
    )
    teacher_store: TeacherStore = Field(
        "auto",
        description="on: the teacher's states on disk, 4 bytes x hidden a sample; off: computed at "
        "every step; auto: on where each sample is read more than once",
    )
    train_head: Literal["built", "always"] = Field(
        "built", description="train the masked-LM head only where it had to be built, or always"
    )
    held_out: float = Field(0.01, gt=0, lt=1, description="share of samples kept for validation")
    learning_rate_search: RateSearch = Field(
        "auto",
        description="halving: the rate is chosen of search_rates by held-out loss; none: it is "
        "training.learning_rate, or unset a published one, 5e-4; auto: halving where it is unset",
    )
    search_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        PUBLISHED_RATES, min_length=1, description="AdamW's peak rates to choose of (Table 8)"
    )
    search_share: float = Field(
        0.1, gt=0, le=1, description="steps of the whole search, as a share of training's"
    )
    training: TrainingSettings = TrainingSettings()


CONTINUING = AdaptationSettings(
    trains="model",
    replay=0.5,
    sample_words=64,
    kl_weight=0.0,
    learning_rate_search="none",
    training=TrainingSettings(
        steps=500, batch_size=16, learning_rate=2e-4, schedule="linear", warmup=0.06, clip=1.0
    ),
)
"""The whole of a base on the target's and the sources' text: as chosen for me5 (docs/log.md)."""


@dataclass
class AdaptedLanguage:
    """What a base gains by a language; with the base it makes a model of that language.

    tokenizer, embeddings (target_vocab, hidden; the output rows beside the input rows where the
    base does not tie them): None where the language keeps the base's vocabulary. adapter: the
    language adapter's tensors, NICE included. head: the masked-LM head's tensors where it was
    trained. output_bias (target_vocab,): None where it is the base's, trained with either.
    encoder: changed tensors of the encoder where the whole of it was trained, as
    `unibridge.models.rows.lay_over` takes them; adapter is then empty.
    """

    language: str
    config: AdapterConfig
    adapter: "dict[str, torch.Tensor]"
    tokenizer: Any = None
    embeddings: "torch.Tensor | None" = None
    output_bias: "torch.Tensor | None" = None
    head: "dict[str, torch.Tensor]" = field(default_factory=dict)
    encoder: "dict[str, torch.Tensor]" = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def stack(self) -> tuple[str, ...]:
        """The adapters that make a model read the language: its own, or none."""
        return (self.language,) if self.adapter else ()

    def encoder_tensors(
        self, tensors: "Mapping[str, torch.Tensor]", word_embeddings: str
    ) -> "dict[str, torch.Tensor]":
        """An encoder's tensors by name, those that this language has changed laid over them.

        word_embeddings: the family's name of the input table.
        """
        from unibridge.models.rows import lay_over

        changes = dict(self.encoder)
        if self.embeddings is not None:
            hidden = tensors[f"{word_embeddings}.weight"].shape[1]
            changes[f"{word_embeddings}.weight"] = self.embeddings[:, :hidden]
        return lay_over(tensors, changes)

    def save(self, folder: Path) -> None:
        """Write language.safetensors and language.json, and its tokenizer where it has one."""
        from safetensors.torch import save

        tensors = {f"adapter.{name}": value for name, value in self.adapter.items()}
        tensors |= {f"head.{name}": value for name, value in self.head.items()}
        tensors |= {f"encoder.{name}": value for name, value in self.encoder.items()}
        if self.embeddings is not None:
            tensors["embeddings"] = self.embeddings
        if self.output_bias is not None:
            tensors["output_bias"] = self.output_bias
        content = {name: value.detach().contiguous() for name, value in tensors.items()}
        write_bytes(folder / "language.safetensors", save(content))
        write_json(
            folder / "language.json",
            {"language": self.language, "adapter": self.config.model_dump(mode="json")},
        )
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder / "tokenizer")
        seal(folder)

    @classmethod
    def load(cls, folder: Path) -> "AdaptedLanguage":
        """What `save` wrote."""
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        if not (folder / "language.json").exists():
            raise UnibridgeError("holds no adapted language", where=folder)
        with loading(folder):
            about = read_json(folder / "language.json")
            tensors = load_file(folder / "language.safetensors")
            own = (folder / "tokenizer").exists()
            return cls(
                language=about["language"],
                config=AdapterConfig(**about["adapter"]),
                adapter=_under(tensors, "adapter."),
                tokenizer=AutoTokenizer.from_pretrained(folder / "tokenizer") if own else None,
                embeddings=tensors.get("embeddings"),
                output_bias=tensors.get("output_bias"),
                head=_under(tensors, "head."),
                encoder=_under(tensors, "encoder."),
            )


def _under(tensors: "Mapping[str, torch.Tensor]", prefix: str) -> "dict[str, torch.Tensor]":
    return {n.removeprefix(prefix): value for n, value in tensors.items() if n.startswith(prefix)}


def adapt_language(
    base: "Base",
    lines: Sequence[str],
    settings: AdaptationSettings,
    *,
    language: str,
    tokenizer: Any = None,
    embeddings: "InitResult | None" = None,
    others: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> AdaptedLanguage:
    """Train a language adapter, and new embeddings where there are any; the base is not touched.

    Or the whole of a copy of the base (`settings.trains`), without an adapter.

    L = L_MLM + β · D_KL(π_UniBridge ‖ π_PLM), π = softmax over the hidden dimension of the
    mean-pooled state h (Eq. 9). The teacher is the frozen base, which reads the same text unmasked
    through its own tokenizer: of a sample past the student's token limit, the part that the student
    reads. A language that keeps the base's vocabulary trains without KL.

    lines: plain text. tokenizer, embeddings: the new vocabulary and its initial matrix
    (target_vocab, hidden), or None for both. others: further languages -> their plain text, of
    which `replay` takes its samples, as much of each. checkpoint: file for resuming.
    Raises UnibridgeError when there are too few samples to hold one out.
    """
    import numpy as np
    import torch

    from unibridge.adapters import attach
    from unibridge.embeddings.install import embedding_table, install_embeddings
    from unibridge.models.base import max_tokens, unknown_share
    from unibridge.models.objectives import objective_of
    from unibridge.models.rows import used_rows
    from unibridge.models.states import encoder_states
    from unibridge.transfer.mlm import (
        encode_samples,
        log_frequencies,
        set_output_bias,
        text_read,
        used_ids,
    )

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
    train_samples, held_samples = split_held_out(samples, settings.held_out, seed=seed)
    replayed = _replayed(others or {}, settings, len(train_samples), seed)
    train_samples += replayed

    # 2. The student: a copy of the base with the new vocabulary and the language adapter.
    model = copy.deepcopy(base.model)
    family = base.family
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
    store = encode_samples(reader, train_samples, limit)
    held = encode_samples(reader, held_samples, limit)
    cut = 0
    for i in (store.lengths == limit).nonzero()[0]:
        read = text_read(reader, train_samples[i], limit)
        cut += len(read) < len(train_samples[i])
        train_samples[i] = read
    if cut > 0.05 * len(store):
        warnings.append(
            f"{cut:,} of {len(store):,} samples pass the limit of {limit} tokens and are cut: "
            f"a smaller sample_words (now {settings.sample_words}) loses nothing."
        )
    beta = settings.kl_weight if embeddings is not None else 0.0
    unknown: float | None = None
    if embeddings is not None:
        unknown = unknown_share(base.tokenizer, train_samples)
        if beta and unknown > settings.max_teacher_unknown:
            beta = 0.0
            warnings.append(
                f"The base reads {unknown:.0%} of this text as unknown, so its states say nothing "
                f"about it: the KL term is off (adaptation.max_teacher_unknown = "
                f"{settings.max_teacher_unknown:g})."
            )
    teacher = None
    if beta:
        teacher = teacher_of(
            lambda texts: pooled_states(base.model, family, base.tokenizer, texts),
            train_samples,
            model.config.hidden_size,
            store=settings.teacher_store,
            passes=settings.training.passes(len(train_samples)),
            file=None if checkpoint is None else checkpoint.with_name(f"{checkpoint.stem}-teacher"),
        )
        warnings += teacher.warnings

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
        if train_head:
            found |= {f"head.{name}": parameter for name, parameter in head.items()}
        inputs, outputs = (model.get_submodule(n).weight for n in (table, family.projection))
        if embeddings is not None:
            found["embeddings"] = inputs
        if embeddings is not None and outputs is not inputs:
            found["output_embeddings"] = outputs
        now = family.output_bias(model)
        if new_bias and isinstance(now, torch.nn.Parameter):
            found["output_bias"] = now
        # a table has one name, however many lead to it
        named = {id(parameter): name for name, parameter in found.items()}
        found = {name: found[name] for name in named.values()}
        for parameter in found.values():
            parameter.requires_grad_(True)
        return found

    objective = objective_of(family)

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        ids, mask = store.batch(indices, pad_id)
        whole = objective.corrupt(ids, mask, reader, rate=settings.mask_rate, generator=generator)
        part = whole.part(rows)
        mask = part.mask
        hidden = encoder_states(model, family, part.ids, mask)
        lm = objective.loss(model, family, hidden, part) * (part.count / max(whole.count, 1))
        if teacher is None:
            return lm, {objective.name: lm.detach()}, int(mask.sum())
        state = attach.invert(model, hidden) if settings.state == "inverse" else hidden
        wanted = teacher.states(indices[rows]).to(state.device)
        kl = state_divergence(mean_pool(state, mask), wanted) * (len(wanted) / len(indices))
        return lm + beta * kl, {objective.name: lm.detach(), "kl": kl.detach()}, int(mask.sum())

    def validate() -> float:
        """LM loss of the held-out samples, always under the same masks (nats per token)."""
        generator = torch.Generator().manual_seed(0)
        model.eval()
        total = weight = 0.0
        with torch.inference_mode():
            for start in range(0, len(held), settings.training.batch_size):
                part = range(start, min(start + settings.training.batch_size, len(held)))
                ids, mask = held.batch(part, pad_id)
                batch = objective.corrupt(
                    ids, mask, reader, rate=settings.mask_rate, generator=generator
                )
                hidden = encoder_states(model, family, batch.ids, batch.mask)
                total += batch.count * float(objective.loss(model, family, hidden, batch))
                weight += batch.count
        model.train()
        return total / max(weight, 1)

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
    rows = used_ids(np.concatenate([store.ids, held.ids]), reader, settings.training)
    training, choice = settings.training, RateChoice(settings.training.peak_rate)
    searched: dict[float, int] = {}
    unset = training.learning_rate is None
    with used_rows(model, family, rows, output=True):
        trained = trainable()
        model.train()
        warnings += prepare(model, model.get_submodule(family.encoder), settings.training)
        with precision(settings.training, model.device, width):
            before = validate()
        if settings.learning_rate_search == "halving" or (
            unset and settings.learning_rate_search == "auto"
        ):
            start = {name: _kept(parameter) for name, parameter in trained.items()}
            steps = training.steps or training.epochs * len(batches(0))
            with tempfile.TemporaryDirectory() as temporary:
                # one place for all processes
                place = checkpoint or Path(processes().told(temporary)) / "checkpoint.pt"

                def try_rate(rate: float, steps: int) -> float:
                    _restore(trained, start)
                    trial = training.model_copy(
                        update={
                            "learning_rate": rate,
                            "steps": steps,
                            "schedule": "constant",
                            "warmup": 0.0,
                            "patience": 0,
                        }
                    )
                    try:
                        file = place.with_name(f"{place.stem}-rate-{rate:g}.pt")
                        found = run(trial, file, save_end=True)
                    except DivergedError:
                        return math.inf
                    searched[rate] = found.tokens
                    # in a resumed search it may have gone further already
                    return next(r["valid_loss"] for r in found.curve if r["step"] == steps)

                choice = halve(
                    settings.search_rates, try_rate, budget=round(settings.search_share * steps)
                )
            _restore(trained, start)
            training = training.model_copy(update={"learning_rate": choice.rate})
        result = run(training, checkpoint)
    return AdaptedLanguage(
        language=language,
        config=settings.adapter,
        adapter={} if whole else attach.adapter_state(model, language),
        encoder=_changes(model, family, rows, own_table=embeddings is None) if whole else {},
        tokenizer=tokenizer,
        embeddings=None if embeddings is None else embedding_table(model),
        output_bias=None if bias is None or not new_bias else _kept(bias.flatten()),
        head={n: _kept(p) for n, p in head.items()} if train_head else {},
        facts={
            "language": language,
            "loss_before": before,
            "curve": result.curve,
            "steps": result.steps,
            "epochs": result.curve[-1]["epoch"],
            "tokens_seen": result.tokens,
            "search_steps": choice.steps,
            "search_tokens": sum(searched.values()),
            "stopped_early": result.stopped,
            "learning_rate": choice.rate,
            "rate_search": asdict(choice) if choice.trials else None,
            "samples": len(train_samples),
            "replayed_samples": len(replayed),
            "vocabulary_rows": len(rows),
            "trains": settings.trains,
            "cut_samples": cut,
            "kl_weight": beta,
            "teacher_unknown_rate": unknown,
            "teacher_store_bytes": teacher.stored_bytes if teacher else 0,
        },
        warnings=warnings,
    )


def _replayed(
    others: Mapping[str, Sequence[str]], settings: AdaptationSettings, own: int, seed: int
) -> list[str]:
    """Samples of the other languages' text, as many of each, so that they are `replay` of all."""
    import torch

    texts = [join_samples(others[name], settings.sample_words) for name in sorted(others)]
    texts = [samples for samples in texts if samples]
    if not texts or not settings.replay:
        return []
    each = math.ceil(own * settings.replay / (1 - settings.replay) / len(texts))
    generator = torch.Generator().manual_seed(seed)
    return [
        samples[i]
        for samples in texts
        for i in torch.randint(len(samples), (each,), generator=generator).tolist()
    ]


def _changes(
    model: "PreTrainedModel", family: "ModelFamily", rows: "torch.Tensor", *, own_table: bool
) -> "dict[str, torch.Tensor]":
    """What training has changed of the encoder; of the base's own table, only the rows it read."""
    table = f"{family.word_embeddings}.weight"
    from unibridge.models.rows import changed

    found: dict[str, torch.Tensor] = {}
    for name, parameter in model.get_submodule(family.encoder).named_parameters():
        if name != table:
            found[name] = _kept(parameter)
        elif own_table:
            found |= changed(name, parameter, rows)
    return found


def _restore(
    parameters: "Mapping[str, torch.nn.Parameter]", values: "Mapping[str, torch.Tensor]"
) -> None:
    """Put values back into parameters of the same names."""
    import torch

    with torch.no_grad():
        for name, value in values.items():
            parameters[name].copy_(value)


def _kept(tensor: "torch.Tensor") -> "torch.Tensor":
    """A copy that holds on to neither the model nor its device."""
    return tensor.detach().to("cpu", copy=True)


def state_divergence(student: "torch.Tensor", teacher: "torch.Tensor") -> "torch.Tensor":
    """D_KL(softmax(student) ‖ softmax(teacher)) over the hidden dimension, batch mean (Eq. 9).

    Both (batch, hidden). Nats; ≥ 0, and 0 only where the two distributions are equal.
    """
    log_p = student.log_softmax(-1)
    log_q = teacher.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def mean_pool(states: "torch.Tensor", attention_mask: "torch.Tensor") -> "torch.Tensor":
    """Mean over a sample's tokens: (batch, length, hidden), (batch, length) -> (batch, hidden)."""
    states = states.float()
    weights = attention_mask.unsqueeze(-1).to(states)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def pooled_states(
    model: "PreTrainedModel",
    family: "ModelFamily",
    tokenizer: Any,
    samples: Sequence[str],
    *,
    state: HeldState = "encoder",
    batch_size: int = 32,
) -> "torch.Tensor":
    """Mean-pooled state h of each sample, (samples, hidden), unmasked and without dropout.

    A sample past the model's length limit is read in windows, all tokens pooled together.
    """
    import torch

    from unibridge.adapters import attach
    from unibridge.models.states import encoder_states, frame
    from unibridge.transfer.mlm import TokenStore

    before, after = frame(tokenizer)
    window = family.max_positions(model.config) - len(before) - len(after)
    pieces: list[list[int]] = []
    owner: list[int] = []
    for start in range(0, len(samples), 1024):
        encoded = tokenizer(
            list(samples[start : start + 1024]), add_special_tokens=False, verbose=False
        )["input_ids"]
        for i, ids in enumerate(encoded, start):
            for cut in range(0, max(len(ids), 1), window):
                piece = [*before, *ids[cut : cut + window], *after]
                # a text of nothing, framed by nothing, is still one token
                pieces.append(piece or [tokenizer.eos_token_id])
                owner.append(i)
    store = TokenStore.of(pieces)
    sums = torch.zeros(len(samples), model.config.hidden_size)
    counts = torch.zeros(len(samples), 1)
    training = model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(store), batch_size):
            part = range(start, min(start + batch_size, len(store)))
            ids, mask = store.batch(part, tokenizer.pad_token_id)
            hidden = encoder_states(model, family, ids, mask)
            if state == "inverse":
                hidden = attach.invert(model, hidden)
            hidden = hidden.cpu()
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            rows = torch.tensor([owner[i] for i in part])
            sums.index_add_(0, rows, (hidden * weights).sum(1))
            counts.index_add_(0, rows, weights.sum(1))
    model.train(training)
    return (sums / counts.clamp(min=1)).clone()


def language_model(base: "Base", adapted: "AdaptedLanguage | None") -> "PreTrainedModel":
    """A copy of the base that reads the language: its embeddings installed, its adapter active."""
    import torch

    from unibridge.adapters import attach
    from unibridge.embeddings.base import InitResult
    from unibridge.embeddings.install import install_embeddings
    from unibridge.models.rows import lay_over

    model = copy.deepcopy(base.model)
    if adapted is None:
        return model
    if adapted.embeddings is not None:
        copied = torch.full((len(adapted.embeddings),), -1)
        trained = InitResult(adapted.embeddings, (), copied, {}, [])
        install_embeddings(model, trained, adapted.tokenizer)
    with torch.no_grad():
        bias = base.family.output_bias(model)
        if adapted.output_bias is not None and bias is not None:
            bias.copy_(adapted.output_bias.view_as(bias))
        head = dict(base.family.lm_head(model).named_parameters())
        for name, value in adapted.head.items():
            head[name].copy_(value)
        if adapted.encoder:
            encoder = model.get_submodule(base.family.encoder)
            own = encoder.state_dict()
            for name, value in lay_over(own, adapted.encoder).items():
                own[name].copy_(value)
    if not adapted.adapter:
        return model
    attach.add_adapter(model, base.family, adapted.language, adapted.config, seed=0)
    attach.load_adapter_state(model, adapted.language, adapted.adapter)
    attach.activate(model, adapted.language)
    return model
