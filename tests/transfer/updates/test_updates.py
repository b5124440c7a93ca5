"""Every way to train a whole model: what changes, what does not, and how it is kept."""

import copy

import pytest
import torch
from pydantic import ValidationError

from toy import toy_base, toy_examples
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.methods.needs import every_weight
from unibridge.models.families import FAMILIES
from unibridge.models.rows import changed_rows, lay_over
from unibridge.models.states import last_states
from unibridge.settings import Available
from unibridge.stages.sections import StageSettings
from unibridge.tasks import TASKS
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings
from unibridge.transfer.trained import TrainedTask
from unibridge.transfer.updates import UPDATES
from unibridge.transfer.updates.base import UpdateSettings, updated

IDS = torch.tensor([[4, 7, 5, 9], [6, 4, 8, 5]])


def trained(family, rounds=3, **settings):
    """An encoder before and after a few steps, what changes, and its states before the end."""
    base = toy_base(family, dropout=0.0)
    before = base.model.get_submodule(base.family.encoder)
    encoder = copy.deepcopy(before)
    encoder.requires_grad_(False)
    with updated(encoder, base.family, UpdateSettings(**settings)) as update:
        parameters = list(update.parameters.values())
        for parameter in parameters:
            parameter.requires_grad_(True)
        optimiser = torch.optim.SGD(parameters, lr=0.5) if parameters else None
        start = last_states(encoder, input_ids=IDS)
        for _ in range(rounds if optimiser else 0):
            optimiser.zero_grad()
            (last_states(encoder, input_ids=IDS) ** 3).mean().backward()
            optimiser.step()
        states = last_states(encoder, input_ids=IDS).detach()
    # it begins as the base
    torch.testing.assert_close(start, last_states(before, input_ids=IDS), rtol=1e-5, atol=1e-6)
    return before, encoder, set(update.changes), states


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", UPDATES)
def test_what_is_said_to_change_changes_and_nothing_else_does(method, family):
    before, after, changes, states = trained(family, method=method, rank=2, alpha=4, layers=1)
    old, new = before.state_dict(), after.state_dict()
    assert old.keys() == new.keys()
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    assert moved <= changes
    assert bool(moved) == (method != "none")
    # what was learnt is in the encoder's own weights when the block has ended
    torch.testing.assert_close(last_states(after, input_ids=IDS), states, rtol=1e-4, atol=1e-5)
    assert {type(m) for m in after.modules()} == {type(m) for m in before.modules()}


def test_top_trains_the_last_layers_and_low_rank_the_matrices_that_are_named():
    assert all(".layer.2." in f".{n}" for n in trained("bert", method="top", layers=1)[2])
    few = trained("bert", method="low-rank", rank=1, matrices=["query", "value"])[2]
    assert len(few) == 2 * 3
    every = trained("bert", method="low-rank", rank=1)[2]
    assert len(every) == 6 * 3
    assert not any("embeddings" in name or "pooler" in name for name in every)


def test_a_low_rank_difference_is_of_that_rank():
    before, after, changes, _ = trained("bert", method="low-rank", rank=2, rounds=5)
    for name in changes:
        difference = after.get_parameter(name) - before.get_parameter(name)
        values = torch.linalg.svdvals(difference)
        assert values[2:].max() < 1e-4 * values[0]


def test_the_draw_follows_the_seed_and_leaves_the_global_generator_alone():
    base = toy_base("bert")

    def drawn(seed):
        encoder = copy.deepcopy(base.model.get_submodule(base.family.encoder))
        with updated(encoder, base.family, UpdateSettings(method="low-rank"), seed=seed) as update:
            return torch.cat([p.detach().flatten() for p in update.parameters.values()])

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))
    assert torch.equal(torch.rand(3), expected)


def learnt(method, folder=None, **training):
    base, task = toy_base("bert", dropout=0.0), TASKS["ner"]
    settings = TaskSettings(
        updates={"method": method, "layers": 1, "rank": 2},
        training={"steps": 20, "batch_size": 4, "learning_rate": 0.02, **training},
    )
    examples = {"en": toy_examples("ner")}
    labels = task.collect_labels(examples.values())
    return base, train_task(
        base, task, examples, {}, labels, settings, name="ner-en", train="model"
    )


@pytest.mark.parametrize("method", UPDATES)
def test_a_task_so_trained_is_kept_and_read_like_any_other(method, tmp_path):
    base, task = learnt(method)
    curve = task.facts["curve"]
    assert curve[-1]["train_loss"] < curve[0]["train_loss"]
    assert task.facts["updates"] == method
    assert bool(task.encoder) == (method != "none")
    task.save(tmp_path)
    examples = toy_examples("ner")
    said = [
        MultiSourceModel.assemble(base, None, {"en": one}, {"en": 1.0}).predict(examples)
        for one in (task, TrainedTask.load(tmp_path))
    ]
    assert said[0] == said[1]


def test_less_is_kept_of_what_changes_less():
    sizes = {
        name: sum(t.numel() for t in learnt(name, steps=1)[1].encoder.values()) for name in UPDATES
    }
    assert sizes["none"] == 0
    assert sizes["top"] < sizes["low-rank"] < sizes["all"]


def test_the_usual_rate_of_low_rank_is_ten_times_that_of_all_weights():
    found = {name: learnt(name, learning_rate=None)[1].facts["learning_rate"] for name in UPDATES}
    assert found["low-rank"] == pytest.approx(10 * found["all"])
    assert found["top"] == found["all"]


def test_a_matrix_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UnibridgeError, match=r"ends with q_proj.*attention\.self\.query"):
        trained("bert", method="low-rank", matrices=["q_proj"])


def test_a_missing_package_is_told_before_anything_is_trained(monkeypatch):
    run = Available("lug", False, {}, {})
    settings = TaskSettings(updates={"method": "low-rank"})
    assert list(settings.lacks(run)) == []
    monkeypatch.setattr("unibridge.transfer.updates.base.find_spec", lambda name: None)
    ((path, said),) = settings.lacks(run)
    assert path == "fine_tuning.updates.method"
    assert 'pip install "unibridge[peft]"' in said
    assert list(TaskSettings().lacks(run)) == []


def test_updates_are_for_whole_models_and_said_so_elsewhere():
    with pytest.raises(ValidationError, match="task_training trains adapters"):
        StageSettings(task_training={"updates": {"method": "top"}})
    chosen = StageSettings(fine_tuning={"updates": {"method": "top"}})
    run = Available("lug", False, {}, {}, settings=chosen)
    ((path, said),) = every_weight(run)
    assert path == "fine_tuning.updates.method"
    assert 'write "all"' in said


def test_what_a_task_began_with_stays_where_the_new_text_does_not_reach():
    """Rows and layers that an earlier training changed belong to the model that goes on from it."""
    base, first = learnt("all")
    task = TASKS["ner"]
    few = list(toy_examples("ner"))[:1]
    settings = TaskSettings(
        updates={"method": "top", "layers": 1},
        training={"steps": 3, "batch_size": 1, "learning_rate": 0.02},
    )
    then = train_task(
        base, task, {"en": few}, {}, first.labels, settings, name="x", train="model", start=first
    )
    table = f"{base.family.word_embeddings}.weight"
    ids = base.tokenizer(few[0].words, is_split_into_words=True)["input_ids"]
    known = changed_rows(first.encoder, table, 10**6)
    assert set(known.tolist()) - set(ids), "the first text has more words"
    encoder = base.model.get_submodule(base.family.encoder).state_dict()
    before, after = (lay_over(encoder, one.encoder) for one in (first, then))
    assert torch.equal(after[table], before[table])
    lower = [n for n in before if "layer.0." in n]
    assert lower and all(torch.equal(after[n], before[n]) for n in lower)
    assert any(not torch.equal(after[n], before[n]) for n in before if "layer.2." in n)
