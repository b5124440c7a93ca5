import pytest

from toy_config import BASIC, faults, read
from unibridge.config import stage_settings
from unibridge.errors import ConfigError


def test_what_types_cannot_say_is_listed_at_once_too(folder):
    found = faults(
        folder,
        '[embeddings]\nmethod = "unibrige"\n[weights]\nmethod = "harmonic"\n'
        '[vocabulary]\nsearch = "scam"\n'
        '[[sources]]\nlanguage = "en"\ntrain = "gone.conll"\n',
        overrides=['run.methods=["mad-x", "mad-y", "ceiling"]'],
    )
    text = "\n".join(found)
    for part in (
        "embeddings.method: unknown initialiser 'unibrige'. Did you mean 'unibridge'",
        "weights.method: unknown weighting 'harmonic'. Did you mean 'harmony'",
        "vocabulary.search: unknown vocabulary search 'scam'. Did you mean 'scan'",
        f"sources.1.train: there is no file {folder / 'gone.conll'}",
        "sources: the language 'en' is there twice",
        "sources.1.text: 'mad-x' must have an adapter of 'en'; give plain text, or adapter = a",
        "run.methods: unknown method 'mad-y'. Did you mean 'mad-x'",
        "target.train: 'ceiling' needs labels of the target",
    ):
        assert part in text, part
    assert len(found) == 8


def test_harmony_needs_parallel_sentences_and_uniform_does_not(folder):
    second = '[[sources]]\nlanguage = "sw"\ntext = "en.txt"\ntrain = "en.conll"\n'
    (fault,) = faults(folder, second, overrides=['run.methods=["unibridge"]'])
    assert fault.startswith("sources.1.parallel: 'unibridge' must have parallel sentences")
    read(folder, second, overrides=['run.methods=["unibridge-uniform", "unibridge-english-only"]'])
    read(folder, overrides=['run.methods=["unibridge"]'], text=BASIC.replace("parallel", "# "))


def test_three_sources_are_weighed_by_their_agreement_on_plain_text_and_need_none(
    folder, monkeypatch
):
    more = "".join(
        f'[[sources]]\nlanguage = "{code}"\ntext = "en.txt"\ntrain = "en.conll"\n'
        for code in ("sw", "fr")
    )
    read(folder, more, overrides=['run.methods=["unibridge"]'])
    found = faults(folder, more, overrides=['run.methods=["unibridge-harmony"]'])
    assert [fault.partition(":")[0] for fault in found] == [
        f"sources.{number}.parallel" for number in (1, 2)
    ]
    own = "from unibridge.tasks.pairs import PairClassification\nentails = PairClassification()\n"
    (folder / "a_task_of_mine.py").write_text(own)
    monkeypatch.syspath_prepend(folder)
    for task in ("pairs", "a_task_of_mine:entails"):
        pairs = BASIC.replace('"ner"', f'"{task}"')
        found = faults(folder, more, overrides=['run.methods=["unibridge"]'], text=pairs)
        assert [fault.partition(":")[0] for fault in found] == [
            f"sources.{number}.parallel" for number in (1, 2)
        ]


def test_text_of_a_source_is_needed_only_where_an_adapter_of_it_is_trained(folder):
    silent = BASIC.replace('text = "en.txt"', "").replace("parallel", "# ")
    (folder / "sw.conll").write_text("x\n")
    both = silent + '[[sources]]\nlanguage = "sw"\ntrain = "sw.conll"\n'
    labels = 'target.train="xx.conll"'
    read(folder, text=both, overrides=['run.methods=["floor", "fine-tune", "ceiling"]', labels])

    (fault,) = faults(folder, text=both, overrides=['run.methods=["unibridge-english-only"]'])
    assert fault.startswith("sources.0.text: 'unibridge-english-only' must have an adapter of 'en'")
    found = faults(folder, text=both, overrides=['run.methods=["mad-x", "unibridge-uniform"]'])
    assert [fault.partition(" must have")[0] for fault in found] == [
        f"sources.{number}.text: 'mad-x', 'unibridge-uniform'" for number in (0, 1)
    ]
    (folder / "ready").mkdir()
    ready = [f'sources.{number}.adapter="ready"' for number in (0, 1)]
    read(folder, text=both, overrides=['run.methods=["mad-x"]', *ready])


def test_a_bridge_and_wechsel_need_translations(folder):
    only, plain = ['run.methods=["unibridge"]'], BASIC.replace("parallel", "# ")
    for choice, needs in (
        ('embeddings.static_space="bridge"', "parallel or dictionary"),
        ('embeddings.method="wechsel"', "dictionary"),
    ):
        (fault,) = faults(folder, overrides=[*only, choice], text=plain)
        assert f"which needs a source with text and {needs}" in fault
        (folder / "d.tsv").write_text("x\ty\n")
        given = 'dictionary = "d.tsv"\n'
        config = read(folder, given, overrides=[*only, choice], text=plain)
        assert config.sources[0].dictionary == str(folder / "d.tsv")
    read(folder, overrides=[*only, 'embeddings.static_space="bridge"'])


def test_the_joint_space_has_no_tokens_that_never_occur(folder):
    every = ['run.methods=["unibridge"]', "embeddings.search_all_source_tokens=true"]
    (fault,) = faults(folder, overrides=every)
    assert 'embeddings.static_space = "separate"' in fault
    read(folder, overrides=[*every, "embeddings.static_space=separate"])


def test_nothing_to_score_and_nothing_to_label_is_a_fault(folder):
    (fault,) = faults(folder, text=BASIC.replace('test = "xx.conll"', ""))
    assert fault.startswith("target.test: nothing to score or to label")


def test_what_a_weighting_reads_is_asked_for_at_the_start(folder):
    two = BASIC + '[[sources]]\nlanguage = "sw"\ntext = "en.txt"\ntrain = "en.conll"\n'
    found = "\n".join(faults(folder, '[weights]\nmethod = "fitted"\n', text=two))
    assert "target.train: 'unibridge' weighs by 'fitted', which is fitted on labels" in found
    assert "parallel" not in found, "fitted reads none"

    (folder / "far.tsv").write_text("xx\ten\t0.5\n")
    extra = '[weights]\nmethod = "typology"\ndistances = "far.tsv"\n'
    (fault,) = faults(folder, extra, text=two)
    assert fault.startswith("weights.distances: ") and "no distance between xx and sw" in fault
    (folder / "far.tsv").write_text("xx\ten\t0.5\nsw\txx\t0.25\n")
    assert read(folder, extra, text=two).weights.distances == str(folder / "far.tsv")

    pairs = two.replace('"ner"', '"pairs"')
    (fault,) = faults(folder, '[weights]\nmethod = "agreement"\n', text=pairs)
    assert fault.startswith("weights.method: ") and "plain text has no pairs" in fault


def test_a_setting_that_the_initialiser_ignores_is_refused_with_who_reads_it(folder):
    read(folder, overrides=["embeddings.static_epochs=5"])
    asked = ["embeddings.static_epochs=5", "embeddings.method=mean"]
    (fault,) = faults(folder, overrides=asked)
    assert fault.startswith("embeddings.static_epochs: is not read by 'mean' but by unibridge, ")
    # of the special tokens every initialiser says that they are for all
    read(folder, overrides=["embeddings.method=mean", "embeddings.special_tokens=none"])
    # a row of the table that reads it is enough
    rows = 'run.methods=["unibridge-stages", "unibridge-xavier"]'
    read(folder, overrides=[rows, "embeddings.static_epochs=5"])
    alone = 'run.methods=["unibridge-xavier"]'
    read(folder, overrides=[alone, "embeddings.static_epochs=5"])
    own = 'methods.own={label="Own", settings={"embeddings.method"="mean", NAME=2}}'
    (fault,) = faults(folder, overrides=[own.replace("NAME", '"embeddings.bridge_copies"')])
    assert "embeddings.bridge_copies: is not read by 'mean' but by unibridge;" in fault


def test_a_stage_alone_refuses_what_its_initialiser_ignores():
    assert stage_settings("embeddings", ["method=wechsel", "wechsel_neighbours=3"])
    with pytest.raises(ConfigError, match="wechsel_neighbours: is not read by 'focus' but by wech"):
        stage_settings("embeddings", ["method=focus", "wechsel_neighbours=3"])
