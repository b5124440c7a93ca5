"""Does our biaffine head score as AdapterHub's does? (`make parity` runs both.)

    AdapterHub's  parity_biaffine.py make-golden FOLDER   a head, and what it scores
    ours          parity_biaffine.py check FOLDER         the same weights, compared

FOLDER is one of parity.py's: a family's base/ is taken from there, biaffine/ is written beside it.
Theirs (adapters 1.3.0, `add_dependency_parsing_head`) has no perceptrons, so ours is built without.
Compared are the scores of real words with the root and with each other: behind them theirs goes on
with words of zeros, ours with a mask.
"""

from pathlib import Path

import torch
from parity import EFFECT, auto, randomise, take_turn
from safetensors.torch import load_file, save_file
from torch import Tensor

FAMILIES = ("bert", "xlm-roberta")
LABELS = 5
# the first token of each word and the end of the last, as theirs is told; words of 1 to 3 tokens
WORDS = ([1, 2, 4, 7, 8], [1, 3, 4])
NONE = 0
"""What fills up their word starts.

They take the tokenizer's padding for it and drop every word that starts at that very place: the
first word of each sentence where the padding's id is 1, as XLM-R's is. So the golden heads are told
of 0, where no word starts.
"""


def make_golden(folder: Path) -> dict[str, float]:
    """Write the weights of AdapterHub's head and its scores, with the base's states below them."""
    import adapters

    for family in FAMILIES:
        model = adapters.AutoAdapterModel.from_pretrained(folder / family / "base").eval()
        model.add_dependency_parsing_head("trees", num_labels=LABELS)
        head = model.heads["trees"]
        generator = torch.Generator().manual_seed(len(family))
        weights = {"arcs": head.biaffine_arcs.weight, "labels": head.biaffine_rels.weight}
        randomise(list(weights.values()), generator)
        with torch.no_grad():
            # the states of words lie close together in so small a base
            for weight in weights.values():
                weight *= 3
        ids = torch.randint(4, 40, (len(WORDS), 9), generator=generator)
        mask = torch.ones_like(ids)
        ids[1, 5:], mask[1, 5:] = model.config.pad_token_id, 0
        longest = max(map(len, WORDS))
        starts = torch.tensor([row + [NONE] * (longest - len(row)) for row in WORDS])
        head.model_config.pad_token_id = NONE
        with torch.no_grad():
            found = model(input_ids=ids, attention_mask=mask, head="trees", word_starts=starts)
        tensors = {
            **{"input_ids": ids, "attention_mask": mask, "starts": starts},
            **{f"weight.{name}": weight.detach() for name, weight in weights.items()},
            **{"scores.arcs": found.arc_preds, "scores.labels": found.rel_preds},
        }
        here = folder / family / "biaffine"
        here.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous() for k, v in tensors.items()}, here / "expected.safetensors")
    return dict.fromkeys(FAMILIES, 0.0)


def scores(family: str, folder: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """arcs and labels -> (ours, AdapterHub's), a row for each real pair of word and head."""
    from unibridge.models.families import FAMILIES as RECORDS
    from unibridge.tasks.biaffine import BiaffineHead
    from unibridge.tasks.shapes import HeadSettings, HeadShape

    expected = load_file(folder / family / "biaffine" / "expected.safetensors")
    model = auto(family).from_pretrained(folder / family / "base").eval()
    plain = HeadSettings(arc_size=0, label_size=0)
    head = BiaffineHead(HeadShape(model.config.hidden_size, LABELS, 0.0, 0, plain)).eval()
    head.load_state_dict({f"{n}.weight": expected[f"weight.{n}"] for n in ("arcs", "labels")})
    starts, ends = expected["starts"][:, :-1], expected["starts"][:, 1:]
    # the end of the last word begins none
    begins = (ends > 0).long()
    with torch.no_grad():
        inputs = {name: expected[name] for name in ("input_ids", "attention_mask")}
        states = model.get_submodule(RECORDS[family].encoder)(**inputs).last_hidden_state
        found = head(states, inputs["attention_mask"], starts * begins, ends * begins)
    both = {}
    for name, ours in found.items():
        theirs = expected[f"scores.{name}"]
        both[name] = tuple(
            torch.cat(
                [
                    scored[: len(words) - 1, : len(words)].flatten(0, 1)
                    for scored, words in zip(one, WORDS, strict=True)
                ]
            )
            for one in (ours, theirs)
        )
    return both


def check(folder: Path) -> dict[str, float]:
    """Compare ours with AdapterHub's scores."""
    worst = {}
    for family in FAMILIES:
        far = []
        for name, (ours, theirs) in scores(family, folder).items():
            difference, effect = (ours - theirs).abs().max().item(), theirs.std(0).max().item()
            print(f"{family:14} {name:8} difference {difference:.1e}   effect {effect:.2f}")
            far.append(difference if effect > EFFECT else float("inf"))
        worst[family] = max(far)
    return worst


if __name__ == "__main__":
    take_turn(__doc__, {"make-golden": make_golden, "check": check})
