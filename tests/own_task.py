"""A task as a user's own code would have it: nothing of it is registered."""

from unibridge.tasks.classification import TextClassification


class Mood(TextClassification):
    """Classes of texts under another name."""

    name = "mood"
    metric = "accuracy"
