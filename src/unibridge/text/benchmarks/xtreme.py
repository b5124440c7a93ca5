"""XTREME's groups (Hu et al. 2020, arXiv 2003.11080)."""

from unibridge.text.benchmarks.record import Suite

XTREME = Suite(
    name="xtreme",
    paper="arXiv 2003.11080",
    groups={
        "classification": ("pawsx", "xnli"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "xtreme-tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
)
