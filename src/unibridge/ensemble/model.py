"""Multi-source inference (paper §2.4): one target language, a task adapter per source, weights.

`MultiSourceModel` is an ordinary `transformers` model, so that what a run leaves behind saves,
loads and runs in pipelines like any other. Every method of the results table predicts through it:
a baseline is one with a single "source", or with no adapters at all.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from torch import nn
from transformers import AutoConfig, PreTrainedModel
from transformers.utils import ModelOutput

from unibridge.adapters import attach
from unibridge.adapters.settings import AdapterConfig
from unibridge.ensemble.pack_config import UniBridgeConfig
from unibridge.errors import UnibridgeError
from unibridge.models.families import family_of
from unibridge.models.states import layer_states
from unibridge.seal import loading, seal
from unibridge.tasks import task_of
from unibridge.tasks.cuts import Cuts
from unibridge.tasks.encoded import Encoded, by_example
from unibridge.tasks.heads import build_head
from unibridge.tasks.shapes import HeadSettings, HeadShape
from unibridge.text.examples import AS_IT_IS, ReadAs
from unibridge.text.stream import label_file
from unibridge.transfer.adapted import AdaptedLanguage
from unibridge.transfer.trained import TrainedTask
from unibridge.weighting.base import SourcePredictions, side_by_side
from unibridge.weighting.unlabelled import sentence_weights

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


def head_name(source: str) -> str:
    """The key of a source's head in `MultiSourceModel.heads`."""
    # prefixed, since nn.ModuleDict has attributes of its own named like languages ("to": Tongan)
    return f"head_{source}"


class MultiSourceModel(PreTrainedModel):
    """ŷ = Σ_s w_s ŷ_s over the logits of every source's task adapter (Eq. 13).

    All of them stand on the target's embeddings and language adapter. The weights are the
    configuration's, or each sentence's own where it has a `sentence_temperature`. `tokenizer` is
    set by `assemble` and `load`, and saved along.
    """

    config_class = UniBridgeConfig
    config: UniBridgeConfig
    base_model_prefix = "encoder"
    tokenizer: Any = None

    def __init__(self, config: UniBridgeConfig, *, seed: int = 0) -> None:
        """seed: of the task adapters and heads, for whoever trains them here."""
        super().__init__(config)
        base = AutoConfig.for_model(**config.base)
        family = family_of(base)
        self.task = task_of(config.task)
        self.encoder = family.new_encoder(base)
        self.language_stack: tuple[str, ...] = ()
        self.task_adapters: list[str] = []
        if config.language_adapter is not None:
            adapter = AdapterConfig(**config.language_adapter)
            attach.add_adapter(self.encoder, family, config.language, adapter, seed=0)
            self.language_stack = (config.language,)
        self.heads = nn.ModuleDict()
        for source in config.sources:
            name = self.adapter_name(source)
            if config.task_adapter is not None:
                adapter = AdapterConfig(**config.task_adapter)
                attach.add_adapter(self.encoder, family, name, adapter, seed=seed)
                self.task_adapters.append(name)
            self.heads[head_name(source)] = self.new_head(seed=seed)
        self.activate()
        self.post_init()

    def new_head(self, *, seed: int) -> nn.Module:
        """A head as those of the sources, with drawn weights."""
        base = self.encoder.config
        shape = HeadShape(
            base.hidden_size,
            len(self.config.labels),
            family_of(base).dropout(base),
            base.num_hidden_layers,
            HeadSettings(**self.config.head),
        )
        return build_head(self.task, shape, seed=seed)

    def activate(self) -> None:
        """Put the adapters to work: the language's stack, the sources' side by side on top.

        Done where adapters are added, not when text is read: threads may share a model.
        """
        attach.activate(self.encoder, *self.language_stack, parallel=self.task_adapters)

    def _init_weights(self, module: nn.Module) -> None:
        """Everything is loaded or assembled; nothing is left to initialise."""

    def adapter_name(self, source: str) -> str:
        """The name of a source's task adapter."""
        return f"{self.task.name}-{source}"

    def get_input_embeddings(self) -> nn.Module:
        return self.encoder.get_input_embeddings()

    def source_outputs(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        **rest: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """What every source's head says, by output: (sources, batch, ...).

        rest: the head's own inputs, see `Task.head_inputs`. What lies below the first task adapter
        is the same for all sources and computed once.
        """
        inputs: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        if missing := [name for name in self.task.head_inputs if name not in rest]:
            raise UnibridgeError(
                f"the task {self.task.name} also reads {', '.join(missing)}",
                do="call predict, or make the inputs by its task's encode and collate",
            )
        own = {name: rest[name] for name in self.task.head_inputs}
        heads = [self.heads[head_name(source)] for source in self.config.sources]
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask

        def part_of(states: torch.Tensor, number: int) -> torch.Tensor:
            return states.chunk(len(heads))[number] if self.task_adapters else states

        if heads[0].reads_layers:
            layers = layer_states(self.encoder, **inputs)
            said = [
                head(tuple(part_of(layer, i) for layer in layers), mask, **own)
                for i, head in enumerate(heads)
            ]
        else:
            states = self.encoder(**inputs).last_hidden_state
            said = [head(part_of(states, i), mask, **own) for i, head in enumerate(heads)]
        return {name: torch.stack([one[name] for one in said]) for name in self.task.outputs}

    def outputs(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The ensemble's predictions as logits, by output: (batch, ...)."""
        said = self.source_outputs(**inputs)
        weights = next(iter(said.values())).new_tensor(self.config.weights)[:, None]
        if self.config.sentence_temperature is not None:
            entropies = self.task.entropies(said, inputs.get("attention_mask"))
            weights = sentence_weights(entropies, self.config.sentence_temperature)
        return self.task.combine(said, weights)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        **rest: Any,
    ) -> ModelOutput:
        """`outputs`, under the names that `transformers`' pipelines know: see `Output.called`."""
        if input_ids is None:
            raise UnibridgeError("MultiSourceModel reads token ids", do="pass input_ids")
        inputs = {"input_ids": input_ids} | {n: rest[n] for n in self.task.head_inputs if n in rest}
        for name, value in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
            if value is not None:
                inputs[name] = value
        said = self.outputs(**inputs)
        return ModelOutput({self.task.outputs[name].called: said[name] for name in said})

    def predict(
        self,
        examples: Sequence[Any],
        *,
        batch_size: int = 32,
        progress: Callable[[int, int], None] = lambda done, total: None,
        warn: Callable[[str], None] = lambda text: None,
        cuts: Cuts | None = None,
    ) -> list[Any]:
        """Tags of each sentence's words, or the label of each text.

        examples: strings (for taggers, words between spaces), lists of words, pairs of strings,
        or the label readers' examples. batch_size: sentences at once, each counted once per source.
        warn: is told how many texts were cut, unless `cuts` counts them over several calls.
        """
        counted = Cuts(self.task, self.config.max_tokens)
        rows, encoded = self._read(examples, cuts or counted)
        counted.tell(warn)
        waiting = Counter(one.example for one in encoded)
        decided: dict[int, Any] = {}
        places: dict[int, list[int]] = {}
        predictions: list[Any] = [None] * len(rows)
        done = 0
        for part in self._batches(encoded, batch_size):
            batch = [encoded[i] for i in part]
            with torch.inference_mode():
                said = {n: t.cpu() for n, t in self.outputs(**self.inputs_of(batch)).items()}
            decided |= zip(part, self.task.reading(said, batch), strict=True)
            for i in part:
                places.setdefault(encoded[i].example, []).append(i)
            # an example is decoded once all of its windows were read
            whole = [example for example in places if len(places[example]) == waiting[example]]
            own = [i for example in whole for i in sorted(places.pop(example))]
            decoded = self.task.decode(
                [decided.pop(i) for i in own], [encoded[i] for i in own], self.config.labels
            )
            for example, prediction in zip(whole, decoded, strict=True):
                predictions[example] = prediction
            done += len(whole)
            progress(done, len(rows))
        return predictions

    def decided(self, examples: Sequence[Any], *, batch_size: int = 32) -> list[torch.Tensor]:
        """Of each example the logits of its decisions, (decisions, classes), windows joined."""
        _, encoded = self._read(examples, Cuts(self.task, self.config.max_tokens))
        parts: list[Any] = [None] * len(encoded)
        for part in self._batches(encoded, batch_size):
            batch = [encoded[i] for i in part]
            with torch.inference_mode():
                said = {n: t.cpu() for n, t in self.outputs(**self.inputs_of(batch)).items()}
            for i, logits in zip(part, self.task.decisions(said, batch), strict=True):
                parts[i] = logits.clone()
        return [torch.cat(parts[windows]) for windows in by_example(encoded)]

    def _read(self, examples: Sequence[Any], cuts: Cuts) -> tuple[list[Any], list[Encoded]]:
        """Examples as the task has them, and encoded; the model is set to evaluation."""
        if self.tokenizer is None:
            raise UnibridgeError(
                "this model has no tokenizer", do="load it by unibridge.load(folder)"
            )
        self.eval()
        rows = [self.task.as_example(example) for example in examples]
        encoded = self.task.encode(self.tokenizer, rows, self.config.labels, self.config.max_tokens)
        cuts.add(encoded)
        return rows, encoded

    def inputs_of(self, batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        """A batch as tensors on the model's device."""
        inputs = self.task.collate(batch, self.tokenizer.pad_token_id)
        return {name: value.to(self.device) for name, value in inputs.items()}

    def predict_file(
        self,
        source: str | Path,
        target: str | Path,
        *,
        batch_size: int = 32,
        read_as: ReadAs = AS_IT_IS,
        progress: Callable[[int, int], None] = lambda done, total: None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> int:
        """Label a file of any size in its own format, a block of lines at a time; returns the
        number of examples. The target appears only once it is whole (`unibridge.text.stream`).
        """
        cuts = Cuts(self.task, self.config.max_tokens)
        examples = label_file(
            source,
            target,
            lambda part, told: self.predict(part, batch_size=batch_size, progress=told, cuts=cuts),
            read_as=read_as,
            expect=self.task.reads,
            progress=progress,
            warn=warn,
        )
        cuts.tell(warn)
        return examples

    def predict_sources(
        self,
        examples: Sequence[Any],
        *,
        batch_size: int = 32,
        warn: Callable[[str], None] = lambda text: None,
    ) -> SourcePredictions:
        """What every source says at each decision, such as a word or a text, unweighted.

        examples, warn: as for `predict`; labels that examples carry become `gold`.
        """
        rows, encoded = self._read(examples, cuts := Cuts(self.task, self.config.max_tokens))
        cuts.tell(warn)
        count = len(self.config.sources)
        # one without decisions, so that there is something to join where there are no examples
        none = torch.empty(count, 0, max(1, len(self.config.labels)))
        logs: list[torch.Tensor] = [none] * len(encoded)
        entropies, windows = torch.zeros(count, len(rows)), torch.zeros(len(rows))
        for part in self._batches(encoded, batch_size):
            batch = [encoded[i] for i in part]
            inputs = self.inputs_of(batch)
            with torch.inference_mode():
                said = {name: value.cpu() for name, value in self.source_outputs(**inputs).items()}
            owners = torch.tensor([one.example for one in batch])
            found = self.task.entropies(said, inputs["attention_mask"].cpu())
            entropies.index_add_(1, owners, found.float())
            windows.index_add_(0, owners, torch.ones(len(batch)))
            decided = [
                self.task.decisions({name: value[s] for name, value in said.items()}, batch)
                for s in range(count)
            ]
            for i, *sources in zip(part, *decided, strict=True):
                logs[i] = torch.stack(sources).float().log_softmax(-1)
        gold = [self.task.gold_decisions(one) for one in encoded]
        owner_of = [one.example for one, labels in zip(encoded, gold, strict=True) for _ in labels]
        return SourcePredictions(
            sources=tuple(self.config.sources),
            log_probabilities=side_by_side([none, *logs], dim=1).clone(),
            entropies=entropies / windows.clamp(min=1),
            examples=torch.tensor(owner_of),
            gold=torch.tensor([label for labels in gold for label in labels]),
        )

    def _batches(self, encoded: Sequence[Encoded], batch_size: int) -> Iterator[list[int]]:
        """Indices into `encoded`, those of like length together.

        The layers above the first task adapter see every sentence once per source; on a processor
        five times the rows take more than five times the time, since they leave the cache.
        """
        rows = max(1, batch_size // max(1, len(self.task_adapters)))
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].input_ids))
        for start in range(0, len(order), rows):
            yield order[start : start + rows]

    def save_pretrained(self, save_directory: Any, *args: Any, **rest: Any) -> None:  # type: ignore[override]
        """The model, with its tokenizer beside it."""
        super().save_pretrained(save_directory, *args, **rest)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(save_directory)
        seal(Path(save_directory))

    @classmethod
    def load(cls, folder: str | Path) -> "MultiSourceModel":
        """A saved model with its tokenizer. Only safetensors are read, and no code of the folder.

        Raises UnibridgeError for a folder that is not what was saved.
        """
        path = Path(folder)
        # not above: this module may be imported from within AutoTokenizer's own (see _auto.py)
        from transformers import AutoTokenizer

        if not (path / "model.safetensors").is_file():
            raise UnibridgeError("there is no model.safetensors", where=path, do="copy it again")
        with loading(path):
            found: Any = cls.from_pretrained(
                folder, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
            model, about = found
            model.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        for what in ("missing", "unexpected", "mismatched"):
            if names := sorted(map(str, about[f"{what}_keys"])):
                raise UnibridgeError(
                    f"{len(names)} {what} tensors, such as {names[0]}",
                    where=path / "model.safetensors",
                    do="copy the folder again",
                )
        return model.eval()

    @classmethod
    def assemble(
        cls,
        base: "Base",
        language: AdaptedLanguage | None,
        tasks: Mapping[str, TrainedTask],
        weights: Mapping[str, float],
        *,
        max_tokens: int = 128,
        sentence_temperature: float | None = None,
    ) -> "MultiSourceModel":
        """Put a target language and trained tasks together; the parts are copied.

        language: the target's, or None to read it as the base does. tasks: source -> trained task.
        weights: source -> weight; only these sources are used, scaled to sum to one.
        sentence_temperature: gives every sentence weights of its own instead (`per_sentence`).
        """
        from unibridge.ensemble.assembling import config_of, fill

        share = {name: weights.get(name, 0.0) for name in sorted(tasks)}
        config = config_of(
            base,
            language,
            tasks,
            {name: value for name, value in share.items() if value > 0},
            max_tokens=max_tokens,
            sentence_temperature=sentence_temperature,
        )
        model = cls(config)
        fill(model, base, language, tasks)
        own = language is not None and language.tokenizer is not None
        model.tokenizer = language.tokenizer if own and language is not None else base.tokenizer
        return model.eval().to(base.model.device)


for kind in ("", "ForTokenClassification", "ForSequenceClassification", "ForQuestionAnswering"):
    auto = getattr(transformers, f"AutoModel{kind}")
    auto.register(UniBridgeConfig, MultiSourceModel, exist_ok=True)
