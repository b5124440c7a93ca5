"""The biaffine parser's head (Dozat & Manning 2017, arXiv 1611.01734)."""

import torch
from torch import nn

from unibridge.tasks.encoded import PADDED
from unibridge.tasks.heads import LayerMix, States
from unibridge.tasks.shapes import HeadShape


class Biaffine(nn.Module):
    """s[b, x, y, o] = x' W_o y', for all pairs of `left` (batch, x, in) and `right` (batch, y, in).

    x' is x with a one behind it, y' likewise where `bias_right`: the words' own scores.
    """

    def __init__(self, left: int, right: int, out: int, *, bias_right: bool) -> None:
        super().__init__()
        self.bias_right = bias_right
        self.weight = nn.Parameter(torch.zeros(out, left + 1, right + bias_right))

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        left = torch.cat([left, torch.ones_like(left[..., :1])], -1)
        if self.bias_right:
            right = torch.cat([right, torch.ones_like(right[..., :1])], -1)
        return torch.einsum("bxi,oij,byj->bxyo", left, self.weight, right)


class BiaffineHead(nn.Module):
    """Scores of all heads of all words, and of all relations between them.

    A word is the mean of its subwords' states, the root the first token's (as AdapterHub's head,
    after Glavaš & Vulić 2021, which has no perceptrons). Each is seen as a dependent and as a head,
    through a perceptron each for arcs and for labels where their sizes are above 0.
    """

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        settings = shape.settings
        self.reads_layers = settings.layer_mix
        self.mix = LayerMix(shape.layers) if self.reads_layers else nn.Identity()
        self.dropout = nn.Dropout(shape.dropout)
        sizes = {"arc": settings.arc_size, "label": settings.label_size}
        self.perceptrons = nn.ModuleDict(
            {
                f"{what}_{side}": nn.Sequential(
                    nn.Linear(shape.hidden, size), nn.ReLU(), nn.Dropout(shape.dropout)
                )
                if size
                else nn.Identity()
                for what, size in sizes.items()
                for side in ("dependent", "head")
            }
        )
        arc, label = (size or shape.hidden for size in sizes.values())
        self.arcs = Biaffine(arc, arc, 1, bias_right=False)
        self.labels = Biaffine(label, label, shape.labels, bias_right=True)

    def forward(
        self,
        states: States,
        mask: torch.Tensor,
        word_starts: torch.Tensor,
        word_ends: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """arcs (batch, words, words + 1), labels (batch, words, words + 1, labels).

        word_starts, word_ends: (batch, words), the first token of a word and the one after its
        last; equal where there is no word, which is nobody's head.
        """
        read: torch.Tensor = self.dropout(self.mix(states))
        places = torch.arange(read.shape[1], device=read.device)
        inside = (places >= word_starts.unsqueeze(-1)) & (places < word_ends.unsqueeze(-1))
        shares = inside.to(read) / inside.sum(-1, keepdim=True).clamp(min=1)
        dependents = shares @ read
        heads = torch.cat([read[:, :1], dependents], 1)

        def seen(what: str) -> tuple[torch.Tensor, torch.Tensor]:
            return (
                self.perceptrons[f"{what}_dependent"](dependents),
                self.perceptrons[f"{what}_head"](heads),
            )

        arcs = self.arcs(*seen("arc")).squeeze(-1)
        none = torch.cat([torch.zeros_like(word_ends[:, :1]), word_ends - word_starts], 1) == 0
        none = none & (torch.arange(none.shape[1], device=none.device) > 0)
        return {
            "arcs": arcs.masked_fill(none.unsqueeze(1), PADDED),
            "labels": self.labels(*seen("label")),
        }
