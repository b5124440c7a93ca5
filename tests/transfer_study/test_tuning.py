"""Few-step tuning: exactly so many steps, from the seed alone, of everything."""

import torch

from toy import LINES, toy_base
from unibridge.transfer_study.settings import TuningSettings
from unibridge.transfer_study.tuning import TuningText, mixed, shuffled, tune

SETTINGS = TuningSettings(batch_size=2, sample_words=0)


def weights(model):
    return {name: p.clone() for name, p in model.named_parameters()}


def test_the_seed_decides_and_the_base_is_left_alone():
    base = toy_base("xlm-roberta")
    before = weights(base.model)
    text = TuningText(base, LINES, SETTINGS)
    first, same, other = (weights(tune(base, text, 3, seed=seed)) for seed in (0, 0, 1))
    assert all(torch.equal(first[n], same[n]) for n in first)
    assert any(not torch.equal(first[n], other[n]) for n in first)
    assert all(torch.equal(before[n], p) for n, p in base.model.named_parameters())


def test_one_step_moves_what_has_a_gradient_by_the_rate():
    base = toy_base("xlm-roberta", dropout=0.0)
    tuned = tune(base, TuningText(base, LINES, SETTINGS), 1, seed=0)
    moved = {
        name: (p - base.model.get_parameter(name)).abs().max().item()
        for name, p in tuned.named_parameters()
    }
    encoder = [m for n, m in moved.items() if ".layer." in n and "query.weight" in n]
    assert encoder and all(abs(m - 5e-5) < 1e-6 for m in encoder)


def test_fewer_steps_are_no_checkpoint_of_more():
    base = toy_base("xlm-roberta", dropout=0.0)
    text, seen = TuningText(base, LINES, SETTINGS), []
    tune(base, text, 4, seed=0, progress=lambda step, steps, parts: seen.append((step, steps)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    settings = SETTINGS.training(4)
    assert (settings.schedule, settings.warmup, settings.weight_decay) == ("linear", 0.0, 0.0)


def test_shuffled_text_has_the_words_and_the_lengths():
    lines = shuffled(LINES)
    assert sorted(" ".join(lines).split()) == sorted(" ".join(LINES).split())
    assert [len(a.split()) for a in lines] == [len(b.split()) for b in LINES]
    assert lines == shuffled(LINES) and lines != list(LINES)
    assert sorted(shuffled(["漢字書", "日本"])[0] + shuffled(["漢字書", "日本"])[1]) == sorted(
        "漢字書日本"
    )


def test_mixed_text_has_as_much_of_every_language():
    lines = mixed({"a": ["a"] * 50, "b": ["b"] * 9, "c": ["c"] * 50}, 30)
    assert (lines.count("a"), lines.count("b"), lines.count("c")) == (10, 9, 10)
