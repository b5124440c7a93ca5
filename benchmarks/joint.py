"""Held-out P@1 of the semantic spaces, separate, procrustes and joint, side by side.

    python benchmarks/joint.py [LANGUAGE ...] [--model counts] [--write docs/results/joint.md]

On real text in ../shared/data/mono, for two base tokenizers: MiniLM's, and 32,000 unigram pieces of
the text of all source and pretraining languages there. A third of the shared tokens is held out as
two opaque symbols, without n-grams; every space is trained by the same model, in turns within one
process. Seconds are of the training and the search together, of wall time and of this process.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.match import shared_tokens
from unibridge.embeddings.precision import HeldOutPrecision, held_out_precision
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.models.base import packaged_cldr, packaged_minilm, unknown_share
from unibridge.vocabulary.tokenizer import to_fast_tokenizer
from unibridge.vocabulary.train import train_sentencepiece

DATA = Path(__file__).parents[2] / "shared" / "data"
# at least 100,000 words each; uk, he and the large ones are in the 32k base's own text
SMALL = {"words": 150_000, "pieces": 8_000, "goal": 0.50}
LARGE = {"words": 400_000, "pieces": 16_000, "goal": 0.80}
LANGUAGES = {
    **dict.fromkeys(("grn", "lug", "wol", "hau", "lij", "pbt", "uk", "he"), SMALL),
    **dict.fromkeys(("en", "ru", "ar"), LARGE),
}
BASES = ("minilm", "32k")
SPACES = ("separate", "procrustes", "joint")
SEED = 0
SLOWER = 5


@dataclass(frozen=True)
class Row:
    language: str
    base: str
    words: int
    unknown: float
    shared: int
    found: dict[str, HeldOutPrecision]
    processor: dict[str, float]

    def cells(self) -> list[str]:
        tokens = self.found["joint"].tokens
        values = [self.found[space].value for space in SPACES]
        times = [f"{self.found[s].seconds:.1f} ({self.processor[s]:.1f})" for s in SPACES]
        return [
            self.language,
            self.base,
            f"{self.words:,}",
            f"{self.unknown:.0%}",
            f"{self.shared:,}",
            f"{tokens:,}",
            *("none" if value is None else f"{value:.2f}" for value in values),
            *times,
        ]


HEADS = ("language", "base", "words", "unknown", "shared", "held out")
HEADS += tuple(f"P@1 {space}" for space in SPACES) + tuple(f"s {space}" for space in SPACES)


def text_of(language: str, words: int) -> list[str]:
    """Whole lines from the first on, until there are so many words between spaces."""
    lines: list[str] = []
    with open(DATA / "mono" / f"{language}.txt", encoding="utf-8") as file:
        for line in file:
            lines.append(line.rstrip("\n"))
            words -= len(line.split())
            if words <= 0:
                break
    return lines


def base_tokenizer(name: str) -> PreTrainedTokenizerBase:
    if name == "minilm":
        return AutoTokenizer.from_pretrained(packaged_minilm())
    with open(DATA / "languages.tsv", encoding="utf-8", newline="") as file:
        roles = {row["code"]: row["role"] for row in csv.DictReader(file, delimiter="\t")}
    known = [code for code, role in roles.items() if role in ("source", "pretraining")]
    lines = [line for code in known for line in text_of(code, 10**9)]
    return target_tokenizer(lines, 32_000)


def target_tokenizer(lines: list[str], pieces: int) -> PreTrainedTokenizerBase:
    like = AutoTokenizer.from_pretrained(packaged_cldr())
    return to_fast_tokenizer(train_sentencepiece(lines, pieces), like=like)


def measure(
    language: str, base: str, source: PreTrainedTokenizerBase, settings: EmbeddingSettings
) -> Row:
    lines = text_of(language, LANGUAGES[language]["words"])
    target = target_tokenizer(lines, LANGUAGES[language]["pieces"])
    request = InitRequest(torch.zeros(0), source, target, lines, settings, SEED)
    special = set(target.all_special_ids)
    shared = shared_tokens(source, target, without=special)
    found, processor = {}, {}
    for space in SPACES:
        started = time.process_time()
        found[space] = held_out_precision(request, shared, space)
        processor[space] = time.process_time() - started
    return Row(
        language,
        base,
        sum(len(line.split()) for line in lines),
        unknown_share(source, lines),
        len(shared),
        found,
        processor,
    )


def verdicts(rows: list[Row], settings: EmbeddingSettings) -> Iterator[str]:
    """Means beside the goals: of all rows, and of those with enough tokens for the step."""
    for size, title in ((SMALL, "100,000 to 150,000 words"), (LARGE, "339,000 to 400,000 words")):
        group = [row for row in rows if LANGUAGES[row.language] is size]
        enough = [
            row for row in group if row.found["joint"].tokens >= settings.min_trusted_tokens / 3
        ]
        for chosen, which in ((group, "all"), (enough, "with 100 shared tokens or more")):
            if not chosen:
                continue
            means = {
                space: sum(row.found[space].value or 0.0 for row in chosen) / len(chosen)
                for space in SPACES
            }
            yield (
                f"{title}, {which} ({len(chosen)} rows): mean P@1 "
                + ", ".join(f"{space} {mean:.2f}" for space, mean in means.items())
                + f" (goal {size['goal']:.2f})"
            )
    if rows:
        wall = max(row.found["joint"].seconds / row.found["separate"].seconds for row in rows)
        processor = max(row.processor["joint"] / row.processor["separate"] for row in rows)
        yield (
            f"joint takes at most {wall:.1f} times separate's wall time, {processor:.1f} times its "
            f"processor time (goal {SLOWER})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("languages", nargs="*", help=f"of {', '.join(LANGUAGES)}; default: all")
    parser.add_argument("--model", default="counts", help="counts or fasttext")
    parser.add_argument("--epochs", type=int, default=3, help="of fasttext")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also as Markdown")
    arguments = parser.parse_args()
    settings = EmbeddingSettings(
        static_model=arguments.model, joint_model=arguments.model, static_epochs=arguments.epochs
    )

    print(f"{arguments.model}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print("  ".join(HEADS), flush=True)
    rows = []
    for base in BASES:
        source = base_tokenizer(base)
        for language in arguments.languages or LANGUAGES:
            rows.append(measure(language, base, source, settings))
            print("  ".join(rows[-1].cells()), flush=True)
    lines = list(verdicts(rows, settings))
    print("\n".join(lines))
    if arguments.write:
        command = f"python benchmarks/joint.py --model {arguments.model}"
        table = [HEADS, ["---"] * len(HEADS), *(row.cells() for row in rows)]
        arguments.write.write_text(
            f"# Held-out P@1 of the semantic spaces\n\n`{command}`, seed {SEED}, "
            f"{torch.get_num_threads()} threads.\n"
            f"Dimension {settings.static_dimension}, window {settings.counts_window}; target "
            "vocabularies of 8,000 pieces, 16,000 for the larger texts.\nSeconds of wall time (of "
            "processor time in brackets), training and search together.\n\n"
            + "\n".join("| " + " | ".join(row) + " |" for row in table)
            + "\n\n"
            + "\n".join(f"- {line}" for line in lines)
            + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
