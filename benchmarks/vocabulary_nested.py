"""The nested vocabulary search beside the scan: the size chosen, its ALP, seconds, memory.

    python benchmarks/vocabulary_nested.py [--languages LANGUAGE ...] [--kind unigram|bpe]

Texts: ../shared/data/mono. Every line is the two searches on one text, one after the other:

  size, ALP     what each search chooses, and the ALP of a SentencePiece model of that size
  curve s       every size from 7,000 by 1,000 to the largest possible: by nested, by training each
  search s      until the tokenizer is there, the kept one's training included

Seconds are of the processor, not of the clock: all of it is one thread, and other work on the
machine would otherwise decide the ratios.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

from unibridge.text.languages import count_words
from unibridge.vocabulary.nested import nested_sizes
from unibridge.vocabulary.score import average_log_probability, count_strings, token_counts
from unibridge.vocabulary.search import SearchSettings, VocabularyResult, search_vocabulary
from unibridge.vocabulary.train import VocabularyTooLarge, train_sentencepiece

MONO = Path(__file__).parents[2] / "shared" / "data" / "mono"
LANGUAGES = ["amh", "grn", "khm", "tam", "lug", "wol"]
GOALS = {"curve": 10.0, "search": 3.0}


def read(language: str) -> list[str]:
    return (MONO / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def curve(kind: str, lines: list[str], trained: dict[int, float]) -> tuple[float, float, int]:
    """Seconds for every size up to the largest possible: nested, each trained; how many sizes.

    trained: seconds of the sizes that the scan has trained, which are not trained again.
    """
    started = time.process_time()
    sizes = nested_sizes(lines, kind=kind, max_size=60_000)
    tried = []
    for size in range(7_000, 60_001, 1_000):
        try:
            sizes.counts(size)
        except VocabularyTooLarge as refusal:
            sizes.counts(refusal.largest or size)
            tried.append(refusal.largest or size)
            break
        tried.append(size)
    nested = time.process_time() - started
    trained, strings = dict(trained), count_strings(lines)
    for size in tried:
        if size not in trained:
            started = time.process_time()
            token_counts(train_sentencepiece(lines, size, kind=kind, at_most=True), strings)
            trained[size] = time.process_time() - started
    return nested, sum(trained.values()), len(trained)


def search(
    name: str, kind: str, lines: list[str]
) -> tuple[VocabularyResult, float, float, dict[int, float]]:
    """What a search finds, the ALP of the model it keeps, its seconds, those of each size."""
    started = time.process_time()
    marks: list[tuple[int, float]] = []
    found = search_vocabulary(
        lines,
        SearchSettings(search=name, kind=kind),
        progress=lambda row: marks.append((row.size, time.process_time())),
    )
    seconds = time.process_time() - started
    before = [started, *(mark for _, mark in marks)]
    each = {size: mark - last for (size, mark), last in zip(marks, before, strict=False)}
    alp = average_log_probability(token_counts(found.model, count_strings(lines)), found.samples)
    return found, alp, seconds, each


def compare(languages: list[str], kind: str) -> bool:
    print(f"{kind:24}{'nested':>10}{'scan':>10}{'ratio':>8}")
    totals = {"curve": [0.0, 0.0], "search": [0.0, 0.0]}
    good = True
    for language in languages:
        lines = read(language)
        nested, alp, soon, _ = search("nested", kind, lines)
        scan, scan_alp, late, each = search("scan", kind, lines)
        fast, slow, tried = curve(kind, lines, each)
        chosen = f"{language}  size"
        print(f"{chosen:24}{nested.size:10,}{scan.size:10,}")
        print(f"     ALP, nats           {alp:9.2f}{scan_alp:10.2f}")
        print(f"     curve s, {tried:2} sizes   {fast:9.2f}{slow:10.2f}{slow / fast:8.1f}")
        print(f"     search s            {soon:9.2f}{late:10.2f}{late / soon:8.1f}", flush=True)
        for row, seconds in (("curve", (fast, slow)), ("search", (soon, late))):
            totals[row] = [a + b for a, b in zip(totals[row], seconds, strict=True)]
        good &= abs(nested.size - scan.size) <= 1_000 and alp >= scan_alp and soon <= late
    for row, (fast, slow) in totals.items():
        good &= slow / fast >= GOALS[row]
        print(f"all  {row} s{' ' * (14 - len(row))}{fast:14.2f}{slow:10.2f}{slow / fast:8.1f}")
    print("goals of size, ALP and time:", "met" if good else "missed")
    return good


def memory(kind: str) -> None:
    """Peak memory on all target languages joined; this process holds the text as well."""
    lines = [
        line
        for file in sorted(MONO.glob("*.txt"))
        if len(file.stem) == 3  # languages to transfer to; the others have two letters
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    megabytes = sum(len(line.encode()) + 1 for line in lines) / 1e6
    words = sum(map(count_words, lines))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    started = time.process_time()
    sizes = nested_sizes(lines, kind=kind, max_size=60_000)
    alp = [average_log_probability(sizes.counts(v), words / 128) for v in (20_000, 60_000)]
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{megabytes:.0f} MB joined: nested {seconds:.0f} s, ALP {alp[0]:.1f} at 20,000 and "
        f"{alp[1]:.1f} at 60,000; peak {peak:.2f} GB ({before:.2f} before)",
        flush=True,
    )
    started = time.process_time()
    train_sentencepiece(lines, 20_000, kind=kind)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"             then SentencePiece at 20,000: {seconds:.0f} s, peak {peak:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--languages", nargs="*", default=LANGUAGES)
    parser.add_argument("--kind", choices=["unigram", "bpe"], default="unigram")
    parser.add_argument("--memory", action="store_true", help="only the texts joined")
    options = parser.parse_args()
    if not MONO.is_dir():
        print("no texts to measure on: ../shared/data/mono is absent")
        return
    if options.memory:
        memory(options.kind)
        return
    compare(options.languages, options.kind)
    # a process of its own, so that its peak is its own
    subprocess.run([sys.executable, __file__, "--memory", "--kind", options.kind], check=True)


if __name__ == "__main__":
    main()
