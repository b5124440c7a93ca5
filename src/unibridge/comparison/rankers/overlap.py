"""Pieces that two languages share, as LangRank counts them (Lin et al. 2019, arXiv 1905.12688)."""

from unibridge.comparison.rankers.base import RankRequest, needs


@needs("text")
def overlap(request: RankRequest) -> dict[str, float]:
    """|V_s ∩ V_t| / (|V_s| + |V_t|), of the base's pieces, or of words between spaces without one.

    Both from the same number of lines, since a longer text has more pieces of everything.
    """

    def vocabulary(code: str) -> frozenset[str]:
        lines = request.lines(code)
        if request.base is None:
            return frozenset(word for line in lines for word in line.split())
        tokenizer = request.base.tokenizer
        special = set(tokenizer.all_special_tokens)
        return frozenset(t for line in lines for t in tokenizer.tokenize(line)) - special

    def known(code: str) -> frozenset[str]:
        return request.once(("vocabulary", code), lambda: vocabulary(code))

    target = known(request.target)
    return {
        source: len(known(source) & target) / max(1, len(known(source)) + len(target))
        for source in request.sources
    }
