"""What two languages share, as LangRank counts it (Lin et al. 2019, arXiv 1905.12688).

Words tell which texts name the same things, pieces what a base reads of both; they rank sources
differently, and have a name each.
"""

from collections.abc import Callable, Iterable

from unibridge.comparison.rankers.base import RankRequest, needs


@needs("text")
def words(request: RankRequest) -> dict[str, float]:
    """|V_s ∩ V_t| / (|V_s| + |V_t|) of words, which are what stands between spaces."""
    return _shared(request, "words", str.split)


@needs("text", "tokenizer")
def pieces(request: RankRequest) -> dict[str, float]:
    """|V_s ∩ V_t| / (|V_s| + |V_t|) of the base's pieces."""
    tokenizer = request.tokenizer
    assert tokenizer is not None
    special = set(tokenizer.all_special_tokens)
    return _shared(
        request, "pieces", lambda line: (t for t in tokenizer.tokenize(line) if t not in special)
    )


def _shared(
    request: RankRequest, unit: str, cut: Callable[[str], Iterable[str]]
) -> dict[str, float]:
    """Both from the same number of lines, since a longer text has more of everything."""

    def known(code: str) -> frozenset[str]:
        return request.once(
            (unit, code), lambda: frozenset(u for line in request.lines(code) for u in cut(line))
        )

    target = known(request.target)
    return {
        source: len(known(source) & target) / max(1, len(known(source)) + len(target))
        for source in request.sources
    }
