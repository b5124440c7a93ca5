"""Our scores beside seqeval's, our tokenizers beside SentencePiece's."""

import random
from pathlib import Path

from unibridge.metrics import span_f1
from unibridge.text.labels import read_labels

_LETTERS = {  # begin, inside, end, single
    "IOB2": "BIIB",
    "IOBES": "BIES",
    "BILOU": "BILU",
    "BMES": "BMES",
    "BMEWO": "BMEW",
}
_THEIRS = {"IOB1": "IOB1", "IOB2": "IOB2", "IOE2": "IOE2", "IOBES": "IOBES", "BILOU": "BILOU"}
SCHEMES = (*_LETTERS, "IOB1", "IOE2", "plain")


def _sentence(draw: random.Random, scheme: str) -> list[str]:
    """Tags of random entities; in plain types no two of a type touch, which cannot be written."""
    tags: list[str] = []
    last = ""
    while len(tags) < draw.randint(1, 12):
        entity = draw.choice(["PER", "LOC", "ORG-X"])
        if draw.random() < 0.4 or (scheme == "plain" and entity == last):
            tags.append("O")
            last = ""
            continue
        length = draw.randint(1, 4)
        if scheme == "plain":
            tags += [entity] * length
        elif scheme == "IOB1":
            tags += [f"{'B' if entity == last else 'I'}-{entity}", *[f"I-{entity}"] * (length - 1)]
        elif scheme == "IOE2":
            tags += [*[f"I-{entity}"] * (length - 1), f"E-{entity}"]
        else:
            begin, inside, end, single = _LETTERS[scheme]
            middle = [f"{inside}-{entity}"] * (length - 2)
            whole = [f"{begin}-{entity}", *middle, f"{end}-{entity}"]
            tags += [f"{single}-{entity}"] if length == 1 else whole
        last = entity
    return tags


def _noisy(draw: random.Random, tags: list[list[str]], scheme: str) -> list[list[str]]:
    """Other well-formed tags of the same lengths, many entities alike."""
    found = []
    for own in tags:
        other = own
        if draw.random() < 0.5:
            other = (_sentence(draw, scheme) + ["O"] * len(own))[: len(own)]
        found.append(other)
    return found


def _well_formed(tags: list[str], scheme: str) -> list[str]:
    """A cut sentence whose last entity may lack its end: that entity is left out."""
    return tags if scheme in ("IOB1", "IOB2", "plain") else _without_open(tags, scheme)


def _without_open(tags: list[str], scheme: str) -> list[str]:
    ends = {"IOE2": "E"}.get(scheme) or "".join(_LETTERS[scheme][2:])
    tags = list(tags)
    place = len(tags) - 1
    while place >= 0 and tags[place] != "O" and tags[place][0] not in ends:
        tags[place] = "O"
        place -= 1
    return tags


def spans_agree(cases: int, seed: int, work: Path) -> dict[str, int]:
    """How many random pairs of files get another F1 than seqeval gives, in strict mode where it
    knows the scheme, else on the same entities written in IOB2."""
    from seqeval import scheme as schemes
    from seqeval.metrics import f1_score

    differ = 0
    for number in range(cases):
        draw = random.Random(f"{seed} {number}")
        scheme = SCHEMES[number % len(SCHEMES)]
        gold = [_sentence(draw, scheme) for _ in range(draw.randint(1, 4))]
        pair = [gold, _noisy(draw, gold, scheme)]
        pair = [[_well_formed(tags, scheme) for tags in side] for side in pair]
        for side in pair:
            side.append(["O"])
        read = [_read(side, work / "spans.conll") for side in pair]
        ours = span_f1(*read)
        if scheme in _THEIRS:
            named = getattr(schemes, _THEIRS[scheme])
            theirs = f1_score(*pair, mode="strict", scheme=named, zero_division=0)
        else:
            theirs = f1_score(*read, mode="strict", scheme=schemes.IOB2, zero_division=0)
        if abs(ours - 100 * theirs) > 1e-9:
            differ += 1
            print(f"span F1 {ours} is not {100 * theirs} in {scheme}: {pair}")
    return {"cases": cases, "schemes": len(SCHEMES), "differ": differ}


def _read(side: list[list[str]], path: Path) -> list[list[str]]:
    rows = ["".join(f"w\t{tag}\n" for tag in tags) for tags in side]
    path.write_text("\n".join(rows))
    return [list(example.tags) for example in read_labels(path, expect="entities").examples]


def pieces_agree(folder: Path, limit: int | None) -> dict[str, int]:
    """How many lines of each language's text are cut otherwise by the fast tokenizer that is made
    of a SentencePiece model of 2,000 pieces (or as few as its characters need) than by that model.
    """
    import sentencepiece

    from unibridge.vocabulary.tokenizer import to_fast_tokenizer
    from unibridge.vocabulary.train import VocabularyTooSmall, train_sentencepiece

    found = {"languages": 0, "lines": 0, "differ": 0}
    files = sorted(folder.glob("*.txt"))
    for file in files[:3] if limit else files:
        lines = file.read_text(encoding="utf-8").split("\n")[:limit]
        few = lines[:: max(1, len(lines) // 2000)]
        try:
            model = train_sentencepiece(few, 2000, at_most=True)
        except VocabularyTooSmall as refusal:
            model = train_sentencepiece(few, refusal.smallest + 500, at_most=True)
        theirs = sentencepiece.SentencePieceProcessor(model_proto=model)
        ours = to_fast_tokenizer(model)
        for start in range(0, len(lines), 1000):
            part = lines[start : start + 1000]
            expected = theirs.encode(part, out_type=str)
            got = ours(part, add_special_tokens=False, verbose=False)["input_ids"]
            for line, wanted, ids in zip(part, expected, got, strict=True):
                tokens = ours.convert_ids_to_tokens(ids)
                known = [
                    piece if theirs.piece_to_id(piece) != theirs.unk_id() else ours.unk_token
                    for piece in wanted
                ]
                if tokens != known:
                    found["differ"] += 1
                    print(f"{file.name}: {line[:80]!r}: {tokens[:9]} is not {known[:9]}")
        found["languages"] += 1
        found["lines"] += len(lines)
    return found
