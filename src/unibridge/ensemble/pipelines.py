"""`transformers`' pipelines for taggers and for classes of texts, reading packs as `predict` does.

A tagger speaks at the first subword of a word between spaces. The pipeline of `transformers` knows
no such words for most tokenizers, cuts raw text otherwise than words, and lets untrained subwords
vote. So a pack is asked for its words as `predict` asks it, in the same windows where they are
longer than the model, and one entity a word is aggregated by any strategy; `stride` has nothing
left to do. Models that are no packs are read as before.

Of a text the pipeline reads what `predict` reads, its beginning, and warns of how many were cut.
"""

import re
import warnings
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import Any

from transformers import pipelines
from transformers.pipelines.text_classification import TextClassificationPipeline
from transformers.pipelines.token_classification import (
    AggregationStrategy,
    TokenClassificationPipeline,
)

from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.tasks.cuts import Cuts


class WordPipeline(TokenClassificationPipeline):
    """Entities of whole words: those between spaces, or those that are given one by one."""

    def preprocess(  # type: ignore[override]  # windows come one by one, as the parent's do
        self, sentence: Any, *given: Any, **named: Any
    ) -> Iterator[dict]:
        """Of a pack the words of a sentence and where they stand; else what the model reads."""
        if not self._is_tagger():
            yield from super().preprocess(sentence, *given, **named)
        elif isinstance(sentence, str):
            words = list(re.finditer(r"\S+", sentence))
            spans = [word.span() for word in words]
            yield _read(sentence, [word.group() for word in words], spans)
        elif isinstance(sentence, list) and named.get("is_split_into_words"):
            between = named.get("delimiter", " ")
            starts = accumulate((len(word) + len(between) for word in sentence), initial=0)
            spans = [(start, start + len(word)) for start, word in zip(starts, sentence)]  # noqa: B905
            yield _read(between.join(sentence), sentence, spans)
        else:
            raise UnibridgeError(
                f"{type(sentence).__name__} is no sentence for this pipeline",
                do="give a string, or a list of words with is_split_into_words=True",
            )

    def _is_tagger(self) -> bool:
        return isinstance(self.model, MultiSourceModel) and len(self.model.task.outputs) == 1

    def _forward(self, model_inputs: Any) -> Any:  # type: ignore[override]
        """The logits of all words, however long a sentence is; of other models those of tokens."""
        if not self._is_tagger():
            return super()._forward(model_inputs)
        model: Any = self.model
        if model.tokenizer is None:  # loaded by transformers' classes, which load no tokenizer
            model.tokenizer = self.tokenizer
        words = model_inputs["words"]
        # a batch has a list of everything
        batched = isinstance(model_inputs["sentence"], list)
        rows = [own for own in (words if batched else [words]) if own]
        decided = iter(model.decided(rows, batch_size=max(1, len(rows))) if rows else ())
        found = [next(decided) if own else None for own in (words if batched else [words])]
        return model_inputs | {"decided": found if batched else found[0]}

    def postprocess(  # type: ignore[override]
        self,
        all_outputs: Any,
        aggregation_strategy: AggregationStrategy = AggregationStrategy.NONE,
        ignore_labels: Collection[str] | None = None,
    ) -> Any:
        """Entities of words by their logits, whatever the strategy; `word` is the text itself."""
        if not self._is_tagger():
            return super().postprocess(all_outputs, aggregation_strategy, ignore_labels)
        (said,) = all_outputs
        if said["decided"] is None:
            return []
        ignored = {"O"} if ignore_labels is None else {*ignore_labels}
        sentence, logits = said["sentence"], said["decided"].flatten(0, -2)
        words = [
            {
                "word": sentence[start:end],
                "scores": scores,
                "start": start,
                "end": end,
                "index": number,
                "is_subword": False,
            }
            for number, ((start, end), scores) in enumerate(
                zip(said["spans"], logits.float().softmax(-1).numpy(), strict=True), start=1
            )
        ]
        entities = [
            entity
            for entity in self.aggregate(words, aggregation_strategy)
            if entity.get("entity", entity.get("entity_group")) not in ignored
        ]
        for entity in entities:
            entity["word"] = sentence[entity["start"] : entity["end"]]
        return entities


def _read(sentence: str, words: list[str], spans: list[tuple[int, int]]) -> dict[str, Any]:
    return {"sentence": sentence, "words": words, "spans": spans, "is_last": True}


class TextPipeline(TextClassificationPipeline):
    """Classes of whole texts, or of pairs of them as `{"text": ..., "text_pair": ...}`."""

    _cuts: Cuts | None = None

    def __call__(self, inputs: Any, **named: Any) -> Any:  # type: ignore[override]
        """As the parent's, with a counted warning of texts that were cut."""
        if not isinstance(self.model, MultiSourceModel):
            return super().__call__(inputs, **named)
        limit = named.get("max_length") or self.model.config.max_tokens
        self._cuts = cuts = Cuts(self.model.task, limit)
        found = super().__call__(inputs, **named)
        if isinstance(found, list | dict):
            cuts.tell(warnings.warn)
            return found

        def telling() -> Iterator[Any]:
            yield from found
            cuts.tell(warnings.warn)

        return telling()

    def preprocess(self, inputs: Any, **given: Any) -> Any:  # type: ignore[override]
        """What the model reads: of a pack by its task, at most `max_length` tokens where given."""
        model: Any = self.model
        tokenizer: Any = self.tokenizer
        if not isinstance(model, MultiSourceModel):
            return super().preprocess(inputs, **given)
        if isinstance(inputs, dict):
            texts = [inputs[key] for key in ("text", "text_pair") if inputs.get(key) is not None]
            inputs = texts if len(texts) > 1 else texts[0]
        elif isinstance(inputs, list) and len(inputs) == 1:
            (inputs,) = inputs  # an older way to give a pair: [[text, text_pair]]
        example = model.task.as_example(inputs)
        limit = given.get("max_length") or model.config.max_tokens
        encoded = model.task.encode(tokenizer, [example], model.config.labels, limit)
        if self._cuts is not None:
            self._cuts.add(encoded)
        return model.task.collate(encoded, tokenizer.pad_token_id)


known: dict[str, Any] = pipelines.SUPPORTED_TASKS
known["token-classification"]["impl"] = WordPipeline
known["text-classification"]["impl"] = TextPipeline
