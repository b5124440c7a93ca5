"""`transformers`' pipelines for taggers and for classes of texts, reading packs as `predict` does.

A tagger speaks at the first subword of a word between spaces. The pipeline knows no such words for
most tokenizers, and lets untrained subwords vote. So it is given one entity a word, whatever the
aggregation strategy; models that are no packs are read as before. Input longer than the model is
read in the windows of `predict` (or, with the pipeline's `stride`, in windows of its own).

Of a text the pipeline reads what `predict` reads, its beginning, and warns of how many were cut.
"""

import re
import warnings
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

from transformers import pipelines
from transformers.pipelines.text_classification import TextClassificationPipeline
from transformers.pipelines.token_classification import (
    AggregationStrategy,
    TokenClassificationPipeline,
)

from unibridge.ensemble.model import MultiSourceModel
from unibridge.tasks.cuts import Cuts


class WordPipeline(TokenClassificationPipeline):
    """Entities of whole words between spaces."""

    def preprocess(  # type: ignore[override]  # windows come one by one, as the parent's do
        self, sentence: Any, *given: Any, **named: Any
    ) -> Iterator[dict]:
        """What the model reads, and whether that is the whole sentence."""
        for inputs in super().preprocess(sentence, *given, **named):
            yield inputs | {"cut": inputs["is_last"] and self._was_cut(inputs)}

    def _was_cut(self, inputs: Any) -> bool:
        text, offsets = inputs["sentence"], inputs.get("offset_mapping")
        if not isinstance(self.model, MultiSourceModel) or text is None or offsets is None:
            return False
        # what `predict` reads in windows may still fit into the model
        longer = inputs["input_ids"].shape[-1] > self.model.config.max_tokens
        cut = longer or int(offsets.max()) < len(text.rstrip())
        return cut and len(self.model.task.outputs) == 1

    def _forward(self, model_inputs: Any) -> Any:  # type: ignore[override]
        """The model's logits; of a sentence that was cut, those of all its words."""
        cut, texts = model_inputs.pop("cut"), model_inputs["sentence"]
        said = super()._forward(model_inputs)
        batched = isinstance(cut, list)
        model: Any = self.model
        found = [
            model.decided([text.split()])[0] if flag else None
            for flag, text in zip(*((cut, texts) if batched else ([cut], [texts])), strict=True)
        ]
        return said | {"decided": found if batched else found[0]}

    def gather_pre_entities(self, sentence: str, *given: Any, **named: Any) -> list[dict]:
        """What is aggregated: of each word its first subword's scores, and where it stands."""
        found = super().gather_pre_entities(sentence, *given, **named)
        if not isinstance(self.model, MultiSourceModel) or any(e["start"] is None for e in found):
            return found
        spans = [match.span() for match in re.finditer(r"\S+", sentence)]

        def word_of(entity: dict) -> int:
            """A bare mark of a word's beginning belongs to what follows it."""
            rest = sentence[entity["start"] :]
            place = entity["start"] + len(rest) - len(rest.lstrip())
            return next((i for i, (_, end) in enumerate(spans) if place < end), len(spans))

        words = []
        for number, pieces in groupby(found, key=word_of):
            if number < len(spans):
                start, end = spans[number]
                own = {"word": sentence[start:end], "start": start, "end": end, "is_subword": False}
                words.append(next(pieces) | own)
        return words

    def postprocess(self, all_outputs: Any, *given: Any, **named: Any) -> Any:  # type: ignore[override]
        """An entity's `word` is the text as it stands."""
        whole = all_outputs[0].get("decided")
        if whole is not None:
            return self._of_words(all_outputs[0]["sentence"], whole, *given, **named)
        entities = super().postprocess(all_outputs, *given, **named)
        if isinstance(self.model, MultiSourceModel):
            for entity in entities:
                if entity["start"] is not None:
                    entity["word"] = all_outputs[0]["sentence"][entity["start"] : entity["end"]]
        return entities

    def _of_words(
        self,
        sentence: str,
        logits: Any,
        aggregation_strategy: AggregationStrategy = AggregationStrategy.NONE,
        ignore_labels: Collection[str] | None = None,
    ) -> list[dict]:
        """Entities from logits of every word, (words, labels), or with a batch's axis before."""
        ignored = {"O"} if ignore_labels is None else {*ignore_labels}
        spans = (match.span() for match in re.finditer(r"\S+", sentence))
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
                zip(spans, logits.flatten(0, -2).float().softmax(-1).numpy(), strict=True), start=1
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
