"""How the package takes what goes wrong, as figures: docs/results/reliability.md.

    python scripts/harden.py            the page, in some ten minutes on two cores
    python scripts/harden.py --quick    the same in little, printed and not written

Everything is made here from a seed and the toys of tests/; nothing is fetched. Needs a Unix system.
"""

import argparse
import contextlib
import io
import os
import platform
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]

from harden_inputs import BAD, PACKS  # noqa: E402
from harden_parity import pieces_agree, spans_agree  # noqa: E402
from harden_runs import broken_disks, killed_runs  # noqa: E402

from toy_run import write_toy_run  # noqa: E402
from unibridge.artifacts import hash_path  # noqa: E402
from unibridge.cli import main as unibridge  # noqa: E402

PAGE = ROOT / "docs" / "results" / "reliability.md"
MONO = ROOT.parent / "shared" / "data" / "mono"


def said(arguments: list[str]) -> tuple[int | str, str]:
    """(exit code, or the exception that came through; what was printed) of a command."""
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out):
        try:
            code: int | str = unibridge(arguments)
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
    return code, out.getvalue()


def verdict(code: int | str, text: str) -> str:
    """ "refused" for one clear line, "understood" for an input that was taken with or without a
    note, else what was wrong."""
    if isinstance(code, str):
        return f"came through: {code}"
    if "Traceback" in text:
        return "traceback"
    if code == 0:
        return "understood"
    lines = [line for line in text.split("\n") if line.startswith("unibridge: ")]
    if code != 2 or len(lines) != 1:
        return f"exit {code}, {len(lines)} lines"
    after = text[text.rindex("unibridge: ") :].strip()
    if "\n" in after and "in the configuration" not in after:
        return "more than one line"
    return "refused"


def notes_of(text: str, folder: Path) -> list[str]:
    """What a command noted or warned of, without the folder's name."""
    notes = re.findall(r"^(?:warning: |! )(.*(?:\n {2}\S.*)*)", text, re.MULTILINE)
    plain = (re.sub(r"\s+", " ", one).replace(f"{folder}{os.sep}", "") for one in notes)
    return list(dict.fromkeys(plain))


Taken = tuple[Counter[tuple[str, str]], list[tuple[str, str, str]]]
"""How often of each kind what became of it; and of what was understood its kind, what had been done
and what was noted."""


def bad_inputs(count: int, seed: int, work: Path) -> Taken:
    """What became of generated inputs. Finished stages must stay as they were."""
    toy = work / "toy"
    toy.mkdir()
    config = write_toy_run(toy, "ner")
    code, text = said(["run", str(config)])
    assert code == 0, "the toy run itself must end well"
    usual = notes_of(text, toy)
    finished = {p.name: hash_path(p) for p in (toy / "run").glob("[!.]*-*")}
    found: Counter[tuple[str, str]] = Counter()
    understood = []
    for number in range(count):
        kind = list(BAD)[number % len(BAD)]
        copy = shutil.copytree(toy, work / "copy")
        draw = random.Random(f"{seed} {number}")
        what, arguments = BAD[kind](copy, draw)
        code, text = said(arguments)
        result = verdict(code, text)
        after = {p.name: hash_path(p) for p in (copy / "run").glob("[!.]*-*")}
        if kind != "adapters" and {name: after.get(name) for name in finished} != finished:
            result = "a finished stage changed"
        if result not in ("refused", "understood"):
            print(f"{kind} {number}: {result}\n  {' '.join(arguments)}\n  {text[-600:]}")
        found[kind, result] += 1
        if result == "understood":
            notes = [note for note in notes_of(text, copy) if note not in usual]
            understood.append((kind, what, "; ".join(notes)))
        shutil.rmtree(copy)
    return found, understood


def broken_packs(count: int, seed: int, work: Path) -> Counter[tuple[str, str]]:
    """What became of packs that were changed; nothing outside their folder may appear."""
    toy = work / "packs"
    toy.mkdir()
    config = write_toy_run(toy, "ner")
    assert said(["run", str(config)])[0] == 0
    (toy / "in.conll").write_text("toto\nrida\n")
    found: Counter[tuple[str, str]] = Counter()
    for number in range(count):
        kind = list(PACKS)[number % len(PACKS)]
        inside = work / "inside"
        inside.mkdir()
        pack = shutil.copytree(toy / "run" / "pack", inside / "pack")
        PACKS[kind](pack, random.Random(f"{seed} {number}"))
        before = set(inside.parent.rglob("*"))
        files = ["--input", str(toy / "in.conll"), "--output", str(inside / "out.conll")]
        code, text = said(["predict", "--model", str(pack), *files])
        result = verdict(code, text)
        if set(inside.parent.rglob("*")) - before:
            result = f"{result}, and something was written"
        if result != "refused":
            print(f"pack, {kind}: {result}\n  {text[-600:]}")
        found[kind, result] += 1
        shutil.rmtree(inside)
    return found


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """A result and its seconds."""
    started = time.monotonic()
    result = work()
    return result, time.monotonic() - started


def understood_table(understood: list[tuple[str, str, str]]) -> list[str]:
    """A row for each thing that was done, with the notes that it brought."""
    lines = ["| kind | what was done | times | what was noted |", "|---|---|--:|---|"]
    for (kind, what, note), times in Counter(understood).items():
        cells = (one.replace("|", "\\|") for one in (kind, what, str(times), note or "nothing"))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(counts: Counter[tuple[str, str]], kind: str) -> list[str]:
    """Rows by kind, columns by what became of them."""
    results = sorted({result for _, result in counts}, key=lambda one: (one != "refused", one))
    lines = [f"| {kind} | " + " | ".join(results) + " |", "|---|" + "--:|" * len(results)]
    for name in dict.fromkeys(name for name, _ in counts):
        cells = (str(counts[name, result]) for result in results)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    many = (60, 3, 2, 5, 400, 200) if options.quick else (300, 50, 10, 20, 4000, None)
    inputs, kills, disks, packs, cases, lines = many
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.chmod(0o755)
        (taken, understood), first = timed(lambda: bad_inputs(inputs, options.seed, work))
        broken, second = timed(lambda: broken_packs(packs, options.seed, work))
        spans, third = timed(lambda: spans_agree(cases, options.seed, work))
        pieces, fourth = timed(lambda: pieces_agree(MONO, lines))
        killed, fifth = timed(lambda: killed_runs(kills, options.seed, work))
        full, sixth = timed(lambda: broken_disks(disks, options.seed, work))
    fine &= {result for _, result in taken} <= {"refused", "understood"}
    fine &= {result for _, result in broken} == {"refused"}
    fine &= spans["differ"] == 0 and pieces["differ"] == 0
    fine &= killed["differ"] == 0 and full["differ"] == 0 and full["unclear"] == 0
    page = [
        "# What goes wrong, and what happens then",
        "",
        f"Written by `make harden` (seed {options.seed}) on {platform.machine()}, Python "
        f"{platform.python_version()}. All inputs are generated by scripts/harden_inputs.py; the "
        "runs are the toy runs of the tests, on a base of a few thousand weights.",
        "",
        f"## {sum(taken.values())} bad inputs ({first:.0f} s)",
        "",
        "Refused is exit code 2 and one line that names the place; understood is an input that "
        "its mutation left readable, or that a reader converts with a note. Any other outcome "
        "would be a column of its own. Finished stages were compared byte for byte after each.",
        "",
        *table(taken, "kind"),
        "",
        "What was understood, and which notes it brought that the unbroken run has not. A part of "
        "a file that is a file by itself cannot be told from one: what is cut off or left out at "
        "the end of a line, and text within a line, is taken as it stands.",
        "",
        *understood_table(understood),
        "",
        f"## {sum(broken.values())} broken packs ({second:.0f} s)",
        "",
        "Each was given to `unibridge predict`. A pack with a pickle in place of its weights, or "
        "with code beside them, counts as refused only if neither was loaded and no file appeared "
        "anywhere.",
        "",
        *table(broken, "what was changed"),
        "",
        f"## {killed['kills']} kills ({fifth:.0f} s)",
        "",
        f"`SIGKILL` at random moments of a whole run, which the next process went on with in the "
        f"same folder, up to {killed['most']} times in one; {killed['runs']} folders were brought "
        f"to their end so. Of these {killed['differ']} differ from the uninterrupted run in a "
        f"tensor, a score, a weight or a prediction ({killed['files']} files each, bit for bit).",
        "",
        f"## {full['breaks']} disks that are full or read-only ({sixth:.0f} s)",
        "",
        f"{full['full']} runs met a limit on what they may write, drawn from the sizes of a run's "
        f"files, and {full['read-only']} a folder that they may not write to. {full['unclear']} "
        f"ended otherwise than with one clear line; of the resumed ones {full['differ']} differ "
        "from the uninterrupted run.",
        "",
        "## Parity",
        "",
        f"- Span F1 is seqeval's on {spans['cases']:,} random cases in {spans['schemes']} schemes, "
        f"written and read again as files: {spans['differ']} differ ({third:.0f} s).",
        f"- The tokenizer that is made of a SentencePiece model gives its tokens on "
        f"{pieces['lines']:,} lines of {pieces['languages']} languages, one model for each: "
        f"{pieces['differ']} lines differ ({fourth:.0f} s)."
        if pieces["languages"]
        else "- SentencePiece: the shared text is not here.",
        "",
        "All as it should be." if fine else "**Not all is as it should be.**",
    ]
    text = "\n".join(page) + "\n"
    print(text)
    if not options.quick:
        PAGE.write_text(text, encoding="utf-8")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
