"""`transformers`' pipeline for taggers, reading packs word by word as `predict` does.

A tagger speaks at the first subword of a word between spaces. The pipeline knows no such words for
most tokenizers, and lets untrained subwords vote. So it is given one entity a word, whatever the
aggregation strategy; models that are no packs are read as before. Of input longer than the model
the pipeline reads the beginning (or, with its `stride`, windows of its own); `predict` reads all.
"""

import re
from itertools import groupby
from typing import Any

from transformers import pipelines
from transformers.pipelines.token_classification import TokenClassificationPipeline

from unibridge.ensemble.model import MultiSourceModel


class WordPipeline(TokenClassificationPipeline):
    """Entities of whole words between spaces."""

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
        entities = super().postprocess(all_outputs, *given, **named)
        if isinstance(self.model, MultiSourceModel):
            for entity in entities:
                if entity["start"] is not None:
                    entity["word"] = all_outputs[0]["sentence"][entity["start"] : entity["end"]]
        return entities


known: dict[str, Any] = pipelines.SUPPORTED_TASKS
known["token-classification"]["impl"] = WordPipeline
