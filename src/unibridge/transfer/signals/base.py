"""A classifier of languages on the encoder's states, and what its gradient does to the encoder."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.settings import ChosenFrom, Settings
from unibridge.text.corpus import spread

if TYPE_CHECKING:
    import torch

Signal = Callable[[float], float]
"""share of the training that is done, 0 to 1 -> factor of the gradient into the encoder."""


class SignalSettings(Settings):
    """What the encoder is told of the languages that it reads, while it learns a task."""

    method: Annotated[str, ChosenFrom("unibridge.transfer.signals:SIGNALS", ("none",))] = Field(
        "none",
        description="adversary: it forgets which language it reads; identification: it is to tell; "
        "none: nothing; over the sources' examples and the target's plain text",
    )
    weight: float = Field(1.0, gt=0, description="of the classifier's loss beside the task's")
    hidden: int = Field(
        100, ge=1, description="width of the classifier's hidden layer (Ganin & Lempitsky: 100)"
    )
    max_lines: int = Field(4000, ge=1, description="lines of the target's text, evenly spread")

    def check(self, lines: Mapping[str, Sequence[str]]) -> None:
        """Raise UnibridgeError where there is no text to tell languages by."""
        if self.method != "none" and not any(map(len, lines.values())):
            raise UnibridgeError(
                "there is no plain text of the target to tell its language by",
                where="languages.method",
                do='give its text, or set languages.method = "none"',
            )


class LanguageClassifier:
    """Mean-pooled states of texts -> their language, for as many target lines as examples.

    sources: codes, in the order of the batches' owners. lines: language -> its plain text. steps:
    of the whole training.
    """

    def __init__(
        self,
        settings: SignalSettings,
        tokenizer: Any,
        sources: Sequence[str],
        lines: Mapping[str, Sequence[str]],
        *,
        width: int,
        limit: int,
        steps: int,
        seed: int,
        device: "torch.device",
    ) -> None:
        import torch
        from torch import nn

        from unibridge.transfer.signals import SIGNALS

        settings.check(lines)
        self.signal, self.settings, self.steps = SIGNALS.resolve(settings.method), settings, steps
        self.languages = [*sources, *(code for code in lines if code not in sources)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.classifier = nn.Sequential(
                nn.Linear(width, settings.hidden),
                nn.ReLU(),
                nn.Linear(settings.hidden, len(self.languages)),
            ).to(device)
        self.pad = tokenizer.pad_token_id or 0
        self.texts: list[tuple[list[int], int]] = []
        for code, own in lines.items():
            chosen = spread(own, settings.max_lines)
            read = tokenizer(chosen, truncation=True, max_length=limit, verbose=False)
            number = self.languages.index(code)
            self.texts += [(ids, number) for ids in read["input_ids"]]

    @property
    def token_ids(self) -> list[int]:
        """Every token of its texts, so that their rows are trained."""
        return [i for ids, _ in self.texts for i in ids]

    def parameters(self) -> "dict[str, torch.nn.Parameter]":
        """Name -> parameter."""
        return {f"signal.{name}": p for name, p in self.classifier.named_parameters()}

    def loss(
        self,
        states: "torch.Tensor",
        mask: "torch.Tensor",
        owner: int,
        read: "Callable[..., torch.Tensor]",
        step: int,
        generator: "torch.Generator",
        rows: slice,
        whole: int,
    ) -> "torch.Tensor":
        """Mean cross-entropy (nats) of these rows' share of a step, both kinds of text together.

        states: of the examples, (rows, length, hidden); owner: their source's number. read: ids and
        mask of the drawn lines -> their states. whole: examples of the step; rows: these.
        """
        import torch
        from torch.nn import functional

        from unibridge.models.states import mean_state
        from unibridge.tasks.encoded import padded

        drawn = torch.randint(len(self.texts), (whole,), generator=generator)[rows].tolist()
        ids = [self.texts[i][0] for i in drawn]
        given = padded(ids, self.pad).to(states.device)
        seen = padded([[1] * len(one) for one in ids], 0).to(states.device)
        pooled = torch.cat([mean_state(states, mask), mean_state(read(given, seen), seen)])
        factor = self.signal(min(1.0, step / max(1, self.steps)))
        # the same values, of which the encoder gets the gradient times the factor
        pooled = pooled * factor + pooled.detach() * (1 - factor)
        languages = [owner] * len(states) + [self.texts[i][1] for i in drawn]
        wanted = torch.tensor(languages, device=states.device)
        own = functional.cross_entropy(self.classifier(pooled.float()), wanted)
        return self.settings.weight * own * (len(states) / whole)
