"""Universal parts of speech."""

from unibridge.tasks.tagging import TaggingTask

UPOS = frozenset(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()  # noqa: SIM905
)


class PartOfSpeech(TaggingTask):
    """A UPOS tag per word, scored by accuracy over words.

    The tag set is Universal Dependencies' own, so that sources whose small treebanks lack, say,
    interjections still share labels. Tags of another set are compared as they are.
    """

    name = "pos"

    def inventory(self, labels: set[str]) -> list[str]:
        return sorted(UPOS if labels <= UPOS else labels)

    def comparable(self, labels: set[str]) -> set[str]:
        return set(UPOS) if labels and labels <= UPOS else labels
