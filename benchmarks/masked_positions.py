"""Adaptation steps with logits at masked positions only, against logits everywhere.

    python benchmarks/masked_positions.py [REPEATS]

An XLM-R model with random weights, a language adapter and new embeddings; both ways train copies
of it on the same padded batches, in turns within one process. Peak memory is of a process each.
"""

import argparse
import copy
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from tokenizers import Tokenizer, models
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

from unibridge.adapters import attach
from unibridge.adapters.settings import LANGUAGE_ADAPTER
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import Corrupted, objective_of
from unibridge.models.objectives.masked import mask_tokens
from unibridge.models.states import encoder_states
from unibridge.transfer.mlm import TokenStore

PIECES, HIDDEN, LAYERS, HEADS = 24_000, 256, 6, 4
SAMPLES, LENGTH, BATCHES = 8, 128, 4
GOAL = 1.8
FAMILY = FAMILIES["xlm-roberta"]
Loss = Callable[..., torch.Tensor]


def all_positions_loss(
    model: torch.nn.Module, _: object, hidden: torch.Tensor, batch: Corrupted
) -> torch.Tensor:
    """The same number as the objective's loss, from logits at every position."""
    logits = FAMILY.vocabulary_logits(model, hidden)
    return F.cross_entropy(logits.flatten(0, 1), batch.wanted.flatten())


WAYS: dict[str, Loss] = {
    "masked positions": objective_of(FAMILY).loss,
    "all positions": all_positions_loss,
}


def make_model() -> tuple[XLMRobertaForMaskedLM, list[torch.nn.Parameter]]:
    """The student of an adaptation, and what is trained of it."""
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=PIECES,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * HIDDEN,
        max_position_embeddings=LENGTH + 2,
        type_vocab_size=1,
    )
    model = XLMRobertaForMaskedLM(config)
    attach.add_adapter(model, FAMILY, "target", LANGUAGE_ADAPTER, seed=0)
    attach.activate(model, "target")
    attach.freeze(model)
    trained = [
        *attach.adapter_parameters(model, "target"),
        model.get_parameter(f"{FAMILY.encoder}.{FAMILY.word_embeddings}.weight"),
        model.get_parameter(f"{FAMILY.projection}.bias"),
    ]
    for parameter in trained:
        parameter.requires_grad_(True)
    return model.train(), trained


def make_batches() -> list[tuple[torch.Tensor, ...]]:
    """(ids, attention mask, corrupted ids, chosen positions) of samples of 64 to 128 tokens."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = {piece: i for i, piece in enumerate([*special, *map(str, range(len(special), PIECES))])}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<unk>")),
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
    generator = torch.Generator().manual_seed(0)
    batches: list[tuple[torch.Tensor, ...]] = []
    for _ in range(BATCHES):
        lengths = torch.randint(LENGTH // 2, LENGTH + 1, (SAMPLES,), generator=generator).tolist()
        lengths[0] = LENGTH
        rows = [
            torch.randint(len(special), PIECES, (length,), generator=generator).tolist()
            for length in lengths
        ]
        ids, mask = TokenStore.of(rows).batch(range(SAMPLES), tokenizer.pad_token_id)
        masked = mask_tokens(ids, mask, tokenizer, rate=0.15, generator=generator)
        batches.append((ids, mask, *masked))
    return batches


def make_step(way: str, model: XLMRobertaForMaskedLM) -> Callable[..., float]:
    """A function that trains on one batch by `way` and returns its loss."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-4, fused=True)

    def step(
        ids: torch.Tensor, mask: torch.Tensor, corrupted: torch.Tensor, chosen: torch.Tensor
    ) -> float:
        hidden = encoder_states(model, FAMILY, corrupted, mask)
        batch = Corrupted(corrupted, mask, ids.masked_fill(~chosen, -100))
        loss = WAYS[way](model, FAMILY, hidden, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def peak_memory(way: str) -> int:
    """Bytes that a process of its own holds at most while it trains by `way`."""
    command = [sys.executable, __file__, "--only", way]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("repeats", nargs="?", type=int, default=5)
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # measured before anything large is made here: a new process starts from its parent's peak
    peaks = {} if arguments.only else {way: peak_memory(way) for way in WAYS}
    model, trained = make_model()
    batches = make_batches()
    if arguments.only:
        step = make_step(arguments.only, model)
        for batch in batches:
            step(*batch)
        # kilobytes on Linux, bytes on macOS
        unit = 1 if sys.platform == "darwin" else 1024
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
        return

    steps = {way: make_step(way, copy.deepcopy(model)) for way in WAYS}
    losses = []
    for step in steps.values():
        torch.manual_seed(0)  # the same dropout for both
        losses.append(step(*batches[0]))
    if abs(losses[0] - losses[1]) > 1e-4:
        raise SystemExit(f"the two ways differ in their loss: {losses}")
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(arguments.repeats):
        for way, step in steps.items():
            started = time.perf_counter()
            for batch in batches:
                step(*batch)
            seconds[way].append(time.perf_counter() - started)

    tokens = sum(int(batch[1].sum()) for batch in batches)
    chosen = sum(int(batch[3].sum()) for batch in batches)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print(
        f"hidden {HIDDEN}, {LAYERS} layers, {PIECES:,} pieces, "
        f"{sum(p.numel() for p in trained):,} weights trained; batches of {SAMPLES} x {LENGTH}, "
        f"{tokens:,} tokens without padding, {chosen / tokens:.0%} masked; "
        f"medians of {arguments.repeats}"
    )
    print(f"{'logits at':18}{'tokens/s':>10}{'s/step':>9}{'peak GB':>9}")
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    for way, median in medians.items():
        speed = tokens / median
        print(f"{way:18}{speed:>10,.0f}{median / BATCHES:>9.3f}{peaks[way] / 1e9:>9.2f}")
    ratio = medians["all positions"] / medians["masked positions"]
    print(f"masked positions are faster by {ratio:.2f}x (goal {GOAL}x)")


if __name__ == "__main__":
    main()
