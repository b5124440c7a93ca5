"""From how many aligned lines on does `bridge` bring two vocabularies together?

    python benchmarks/bridge.py [--languages amh tam khm] [--lines 10 100 1000]

Gold pairs nobody had to make: CLDR names of territories, languages and months in the target
language and in English, those that occur in the target text. A name's vector is the mean of its
tokens', rarer ones weighing more; it is looked up by CSLS among the English names of its kind.
The English text has no translations of the target text (their sources are left out of it).
Writes docs/results/bridge.md.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from babel import Locale
from transformers import AutoTokenizer

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.bridge import bridge, token_ids
from unibridge.embeddings.match import shared_tokens
from unibridge.embeddings.neighbours import nearest
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.vectors import StaticVectors, separate
from unibridge.models.base import packaged_minilm
from unibridge.vocabulary.tokenizer import to_fast_tokenizer
from unibridge.vocabulary.train import train_sentencepiece

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
TRANSLATED = {"NTREX-128", "SIB-200 train", "UDHR"}
# CLDR's code, and pieces of the target vocabulary
LANGUAGES = {"amh": ("am", 8_000), "tam": ("ta", 6_000), "khm": ("km", 4_000)}
SETTINGS = EmbeddingSettings(
    static_dimension=100, static_epochs=3, static_min_count=1, static_buckets=20_000
)
KINDS = ("territories", "languages", "months")


def english() -> list[str]:
    """The English text without what the target texts hold translations of."""
    lines = (DATA / "mono" / "en.txt").read_text(encoding="utf-8").splitlines()
    left_out: set[int] = set()
    for row in (DATA / "mono" / "SOURCES.tsv").read_text(encoding="utf-8").splitlines():
        code, first, last, _, _, _, source, *_ = row.split("\t")
        if code == "en" and source in TRANSLATED:
            left_out |= set(range(int(first) - 1, int(last)))
    return [line for number, line in enumerate(lines) if number not in left_out]


def names(code: str, text: str) -> dict[str, list[tuple[str, str]]]:
    """kind -> (name, English name), those that differ and occur in the text."""
    own, other = Locale(LANGUAGES[code][0]), Locale("en")
    found = {}
    for kind in KINDS:
        here, there = getattr(own, kind), getattr(other, kind)
        if kind == "months":
            here, there = here["format"]["wide"], there["format"]["wide"]
        found[kind] = [
            (here[key], there[key])
            for key in here
            if key in there and here[key] != there[key] and here[key] in text
        ]
    return found


def name_vectors(static: StaticVectors, ids: list[list[int]], counts: Counter[int]) -> torch.Tensor:
    """(names, dimension): unit token vectors over the root of the token's count, summed."""
    unit = torch.nn.functional.normalize(static.vectors, dim=1)
    place = {int(i): row for row, i in enumerate(static.ids)}
    table = torch.zeros(len(ids), unit.shape[1])
    for row, tokens in enumerate(ids):
        for i in tokens:
            if i in place:
                table[row] += unit[place[i]] / (counts[i] + 1) ** 0.5
    return table


def measure(code: str, counts_of_lines: list[int], seed: int) -> Iterator[list[str]]:
    """Rows of the table: language, space, lines, P@1 and P@5 by kind and over all, seconds."""
    lines = (DATA / "mono" / f"{code}.txt").read_text(encoding="utf-8").splitlines()
    source_lines = english()
    source = AutoTokenizer.from_pretrained(packaged_minilm())
    target = to_fast_tokenizer(train_sentencepiece(lines, LANGUAGES[code][1]), like=source)
    aligned = [
        (DATA / "parallel" / "ntrex" / f"{side}.txt").read_text(encoding="utf-8").splitlines()
        for side in (code, "en")
    ]
    gold = names(code, "\n".join(lines))
    shared = shared_tokens(source, target, without=set(target.all_special_ids))
    counts = [
        Counter(i for ids in token_ids(tokenizer, text) for i in ids)
        for tokenizer, text in ((target, lines), (source, source_lines))
    ]

    def row(space: str, lines_given: int) -> list[str]:
        request = InitRequest(
            torch.zeros(1, 1),
            source,
            target,
            lines,
            SETTINGS,
            seed,
            source_lines=source_lines,
            parallel=list(zip(*(side[:lines_given] for side in aligned), strict=True)),
        )
        start = time.perf_counter()
        found = (separate if space == "separate" else bridge)(request, shared)
        seconds = time.perf_counter() - start
        hits: dict[str, list[tuple[bool, bool]]] = {}
        for kind, pairs in gold.items():
            own, other = (
                name_vectors(static, token_ids(tokenizer, list(side)), counted)
                for static, tokenizer, side, counted in zip(
                    (found.target, found.source),
                    (target, source),
                    zip(*pairs, strict=True),
                    counts,
                    strict=True,
                )
            )
            _, ranked = nearest(own, other, 5, similarity="csls")
            answers = [[pairs[i][1] for i in best] for best in ranked.tolist()]
            hits[kind] = [
                (right == best[0], right in best)
                for (_, right), best in zip(pairs, answers, strict=True)
            ]
        hits["all"] = [hit for kind in KINDS for hit in hits[kind]]
        shares = [
            " / ".join(f"{sum(hit[k] for hit in some) / len(some):.2f}" for k in (0, 1))
            for some in hits.values()
        ]
        return [code, space, f"{lines_given:,}", *shares, f"{seconds:.0f}"]

    chance = [" / ".join(f"{min(1.0, k / len(gold[kind])):.2f}" for k in (1, 5)) for kind in KINDS]
    total = sum(map(len, gold.values()))
    over_all = " / ".join(
        f"{sum(min(k, len(pairs)) for pairs in gold.values()) / total:.2f}" for k in (1, 5)
    )
    sizes = ", ".join(f"{len(gold[kind])} {kind}" for kind in KINDS)
    yield [f"{code} ({sizes})", "chance", "", *chance, over_all, ""]
    yield row("separate", 0)
    for number in counts_of_lines:
        yield row("bridge", number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--lines", nargs="+", type=int, default=[10, 100, 1000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results" / "bridge.md")
    arguments = parser.parse_args()
    head = ["target", "space", "aligned lines", *KINDS, "all", "seconds"]
    table = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for code in arguments.languages:
        for cells in measure(code, arguments.lines, arguments.seed):
            table.append(f"| {' | '.join(cells)} |")
            print(table[-1], flush=True)
    print(arguments.out)
    text = arguments.out.read_text(encoding="utf-8") if arguments.out.exists() else "# Bridge\n"
    before = text.split("\n## Numbers", 1)[0].rstrip("\n")
    made = f"{before}\n\n## Numbers\n\nP@1 / P@5.\n\n" + "\n".join(table) + "\n"
    arguments.out.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
