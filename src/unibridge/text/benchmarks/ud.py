"""Universal Dependencies: trees by treebank (`ud`), parts of speech by XTREME's list (`udpos`).

Parsing is scored as in the CoNLL 2018 shared task (Zeman et al. 2018): LAS without subtypes, the
mean over treebanks. XTREME (arXiv 2003.11080) scores parts of speech by seqeval, which takes words
of one tag that follow each other for one entity; accuracy stands beside it.
"""

from unibridge.text.benchmarks.layouts import tagged, trees
from unibridge.text.benchmarks.record import Benchmark, Row, codes, hub_splits

HUB = hub_splits()
NAMES = (
    "af:Afrikaans ar:Arabic bg:Bulgarian de:German el:Greek en:English es:Spanish et:Estonian "
    "eu:Basque fa:Persian fi:Finnish fr:French he:Hebrew hi:Hindi hu:Hungarian id:Indonesian "
    "it:Italian ja:Japanese kk:Kazakh ko:Korean mr:Marathi nl:Dutch pt:Portuguese ru:Russian "
    "ta:Tamil te:Telugu th:Thai tl:Tagalog tr:Turkish ur:Urdu vi:Vietnamese yo:Yoruba zh:Chinese"
)
NAME = dict(one.split(":") for one in NAMES.split())


def tree(row: Row, code: str) -> Row:
    """Words with their heads and relations."""
    pairs = zip(row["head"], row["deprel"], strict=True)
    return {"words": list(row["tokens"]), "tags": [f"{head}|{name}" for head, name in pairs]}


def part_of_speech(row: Row, code: str) -> Row:
    """Words with their UPOS; XTREME's hub set calls them otherwise."""
    return tagged(row, code, tags="pos_tags" if "pos_tags" in row else "upos")


UD = Benchmark(
    name="ud",
    task="parsing",
    paper="K18-2001",
    languages={},
    trained_on=("ud", "en_ewt"),
    hub=lambda code, split: (
        f"hub:universal-dependencies/universal_dependencies:{code}:{HUB[split]}"
    ),
    files=lambda code, split: (f"*/{code}-ud-{split}.conllu", f"{code}-ud-{split}.conllu"),
    rows=trees,
    example=tree,
    metrics=("las", "uas"),
)
UDPOS = Benchmark(
    name="udpos",
    task="pos",
    paper="arXiv 2003.11080",
    languages=codes(*NAME),
    trained_on=("udpos", "en"),
    hub=lambda code, split: f"hub:google/xtreme:udpos.{NAME[code]}:{HUB[split]}",
    # all treebanks of a language together
    files=lambda code, split: (f"{code}/*{split}.conllu", f"{code}/*{split}.conll"),
    rows=trees,
    example=part_of_speech,
    metrics=("xtreme_pos_f1", "accuracy"),
)
