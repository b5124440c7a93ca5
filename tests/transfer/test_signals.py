"""A language classifier beside the task: what its gradient does to the encoder, either way."""

import math

import pytest
import torch

from toy import LINES, toy_base, toy_examples
from toy_run import toy_lines, write_toy_run
from unibridge.config import load_config
from unibridge.errors import UnibridgeError
from unibridge.study.run import run
from unibridge.tasks import TASKS
from unibridge.transfer.signals import SIGNALS
from unibridge.transfer.signals.base import LanguageClassifier, SignalSettings
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings


def test_the_adversarys_schedule_is_the_papers():
    assert SIGNALS["adversary"](0.0) == 0
    assert SIGNALS["adversary"](0.5) == pytest.approx(-(2 / (1 + math.exp(-5)) - 1))
    assert SIGNALS["adversary"](1.0) == pytest.approx(-0.99991, abs=1e-5)
    assert SIGNALS["identification"](0.3) == 1


def classifier(method, steps=10):
    base = toy_base("bert")
    settings = SignalSettings(method=method, hidden=4, weight=2.0)
    return LanguageClassifier(
        settings,
        base.tokenizer,
        ["en", "sw"],
        {"lug": LINES},
        width=16,
        limit=20,
        steps=steps,
        seed=0,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("method", ["adversary", "identification"])
def test_the_gradient_is_turned_in_the_encoder_alone(method):
    signal = classifier(method)
    assert signal.languages == ["en", "sw", "lug"]
    states = torch.randn(3, 5, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    other = torch.randn(3, 30, 16, generator=torch.Generator().manual_seed(2))
    mask = torch.ones(3, 5)

    def loss(step):
        read = lambda ids, seen: other[: len(ids), : ids.shape[1]]  # noqa: E731
        generator = torch.Generator().manual_seed(0)
        return signal.loss(states, mask, 1, read, step, generator, slice(0, 3), 3)

    value = loss(5)
    assert loss(0).item() == pytest.approx(value.item())  # the schedule changes gradients only
    wanted = torch.tensor([1, 1, 1, 2, 2, 2])
    pooled = states.mean(1)
    ids = [
        signal.texts[i][0]
        for i in torch.randint(5, (3,), generator=torch.Generator().manual_seed(0)).tolist()
    ]
    longest = max(map(len, ids))
    seen = torch.tensor([[1.0] * len(one) + [0.0] * (longest - len(one)) for one in ids])
    means = (other[:, :longest] * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)
    logits = signal.classifier(torch.cat([pooled, means]))
    plain = 2.0 * torch.nn.functional.cross_entropy(logits, wanted)
    assert plain.item() == pytest.approx(value.item(), rel=1e-5)
    parameters = list(signal.classifier.parameters())
    ours = torch.autograd.grad(value, [states, *parameters])
    theirs = torch.autograd.grad(plain, [states, *parameters])
    factor = SIGNALS[method](0.5)
    torch.testing.assert_close(ours[0], factor * theirs[0], atol=1e-6, rtol=1e-4)
    for mine, expected in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(mine, expected)


def told_apart(trained, base, lines):
    """How far two languages' mean states are from each other, in units of their spread."""
    from unibridge.models.rows import lay_over

    encoder = base.model.bert
    encoder.load_state_dict(lay_over(encoder.state_dict(), trained.encoder), strict=False)
    means, spreads = [], []
    for own in lines.values():
        given = base.tokenizer(own, padding=True, return_tensors="pt")
        with torch.no_grad():
            states = encoder(**given).last_hidden_state
        pooled = (states * given["attention_mask"][..., None]).sum(1)
        pooled = pooled / given["attention_mask"].sum(1, keepdim=True)
        means.append(pooled.mean(0)), spreads.append(pooled.std(0).mean())
    return float((means[0] - means[1]).norm() / sum(spreads))


def test_the_adversary_brings_languages_together_and_identification_apart():
    task = TASKS["classification"]
    examples = {"en": toy_examples("classification") * 4}
    lines = {"lug": toy_lines("lug", 20)}
    distance = {}
    for method in ("adversary", "none", "identification"):
        base = toy_base("bert", dropout=0.0)
        settings = TaskSettings(
            training={"epochs": 8, "batch_size": 8, "learning_rate": 3e-3},
            languages={"method": method},
        )
        trained = train_task(
            base,
            task,
            examples,
            {},
            ["boat", "no"],
            settings,
            name="x",
            train="model",
            unlabelled=lines,
        )
        assert ("language" in trained.facts["curve"][0]) == (method != "none")
        assert not any("signal" in name for name in trained.encoder)
        distance[method] = told_apart(trained, base, {"en": list(LINES), **lines})
    assert distance["adversary"] < distance["identification"]
    assert distance["none"] < distance["identification"]


def test_without_text_it_is_refused_before_training():
    settings = TaskSettings(languages={"method": "adversary"})
    with pytest.raises(UnibridgeError, match="no plain text of the target"):
        train_task(
            toy_base("bert"),
            TASKS["classification"],
            {"en": toy_examples("classification")},
            {},
            ["boat", "no"],
            settings,
            name="x",
        )


@pytest.mark.slow
def test_a_run_hears_the_targets_text(tmp_path):
    path = write_toy_run(tmp_path, "classification")
    changes = ['run.methods=["fine-tune"]', "run.reference=fine-tune"]
    plain = run(load_config(path, changes))
    before = {p.name for p in plain.iterdir()}
    run(load_config(path, [*changes, "fine_tuning.languages.method=adversary"]))
    (new,) = (p for p in plain.iterdir() if p.name.startswith("train-") and p.name not in before)
    manifest = (new / "manifest.json").read_text()
    assert "lug:text:0:lug.txt" in manifest and '"language"' in manifest
