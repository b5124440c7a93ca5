"""Templates found on the source: phrases of its text, or tokens by the gradient of the loss."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from unibridge.prompting.cloze import Asked, Wording
from unibridge.prompting.settings import PromptSettings
from unibridge.text.words import split_words

LONGEST = 3
"""Words of the longest phrase that is mined."""


def mined_phrases(lines: Sequence[str], words: Sequence[str], count: int) -> list[str]:
    """The commonest phrases of one to three words right before one of the words.

    As LPAQA (Jiang et al., TACL 2020, arXiv 1911.12543, §3.1) takes what stands beside an answer.
    """
    wanted = {word.lower() for word in words}
    found: Counter[str] = Counter()
    for line in lines:
        said = split_words(line)
        for place, word in enumerate(said):
            if word.lower() in wanted:
                for length in range(1, min(LONGEST, place) + 1):
                    found[" ".join(said[place - length : place])] += 1
    kept = [(-n, phrase) for phrase, n in found.items() if any(map(str.isalpha, phrase))]
    return [phrase for _, phrase in sorted(kept)[:count]]


def search_mined(
    asked: Asked,
    wordings: Mapping[str, Wording],
    examples: Mapping[str, Sequence[Any]],
    lines: Mapping[str, Sequence[str]],
    settings: PromptSettings,
) -> tuple[dict[str, Wording], dict[str, Any]]:
    """Each source's wording with the phrase before its blank that its labels are told best by.

    The one without a phrase is tried too. Facts: the loss of each, nats, by source.
    """
    found, facts = {}, {}
    asked.model.eval()
    for source, wording in wordings.items():
        phrases = ["", *mined_phrases(lines.get(source, ()), wording.words, settings.mined)]
        tried = {}
        with torch.inference_mode():
            for phrase in phrases:
                template = wording.template.replace("{mask}", f"{phrase} {{mask}}".strip())
                tried[template] = float(
                    asked.loss(examples[source], replace(wording, template=template))
                )
        found[source] = replace(wording, template=min(tried, key=lambda one: tried[one]))
        facts[source] = tried
    return found, {"tried": facts}


def search_gradient(
    asked: Asked,
    wordings: Mapping[str, Wording],
    examples: Mapping[str, Sequence[Any]],
    settings: PromptSettings,
    *,
    seed: int,
) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Tokens for {slot}, the same in all languages, by which the sources' labels are told best.

    AutoPrompt (Shin et al., EMNLP 2020, arXiv 2010.15980, §2.2, Eq. 1): at each step, for one of
    the tokens, those whose embeddings the gradient of the loss points to; of them and the one that
    is there, the one with the least loss stays. Starts from mask tokens.
    """
    generator = torch.Generator().manual_seed(seed)
    encoder = asked.model.get_submodule(asked.family.encoder)
    table = encoder.get_submodule(asked.family.word_embeddings).weight.detach()
    special = torch.tensor(asked.tokenizer.all_special_ids)
    tokens = [asked.tokenizer.mask_token_id] * asked.slot
    asked.model.eval()

    def loss(ids: Sequence[int], given: "torch.Tensor | None" = None) -> torch.Tensor:
        parts = [
            asked.loss(examples[source], replace(wording, inside=tuple(ids)), given)
            for source, wording in wordings.items()
        ]
        return torch.stack(parts).mean()

    with torch.no_grad():
        least = float(loss(tokens))
    curve = [least]
    for _ in range(settings.steps):
        place = int(torch.randint(asked.slot, (1,), generator=generator))
        vectors = table[tokens].clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(tokens, vectors), vectors)
        pointed = -(table[: len(asked.tokenizer)] @ gradient[place])
        pointed[special] = -torch.inf
        with torch.no_grad():
            for candidate in pointed.topk(settings.candidates).indices.tolist():
                other = [*tokens[:place], candidate, *tokens[place + 1 :]]
                if (value := float(loss(other))) < least:
                    least, tokens = value, other
        curve.append(least)
    said = asked.tokenizer.convert_ids_to_tokens(tokens)
    return tuple(tokens), {"tokens": said, "losses": curve}
