import copy

import pytest
import torch

from toy import LINES, toy_base
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import objective_of
from unibridge.models.rows import can_leave_out, changed, lay_over, used_rows
from unibridge.models.states import encoder_states
from unibridge.training import TrainingSettings, batches_of, fit
from unibridge.transfer.mlm import encode_samples, freeze_below, log_frequencies, used_ids

FEW = LINES[:3]


def used_in(base, lines=FEW):
    store = encode_samples(base.tokenizer, lines, 36)
    return store, used_ids(store.ids, base.tokenizer, TrainingSettings())


def table_of(base, model):
    name = f"{base.family.encoder}.{base.family.word_embeddings}"
    return model.get_submodule(name).weight


@pytest.mark.parametrize("family", FAMILIES)
def test_states_are_those_of_the_whole_table(family):
    base = toy_base(family)
    store, ids = used_in(base)
    inputs = store.batch(range(3), base.tokenizer.pad_token_id)
    with torch.no_grad():
        expected = encoder_states(base.model, base.family, *inputs)
        with used_rows(base.model, base.family, ids, output=True):
            found = encoder_states(base.model, base.family, *inputs)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_the_used_columns(family):
    base = toy_base(family)
    store, ids = used_in(base)
    objective = objective_of(base.family)
    batch = objective.corrupt(
        *store.batch(range(3), base.tokenizer.pad_token_id),
        base.tokenizer,
        rate=0.3,
        generator=torch.Generator().manual_seed(1),
    )
    with torch.no_grad():
        states = encoder_states(base.model, base.family, batch.ids, batch.mask)
        whole, wanted = objective.logits(base.model, base.family, states, batch)
        with used_rows(base.model, base.family, ids, output=True):
            part, places = objective.logits(base.model, base.family, states, batch)
    if not can_leave_out(base.family):
        assert torch.equal(part, whole)
        return
    assert part.shape[1] == len(ids) < whole.shape[1]
    torch.testing.assert_close(part, whole[:, ids])
    assert ids[places].tolist() == wanted.tolist()


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_a_task_trained_on_the_used_rows_is_the_task_trained_on_all(family):
    """Exact: without weight decay a row without gradient does not move."""
    base = toy_base(family)
    store, ids = used_in(base)

    def train(rows):
        model = copy.deepcopy(base.model)
        with used_rows(model, base.family, rows, output=False):
            encoder = model.get_submodule(base.family.encoder)

            def loss(indices, generator, part):
                inputs = store.batch(indices, base.tokenizer.pad_token_id)
                states = encoder_states(model, base.family, *inputs)
                return (states[..., 0] - 1).pow(2).mean(), {}, 1

            fit(
                dict(encoder.named_parameters()),
                loss,
                lambda epoch: batches_of(store.lengths, 3, seed=0, epoch=epoch),
                TrainingSettings(steps=5, learning_rate=0.01, weight_decay=0.0),
                seed=0,
            )
        return model

    few, all_rows = train(ids), train(torch.arange(len(base.tokenizer)))
    for name, tensor in all_rows.state_dict().items():
        torch.testing.assert_close(few.state_dict()[name], tensor, msg=name)
    unused = torch.ones(len(base.tokenizer), dtype=torch.bool)
    unused[ids] = False
    was, now = table_of(base, base.model), table_of(base, few)
    assert torch.equal(was[: len(unused)][unused], now[: len(unused)][unused])
    assert not torch.equal(was[ids], now[ids])


def test_what_fails_within_leaves_a_whole_model_behind():
    base = toy_base("bert")
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    _, ids = used_in(base)
    with pytest.raises(KeyboardInterrupt), used_rows(base.model, base.family, ids, output=True):
        assert len(table_of(base, base.model)) == len(ids)
        raise KeyboardInterrupt
    after = base.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_changes_of_a_table_lay_over_it():
    table = torch.arange(12.0).view(6, 2)
    moved = table.clone()
    moved[[1, 4]] += 1
    changes = changed("words.weight", moved, torch.tensor([1, 4]))
    assert sum(tensor.numel() for tensor in changes.values()) == 6
    found = lay_over({"words.weight": table, "other": torch.ones(1)}, changes)
    assert torch.equal(found["words.weight"], moved) and torch.equal(found["other"], torch.ones(1))
    assert torch.equal(table, torch.arange(12.0).view(6, 2)), "the table itself is left alone"


def test_frequencies_sum_to_one_and_count_what_is_there():
    import numpy as np

    found = log_frequencies(np.array([0, 2, 2, 2]), 4)
    # counts 1, 0, 3, 0 and one each: 2, 1, 4, 1 of 8
    assert found.exp().tolist() == pytest.approx([0.25, 0.125, 0.5, 0.125])


@pytest.mark.parametrize("layers", [0, 1])
def test_freezing_below_leaves_the_head_and_the_last_layers(layers):
    base = toy_base("bert")
    freeze_below(base.model, base.family, layers)
    moving = {name for name, p in base.model.named_parameters() if p.requires_grad}
    assert any("transform" in name for name in moving)
    assert not any("embeddings" in name for name in moving)
    last = len(base.model.bert.encoder.layer) - 1
    held = {name.split(".")[3] for name in moving if ".layer." in name}
    assert held == ({str(last)} if layers else set())
