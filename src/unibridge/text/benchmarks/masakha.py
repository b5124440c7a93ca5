"""MasakhaNER 1 and 2 (arXiv 2103.11811, 2210.12391) and MasakhaPOS (arXiv 2305.13989).

Entity F1, or accuracy, the mean over languages; the second NER paper reads them zero-shot from
English CoNLL 2003, which is not free: train on another, or on one of these.
"""

from unibridge.text.benchmarks.layouts import tagged, tagged_words
from unibridge.text.benchmarks.record import Benchmark, Row, codes, hub_splits

HUB = hub_splits()


def files(code: str, split: str) -> tuple[str, ...]:
    """As in the projects' repositories."""
    return (f"data/{code}/{split}.txt", f"{code}/{split}.txt")


def part_of_speech(row: Row, code: str) -> Row:
    """The hub calls the tags otherwise than files that have no name for them."""
    return tagged(row, code, tags="upos" if "upos" in row else "ner_tags")


MASAKHANER = Benchmark(
    name="masakhaner",
    task="ner",
    paper="arXiv 2103.11811",
    languages=codes("amh hau ibo kin lug luo pcm swa wol yor"),
    trained_on=("masakhaner", "swa"),
    hub=lambda code, split: f"hub:masakhane/masakhaner:{code}:{HUB[split]}",
    files=files,
    rows=tagged_words,
    example=tagged,
    metrics=("span_f1",),
)
MASAKHANER2 = Benchmark(
    name="masakhaner2",
    task="ner",
    paper="arXiv 2210.12391",
    languages=codes(
        "bam bbj ewe fon hau ibo kin lug luo mos nya pcm sna swa tsn twi wol xho yor zul"
    ),
    trained_on=("masakhaner2", "swa"),
    hub=lambda code, split: f"hub:masakhane/masakhaner2:{code}:{HUB[split]}",
    files=files,
    rows=tagged_words,
    example=tagged,
    metrics=("span_f1",),
)
MASAKHAPOS = Benchmark(
    name="masakhapos",
    task="pos",
    paper="arXiv 2305.13989",
    languages=codes(
        "bam bbj ewe fon hau ibo kin lug luo mos nya pcm sna swa tsn twi wol xho yor zul"
    ),
    trained_on=("udpos", "en"),
    hub=lambda code, split: f"hub:masakhane/masakhapos:{code}:{HUB[split]}",
    files=files,
    rows=tagged_words,
    example=part_of_speech,
    metrics=("accuracy",),
)
