"""Translations found by states of texts, without any training, as XTREME's scripts find them.

Hu et al. 2020 (arXiv 2003.11080) and its repository (`third_party/evaluate_retrieval.py`,
`utils_retrieve.py`): a text is the mean of its tokens' states in a middle layer, texts are compared
by cosine. "nearest": of each English text the nearest of the other language (Tatoeba). "mined":
pairs by the ratio margin of Artetxe and Schwenk (arXiv 1811.01136, §3), each text in one at most,
above a threshold that is chosen on dev (BUCC).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, Labels, Metric
from unibridge.registry import Registry
from unibridge.settings import ChosenFrom, Settings
from unibridge.tasks.cuts import cut_note
from unibridge.text.benchmarks.record import Sides

if TYPE_CHECKING:
    import numpy as np
    import torch

    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.models.base import BaseModel as Base

BATCH = 32
NEIGHBOURS = 4
"""Nearest texts that a margin is taken over, on either side."""
PUBLISHED_LAYERS = {12: 8, 24: 14}
"""Layers of an encoder -> the one that is read, counted from 1, in XTREME's scripts."""


class RetrievalSettings(Settings):
    """What speaks for a text, as published."""

    layer: int | Literal["published", "last"] = Field(
        "published",
        description="states of which layer, from 1, or 0 for the embeddings; published: the 8th of "
        "12, the 14th of 24, of other encoders the one nearest to two thirds; last",
    )
    pooling: Annotated[str, ChosenFrom("unibridge.models.states:TEXT_STATES")] = Field(
        "mean", description="which state speaks for a text: first, last, mean, summed"
    )
    max_tokens: int = Field(512, ge=8, description="tokens per text; longer ones are cut")

    def layer_of(self, layers: int) -> int:
        """The layer that is read of an encoder. Raises UnibridgeError where it has none such."""
        if self.layer == "published":
            return PUBLISHED_LAYERS.get(layers, round(layers * 2 / 3))
        layer = layers if self.layer == "last" else self.layer
        if not 0 <= layer <= layers:
            raise UnibridgeError(
                f"there is no layer {layer}",
                where="--retrieval layer",
                do=f"write a number from 0 to {layers}",
            )
        return layer


# --- states -------------------------------------------------------------------------------------


@dataclass
class Cut:
    """How many of the texts that were read are longer than `limit` tokens."""

    limit: int
    cut: int = 0
    texts: int = 0

    def tell(self, warn: Callable[[str], None]) -> None:
        """A warning where there are any, to who listens."""
        if self.cut:
            note = cut_note(self.cut, self.texts, self.limit)
            warn(f"warning: {note}. Where the base can, raise max_tokens by --retrieval")


@dataclass(frozen=True)
class TextReader:
    """An encoder, and how a text's state is read off it.

    weights: of the models that read side by side in it, a source's adapter each.
    """

    encoder: Any
    tokenizer: Any
    layer: int
    pooling: str
    longest: int
    weights: tuple[float, ...] = (1.0,)

    @classmethod
    def of_base(cls, base: "Base", settings: RetrievalSettings) -> "TextReader":
        """A base as it is. Raises UnibridgeError for a layer that it has not."""
        from unibridge.models.base import max_tokens

        encoder: Any = base.model.get_submodule(base.family.encoder)
        longest = min(settings.max_tokens, max_tokens(base))
        layer = settings.layer_of(encoder.config.num_hidden_layers)
        return cls(encoder, base.tokenizer, layer, settings.pooling, longest)

    @classmethod
    def of_pack(cls, pack: "MultiSourceModel", settings: RetrievalSettings) -> "TextReader":
        """A pack with its adapters: the mean over its sources, by their weights.

        Raises UnibridgeError for a layer that it has not.
        """
        layer = settings.layer_of(pack.encoder.config.num_hidden_layers)
        longest = min(settings.max_tokens, pack.config.max_tokens)
        weights = tuple(pack.config.weights) if pack.task_adapters else (1.0,)
        return cls(pack.encoder, pack.tokenizer, layer, settings.pooling, longest, weights)

    @property
    def about(self) -> dict[str, Any]:
        """All that decides a text's state beside the model."""
        return {"layer": self.layer, "pooling": self.pooling, "max_tokens": self.longest}

    def states(
        self,
        texts: Sequence[str],
        told: Callable[[int, int], None] = lambda done, total: None,
        *,
        cuts: Cut | None = None,
    ) -> "torch.Tensor":
        """(texts, hidden), float32, on the processor.

        told: (done, all) texts. cuts: where those that are longer than is read are counted.
        """
        import torch

        from unibridge.models.states import TEXT_STATES, layer_states
        from unibridge.transfer.mlm import encode_samples

        pooled = TEXT_STATES.resolve(self.pooling)
        store = encode_samples(self.tokenizer, texts, self.longest)
        if cuts is not None:
            # what was cut fills the limit, and so does what just fits
            full = [texts[i] for i in (store.lengths >= self.longest).nonzero()[0].tolist()]
            whole = self.tokenizer(full, verbose=False)["input_ids"] if full else []
            cuts.cut += sum(len(ids) > self.longest for ids in whole)
            cuts.texts += len(texts)
        found = torch.zeros(len(texts), self.encoder.config.hidden_size)
        order = store.lengths.argsort(kind="stable")
        device = next(self.encoder.parameters()).device
        self.encoder.eval()
        with torch.inference_mode():
            for start in range(0, len(order), BATCH):
                told(start, len(order))
                part = order[start : start + BATCH].tolist()
                ids, mask = store.batch(part, self.tokenizer.pad_token_id)
                inputs = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
                layer = layer_states(self.encoder, **inputs)[self.layer]
                sides = [pooled(one, mask) for one in layer.chunk(len(self.weights))]
                both = zip(self.weights, sides, strict=True)
                found[part] = torch.stack([w * one.float() for w, one in both]).sum(0).cpu()
        return found


# --- searches -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What was searched for and what was found, as metrics read it; facts: numbers beside it."""

    gold: Sequence[Labels]
    said: Sequence[Labels]
    facts: dict[str, float] = field(default_factory=dict)


States = Callable[[Sequence[str]], "torch.Tensor"]
Search = Callable[[Sides, Sides | None, States], Found]
"""(what is searched, what a threshold is chosen on, texts -> their states) -> what was found."""


def nearest_text(test: Sides, dev: Sides | None, states: States) -> Found:
    """Of each English text with a translation the id of the nearest text, in one set of all."""
    from unibridge.embeddings.neighbours import nearest

    names, english = list(test.texts), sorted(test.pairs)
    keys = states([test.texts[name] for name in names])
    queries = states([test.english[other] for _, other in english])
    _, places = nearest(queries, keys, 1)
    return Found([name for name, _ in english], [names[place] for place in places[:, 0].tolist()])


def mined_pairs(test: Sides, dev: Sides | None, states: States) -> Found:
    """Of each text the ids of English ones that it is paired with: one at most is found."""
    if dev is None:
        raise UnibridgeError("pairs are mined above a threshold, and there is no dev part for it")
    threshold = best_threshold(candidates(dev, states), dev.pairs)
    pairs = {pair for pair, score in candidates(test, states).items() if score >= threshold}

    def by_text(wanted: Iterator[tuple[str, str]]) -> list[Labels]:
        found: dict[str, list[str]] = {name: [] for name in test.texts}
        for name, other in wanted:
            found[name].append(other)
        return [sorted(others) for others in found.values()]

    facts = {"threshold": threshold, "pairs": float(len(pairs))}
    return Found(by_text(iter(test.pairs)), by_text(iter(pairs)), facts)


SEARCHES: Registry[Search] = Registry("search", {"nearest": nearest_text, "mined": mined_pairs})


def candidates(sides: Sides, states: States) -> dict[tuple[str, str], float]:
    """Pairs of ids with their margins, best first.

    A text that is there several times is searched once, and a pair with it does not count, for
    nobody knows which is meant.
    """
    texts, english = _once(sides.texts), _once(sides.english)
    first, second = list(texts), list(english)
    found = {}
    for score, i, j in margins(states(first), states(second)):
        names, others = texts[first[i]], english[second[j]]
        if len(names) == len(others) == 1:
            found[names[0], others[0]] = score
    return found


def _once(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Text -> all ids that it has."""
    found: dict[str, list[str]] = {}
    for name, text in texts.items():
        found.setdefault(text, []).append(name)
    return found


def margins(
    first: "torch.Tensor", second: "torch.Tensor", neighbours: int = NEIGHBOURS
) -> list[tuple[float, int, int]]:
    """(margin, row of the first, row of the second), best first, each row once at most.

    first, second: states (texts, hidden). The margin is the cosine over the mean of both rows' mean
    cosines to their nearest on the other side; each row offers the best of its nearest, and what is
    offered is taken greedily where it is above 0 ("max" in the scripts).
    """
    import torch

    from unibridge.embeddings.neighbours import nearest

    there, onto = nearest(first, second, neighbours)
    back, from_ = nearest(second, first, neighbours)
    mean_there, mean_back = there.mean(1), back.mean(1)
    there = there / ((mean_there[:, None] + mean_back[onto]) / 2)
    back = back / ((mean_back[:, None] + mean_there[from_]) / 2)
    scores, best = torch.cat([there.max(1).values, back.max(1).values]), there.argmax(1)
    rows = torch.cat([torch.arange(len(first)), from_.gather(1, back.argmax(1)[:, None])[:, 0]])
    others = torch.cat([onto.gather(1, best[:, None])[:, 0], torch.arange(len(second))])
    order = scores.argsort(descending=True, stable=True)
    found, taken = [], (set[int](), set[int]())
    for score, i, j in zip(*(x[order].tolist() for x in (scores, rows, others)), strict=True):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            if score > 0:
                found.append((score, i, j))
    return found


def best_threshold(
    scored: Mapping[tuple[str, str], float], gold: frozenset[tuple[str, str]]
) -> float:
    """The margin above which pairs have the best F1, half way to the next; 0 where none is right.

    scored: pairs -> margins, best first.
    """
    scores, right, best, threshold = list(scored.values()), 0, 0.0, 0.0
    for place, pair in enumerate(scored):
        right += pair in gold
        f1 = 2 * right / (place + 1 + len(gold))
        if f1 > best:
            after = scores[min(place + 1, len(scores) - 1)]
            best, threshold = f1, (scores[place] + after) / 2
    return threshold


# --- scores of pairs ----------------------------------------------------------------------------


def _pair_counts(gold: Sequence[Labels], said: Sequence[Labels]) -> "np.ndarray":
    """Per text: pairs right, found, in gold."""
    import numpy as np

    sides = [(set(true), set(found)) for true, found in zip(gold, said, strict=True)]
    return np.array([(len(true & found), len(found), len(true)) for true, found in sides])


def _share(sums: "np.ndarray", of: tuple[int, ...]) -> "np.ndarray":
    """Right pairs in the mean of the counts in these columns, 0 to 100."""
    import numpy as np

    sums = np.asarray(sums, dtype=float)
    return 100 * sums[..., 0] * len(of) / np.maximum(sums[..., list(of)].sum(-1), 1)


PAIR_F1 = Metric("pair_f1", _pair_counts, partial(_share, of=(1, 2)))
PAIR_PRECISION = Metric("pair_precision", _pair_counts, partial(_share, of=(1,)))
PAIR_RECALL = Metric("pair_recall", _pair_counts, partial(_share, of=(2,)))
for metric in (PAIR_F1, PAIR_PRECISION, PAIR_RECALL):
    METRICS.register(metric.name, metric)
