"""What holds a model where it was: the penalty by hand, and what it does to the sources."""

import json

import pytest
import torch

from toy import toy_base, toy_examples
from toy_run import toy_lines, write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.study.run import run
from unibridge.tasks import TASKS
from unibridge.transfer.forgetting.base import ForgettingSettings, guard
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings


def test_the_penalty_is_kirkpatricks():
    """Loss x·θ² of examples x = 1, 3: gradients 2xθ at θ = (1, 2), squared and averaged."""
    theta = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    unused = torch.nn.Parameter(torch.tensor([5.0]))
    parameters = {"theta": theta, "unused": unused}

    def losses():
        for x in (1.0, 3.0, 100.0):
            yield (x * theta.square()).sum()

    settings = ForgettingSettings(method="ewc", weight=2.0, examples=2)
    penalty = guard(settings, parameters, losses)
    assert penalty().item() == 0
    with torch.no_grad():
        theta += torch.tensor([1.0, -1.0])
        unused += 7
    fisher = [(4 * 1 + 36 * 1) / 2, (4 * 4 + 36 * 4) / 2]
    assert float(penalty()) == pytest.approx(2.0 / 2 * (fisher[0] * 1 + fisher[1] * 1))
    alike = guard(settings.model_copy(update={"method": "l2"}), parameters, losses)
    with torch.no_grad():
        theta += 1
    assert float(alike()) == pytest.approx(2.0)
    assert guard(ForgettingSettings(), parameters, losses) is None


def learnt(start, examples, **forgetting):
    task, base = TASKS["classification"], toy_base("bert", dropout=0.0)
    settings = TaskSettings(
        training={"epochs": 8, "batch_size": 8, "learning_rate": 5e-3},
        forgetting=forgetting or {"method": "none"},
    )
    return train_task(
        base,
        task,
        examples,
        {},
        ["boat", "no"],
        settings,
        name="x",
        train="model",
        start=start,
        remembered=["en"],
        held_out={"en": toy_examples("classification")},
    )


def test_the_sources_are_kept_while_something_else_is_learnt():
    own = toy_examples("classification")
    first = learnt(None, {"en": own * 4})
    assert first.facts["dev_scores"]["en"] == 100
    other = {"boat": "no", "no": "boat"}
    turned = [type(one)(one.text, None, other[one.label]) for one in own]
    # a few of the source's examples among opposite ones
    mixed = {"en": own[:1], "lug": turned * 4}
    free = learnt(first, mixed)
    held = learnt(first, mixed, method="l2", weight=1e4)
    ewc = learnt(first, mixed, method="ewc", weight=1e6)

    def moved(task):
        return sum(
            float((task.head[name] - first.head[name]).square().sum()) for name in first.head
        )

    assert moved(held) < 0.1 * moved(free) and moved(ewc) < moved(free)
    assert held.facts["dev_scores"]["en"] > free.facts["dev_scores"]["en"]
    assert "kept" in ewc.facts["curve"][0] and "kept" not in free.facts["curve"][0]


def test_a_base_that_is_trained_further_says_what_it_forgot():
    base = toy_base("bert", dropout=0.0)
    lines, others = toy_lines("lug", 40), {"en": toy_lines("en", 40)}
    how = {
        "trains": "model",
        "sample_words": 0,
        "learning_rate_search": "none",
        "training": {"steps": 30, "batch_size": 8, "learning_rate": 5e-3},
    }
    losses = {}
    for method in ("none", "l2"):
        settings = AdaptationSettings(**how, forgetting={"method": method, "weight": 1e4})
        found = adapt_language(base, lines, settings, language="lug", others=others)
        losses[method] = found.facts["source_losses"]
    assert losses["none"][0] == losses["l2"][0]
    assert abs(losses["l2"][1] - losses["l2"][0]) < abs(losses["none"][1] - losses["none"][0])
    with pytest.raises(UnibridgeError, match="no text of the sources"):
        settings = AdaptationSettings(**how, forgetting={"method": "ewc"})
        adapt_language(base, lines, settings, language="lug")


@pytest.mark.slow
def test_a_run_says_what_was_forgotten(tmp_path):
    path = write_toy_run(tmp_path, "classification")
    changes = ['run.methods=["unibridge"]', "vocabulary.mode=keep", "run.reference=unibridge"]
    changes += ["continuing.forgetting.method=ewc", "continuing.forgetting.examples=4"]
    changes += ["self_training.forgetting.method=ewc", "self_training.forgetting.examples=4"]
    folder = run(load_config(path, changes))
    text = (folder / "results.jsonl").read_text()
    (row,) = map(json.loads, text.splitlines())
    assert "sources' text" in row["note"]
    (stage,) = (p for p in folder.iterdir() if "self-trained" in p.name)
    scores = read_manifest(stage)["facts"]["source_scores"]
    assert set(scores["before"]) == set(scores["after"]) == {"en", "sw"}
    assert row["sources_before"] == pytest.approx(sum(scores["before"].values()) / 2)
    assert row["sources_after"] == pytest.approx(sum(scores["after"].values()) / 2)
    assert "On the sources before, after" in (folder / "report.md").read_text()
    config = path.read_text().replace('text = "sw.txt"\n', "")
    path.write_text(config)
    with pytest.raises(ConfigError, match="must not forget 'sw'; give its plain text"):
        load_config(path, changes)
