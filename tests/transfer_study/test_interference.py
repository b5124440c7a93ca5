"""Language adapters beneath the task adapter: alone, in pairs, in triples, in three modes."""

from collections import Counter

from unibridge.evaluation.rows import read_rows
from unibridge.transfer_study.run import run_study
from unibridge.transfer_study.scores import CELLS


def test_singles_and_pairs_in_every_mode(checked):
    short = {"steps": 2, "batch_size": 4}
    plan = checked(
        seeds=[0],
        tuning__steps=[1],
        controls__kinds=[],
        interference={
            "languages": ["sw", "wol"],
            "seeds": [0, 1],
            "adaptation": {"sample_words": 0, "training": short},
            "fusion": {**short, "learning_rate": 0.1},
        },
    )
    done = run_study(plan, tell=lambda line: None)
    rows = [r for r in read_rows(done.folder / CELLS) if r["kind"] == "fusion"]
    assert not done.missing
    assert Counter((str(r["transfer"]), r["mode"], r["seed"]) for r in rows) == {
        ("sw", None, 0): 3,
        ("wo", None, 0): 3,
        ("['sw', 'wo']", "untrained", 0): 3,
        ("['sw', 'wo']", "untrained", 1): 3,
        ("['sw', 'wo']", "uniform", 0): 3,
        ("['sw', 'wo']", "trained", 0): 3,
        ("['sw', 'wo']", "trained", 1): 3,
    }


def test_a_language_adapter_that_fails_costs_what_is_made_of_it(checked, monkeypatch):
    import unibridge.transfer_study.run as run

    adapt = run.adapt_stage

    def broken(at, text, settings, *, language, seed):
        if language == "wo":
            raise ValueError("diverged")
        return adapt(at, text, settings, language=language, seed=seed)

    monkeypatch.setattr(run, "adapt_stage", broken)
    fused = {
        "languages": ["sw", "wol"],
        "modes": ["uniform"],
        "adaptation": {"sample_words": 0, "training": {"steps": 2, "batch_size": 4}},
    }
    plan = checked(seeds=[0], tuning__steps=[1], controls__kinds=[], interference=fused)
    done = run_study(plan, tell=lambda line: None)
    rows = read_rows(done.folder / CELLS)
    lost = [r for r in rows if r["value"] is None]
    assert {(r["kind"], str(r["transfer"])) for r in lost} == {
        ("fusion", "wo"),
        ("fusion", "['sw', 'wo']"),
    }
    assert len(lost) == len(done.missing) == 6 and "diverged" in lost[0]["error"]


def test_triples_are_scored_on_their_members(checked, tmp_path):
    from unibridge.transfer_study.cells import units_of
    from unibridge.transfer_study.data import read_data

    (tmp_path / "tr.txt").write_text("a boat\nthe town\n")
    text = {"sw": "sw.txt", "wol": "wol.txt", "tr": "tr.txt"}
    fused = {"languages": ["sw", "wol", "tr"], "sizes": [1, 2, 3], "modes": ["uniform"]}
    ner = {"sw": "sw.conll", "en": "en.conll"}
    plan = checked(text=text, interference=fused, tasks__ner__targets=ner, keep_target_in_mix=True)
    units = units_of(plan, read_data(plan), "toy", "hash")
    fusions = {u.transfer: set(u.scores) for u in units if u.kind == "fusion"}
    assert len(fusions) == 3 + 3 + 1
    assert fusions["sw", "wo", "tr"] == {("ner", "sw"), ("boats", "sw")}
    assert ("ner", "en") in fusions["sw", "wo"]
