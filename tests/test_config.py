import subprocess
import sys
import tomllib

import pytest

from unibridge.config import Config, check_config, load_config, override, stage_settings
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.methods import METHODS
from unibridge.training import TrainingSettings

BASIC = """
[run]
folder = "out"
[base]
model = "some/base"
[task]
kind = "ner"
[target]
language = "xx"
text = "xx.txt"
test = "xx.conll"
[[sources]]
language = "en"
text = "en.txt"
train = "en.conll"
parallel = "xx-en.tsv"
"""
FILES = ("xx.txt", "xx.conll", "en.txt", "en.conll", "xx-en.tsv")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("x\n")
    return tmp_path


def read(folder, extra="", overrides=(), text=BASIC):
    path = folder / "run.toml"
    path.write_text(text + extra, encoding="utf-8")
    return load_config(path, overrides)


def faults(folder, *args, **rest):
    with pytest.raises(ConfigError) as error:
        read(folder, *args, **rest)
    assert str(folder / "run.toml") in str(error.value)
    return error.value.faults


def test_paths_start_at_the_file_and_one_file_needs_no_brackets(folder):
    config = read(folder)
    assert config.run.folder == folder / "out"
    assert config.target.text == (str(folder / "xx.txt"),)
    assert config.sources[0].parallel == (str(folder / "xx-en.tsv"),)
    assert config.base.model == "some/base"
    (folder / "some" / "base").mkdir(parents=True)
    assert read(folder).base.model == str(folder / "some" / "base")


def test_defaults_are_the_papers():
    config = Config.model_fields
    vocabulary, adaptation = (config[n].get_default() for n in ("vocabulary", "adaptation"))
    assert (vocabulary.initial_size, vocabulary.max_size, vocabulary.step) == (7_000, 60_000, 1_000)
    assert vocabulary.epsilon == 5.0
    assert adaptation.kl_weight == 1.0 and adaptation.mask_rate == 0.15
    assert adaptation.training.batch_size == 32 and adaptation.training.epochs == 50
    assert adaptation.sample_words == 128 and adaptation.adapter.reduction_factor == 2
    assert (adaptation.max_samples, config["source_adaptation"].get_default().max_samples) == (
        10_000,
        50_000,
    )
    assert config["task_training"].get_default().adapter.reduction_factor == 16
    assert config["task_training"].get_default().training.epochs == 11
    assert config["weights"].get_default().sentences == 10
    fine_tuning = config["fine_tuning"].get_default().training
    # but not here: by the paper's 1e-5 for 10 epochs a small model learns next to nothing
    assert (fine_tuning.epochs, fine_tuning.learning_rate) == (3, None)


def test_all_faults_are_listed_at_once_with_their_paths(folder):
    found = faults(
        folder,
        '[adaptation]\nmask_rate = 2.0\nstate = "decoder"\n[adaptation.training]\nepoch = 3\n'
        "[nonsense]\n",
    )
    assert len(found) == 4
    text = "\n".join(found)
    assert "adaptation.mask_rate: " in text and "not 2.0" in text
    assert "adaptation.state: " in text and "'encoder' or 'inverse'" in text
    assert "adaptation.training.epoch: there is no such setting; did you mean 'epochs'?" in text
    assert "nonsense: there is no such setting" in text


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


def test_a_faulty_value_does_not_hide_a_missing_file(folder):
    (folder / "xx.txt").unlink()
    found = faults(folder, '[weights]\ntemperature = -1\n[vocabulary]\nsearch = "scam"\n')

    assert [fault.partition(":")[0] for fault in found] == [
        "weights.temperature",
        "target.text.0",
        "vocabulary.search",
    ]


REQUIRED = ("run.folder", "base.model", "task.kind", "target.language", "target.text")
REQUIRED += ("sources.0.language", "sources.0.train", "run", "base", "task", "target", "sources")
WRONG = """
[embeddings]
method = "unibrige"
[methods.own]
label = "Own"
settings = {run.title = "x"}
"""


def without(path):
    """BASIC without one of its keys."""
    content = tomllib.loads(BASIC)
    *parents, last = path.split(".")
    place = content
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    del place[last]
    return content


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_key_is_told_with_every_other_fault_and_brings_none_of_its_own(folder, path):
    with pytest.raises(ConfigError) as error:
        check_config(without(path) | tomllib.loads(WRONG), folder=folder)
    assert [fault.partition(": ")[0] for fault in error.value.faults] == [
        path,
        "embeddings.method",
        "methods.own.settings",
    ]


def test_an_empty_configuration_lists_what_is_missing(folder):
    with pytest.raises(ConfigError) as error:
        check_config({}, folder=folder)
    found = [fault.partition(": is missing")[0] for fault in error.value.faults]
    assert found == ["base", "task", "target", "sources", "run"]


@pytest.mark.parametrize(
    "fault",
    [
        'run.methods="ceiling"',
        "run.seeds=[-1]",
        "target.text=[5]",
        "target.predict=5",
        'target.language="two words"',
        "sources=[5]",
        "sources=[]",
        "sources.0.parallel=5",
        "vocabulary.character_coverage=7",
        "vocabulary.max_size=20",
        "weights.method=5",
        "methods.mine=5",
        'methods.mine={label="Mine", role="typo"}',
        'methods.mine={label="Mine", lable="Mine"}',
        'methods.mine={settings={"adaptation.kl_weight"=0.5}}',
    ],
)
def test_a_faulty_value_hides_nothing_and_brings_no_other_fault(folder, fault):
    section = fault.partition(".")[0].partition("=")[0]
    own = ['run.methods=["mine", "unibridge"]'] if "methods.mine" in fault else []
    (folder / "xx.conll").unlink()
    found = faults(folder, WRONG, overrides=[fault, *own])
    assert all(one.startswith(section) for one in found[:-3]) and len(found) > 3
    assert [one.partition(": ")[0] for one in found[-3:]] == [
        "target.test",
        "embeddings.method",
        "methods.own.settings",
    ]


def test_a_misspelt_choice_of_a_method_is_answered_with_the_nearest(folder):
    (fault,) = faults(folder, '[methods.mine]\nlabel = "Mine"\nparnet = "mad-x"\n')
    assert "methods.mine.parnet: there is no such setting; did you mean 'parent'" in fault


def test_a_section_written_in_part_keeps_the_rest_of_its_own_defaults(folder):
    config = read(
        folder,
        "[source_adaptation]\nsample_words = 64\n[fine_tuning.training]\nbatch_size = 8\n",
    )

    assert config.source_adaptation.sample_words == 64
    assert config.source_adaptation.max_samples == 50_000
    assert config.fine_tuning.training.schedule == "linear"
    assert config.fine_tuning.training.batch_size == 8


def test_a_rate_that_is_written_is_used_wherever_it_is_written(folder):
    rate = "[adaptation.training]\nlearning_rate = 2e-3\n"
    slow = '[methods.slow]\nlabel = "slow"\nsettings = {"adaptation.kl_weight" = 0.5}\n'
    config = read(folder, rate + slow)
    assert config.adaptation.training.learning_rate == 2e-3
    assert config.for_method("slow").adaptation.training.learning_rate == 2e-3
    assert config.source_adaptation.training.learning_rate is None


def test_what_is_missing_is_described(folder):
    (fault,) = faults(folder, text=BASIC.replace('model = "some/base"', ""))
    assert fault.startswith("base.model: is missing; write folder, hub id")


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


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        ("adaptation.training.epochs=5", 5),
        ("adaptation.training.learning_rate=1e-3", 1e-3),
        ("run.seeds=[0, 1]", (0, 1)),
        ("task.allow_label_union=true", True),
        ("run.title=A title without quotes", "A title without quotes"),
        ('run.title="with = quotes"', "with = quotes"),
        ("adaptation.max_samples = 100", 100),
        ("sources.0.language=sw", "sw"),
    ],
)
def test_overrides_are_toml_or_plain_strings(folder, one, expected):
    value = read(folder, overrides=[one])
    for name in one.partition("=")[0].strip().split("."):
        value = value[int(name)] if name.isdigit() else getattr(value, name)
    assert value == expected


@pytest.mark.parametrize(
    ("one", "match"),
    [
        ("adaptation.training.epochs", "sets nothing.*section.field=value"),
        ("adaptation.training.epocs=5", "did you mean 'epochs'"),
        ("adaptation.training.epochs=many", "epochs: .*not 'many'"),
        ("run.folder.name=x", "goes through 'folder', which is a value"),
        ("sources.7.language=sw", "no place '7' in a list of 1"),
        ("sources.language=sw", "no place 'language' in a list of 1.*0 to 0"),
    ],
)
def test_faulty_overrides_are_explained(folder, one, match):
    with pytest.raises(UnibridgeError, match=match):
        read(folder, overrides=[one])


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"[run\n", r"run\.toml: is not TOML .*line 1"), (b"\xff\xfe[", r"run\.toml: cannot be read")],
)
def test_a_file_that_is_not_toml_is_named(tmp_path, content, match):
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(UnibridgeError, match=match):
        load_config(tmp_path / "run.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnibridgeError, match=r"gone\.toml: cannot be read"):
        load_config(tmp_path / "gone.toml")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_lays_known_settings_over_a_run(folder, name):
    config = read(folder)
    chosen = config.for_method(name)
    assert chosen.run == config.run
    for path, value in METHODS[name].settings.items():
        assert path.partition(".")[0] in METHODS[name].reads
        found = chosen
        for part in path.split("."):
            found = getattr(found, part)
        assert found == value


def test_a_configuration_can_bring_a_method(folder):
    config = read(
        folder,
        '[methods.mine]\nlabel = "Mine"\nsettings = {"adaptation.kl_weight" = 0.5}\n',
        overrides=['run.methods=["mine"]'],
    )
    assert config.for_method("mine").adaptation.kl_weight == 0.5
    assert config.method("mine").label == "Mine"
    text = '[methods.mine]\nlabel = "Mine"\nsettings = {"adaptation.kl" = 0.5}\n'
    (fault,) = faults(folder, text, overrides=['run.methods=["mine"]'])
    assert fault.startswith("methods.mine.settings: adaptation.kl: there is no such setting")
    (same,) = faults(folder, text)
    assert same == fault, "also where the run does not use it"


@pytest.mark.parametrize(
    "written", ['{"adaptation.kl_weight" = 0.5}', "{adaptation.kl_weight = 0.5}"]
)
def test_a_methods_setting_leaves_the_rest_of_its_section(folder, written):
    config = read(folder, f'[methods.mine]\nlabel = "Mine"\nsettings = {written}\n')
    assert config.for_method("mine").adaptation.kl_weight == 0.5
    assert config.for_method("mine").adaptation.max_samples == 10_000


@pytest.mark.parametrize(
    ("choices", "setting", "said"),
    [
        ("", "target.text", "is the same for all methods; write it outside"),
        ("", "sources.0.train", "is the same for all methods; write it outside"),
        ("", "run.title", "is the same for all methods; write it outside"),
        ("", "nonsense", "there is no such setting"),
        (
            'parent = "mad-x"',
            "embeddings.static_objective",
            "this method reads adaptation, source_",
        ),
        ('parent = "mad-x"', "vocabulary.kind", "would change nothing"),
        ('parent = "fine-tune"', "task_training.max_tokens", "reads fine_tuning;"),
        ('parent = "unibridge-stages"', "fine_tuning.max_tokens", "would change nothing"),
        ('parent = "ceiling"', "source_adaptation.state", "would change nothing"),
        ('parent = "mad-x"', "weights.method", "would change nothing"),
        ('sources = "english"', "weights.method", "would change nothing"),
        ('parent = "unibridge-english-only"', "weights.method", "would change nothing"),
        (
            'parent = "floor"',
            "source_adaptation.state",
            "this method reads task_training, fine_tuning",
        ),
    ],
)
def test_a_setting_that_a_method_would_ignore_is_refused(folder, choices, setting, said):
    values = {
        "method": "single",
        "kind": "bpe",
        "static_objective": "cbow",
        "state": "inverse",
        "max_tokens": "64",
    }
    value = values.get(setting.rpartition(".")[2], "en.txt")
    given = f'settings = {{"{setting}" = "{value}"}}'
    (fault,) = faults(folder, f'[methods.mine]\nlabel = "Mine"\n{choices}\n{given}\n')
    assert fault.startswith(f"methods.mine.settings: {setting}: ") and said in fault


def test_a_setting_goes_into_json_and_back(folder):
    config = read(folder)
    content = config.model_dump(mode="json")
    assert check_config(content, folder=folder) == config


def test_a_stage_alone_takes_its_own_settings():
    assert stage_settings("vocabulary", ["step=250"]).step == 250
    with pytest.raises(ConfigError, match=r"--set: .*\n.*stepp: .*did you mean 'step'"):
        stage_settings("vocabulary", ["stepp=250"])
    assert override(TrainingSettings(), ["epochs=2"]).epochs == 2


def test_settings_and_their_checks_import_nothing_heavy():
    script = (
        "import sys, unibridge.config as c, unibridge.errors as e\n"
        "try: c.load_config('/nonexistent.toml')\nexcept e.UnibridgeError: pass\n"
        "import unibridge.transfer.pretrain\n"
        "heavy = 'torch transformers gensim matplotlib numpy scipy babel statistics'.split()\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


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


def test_a_method_varies_one_that_there_is(folder):
    (fault,) = faults(folder, '[methods.mine]\nlabel = "Mine"\nparent = "mad-y"\n')
    assert fault.startswith("methods.mine.parent: unknown method 'mad-y'. Did you mean 'mad-x'")


@pytest.mark.parametrize(
    ("written", "role"),
    [("", "ablation"), ('parent = "mad-x"', "baseline"), ('role = "method"', "method")],
)
def test_a_variant_has_its_parents_role_and_that_of_a_method_is_an_ablation(folder, written, role):
    config = read(folder, f'[methods.mine]\nlabel = "Mine"\n{written}\n')
    assert config.method("mine").role == role


OWN = """
from dataclasses import replace
from unibridge.methods import METHODS
MINE = replace(METHODS["mad-x"], name="mine", label="Mine", needs=(lambda run: (
    [("sources", "needs two sources")] if len(run.sources) < 2 else []),))
"""


def test_a_method_of_the_users_own_code_is_checked_like_any_other(folder, monkeypatch):
    (folder / "own_methods.py").write_text(OWN)
    monkeypatch.syspath_prepend(folder)
    (fault,) = faults(folder, overrides=['run.methods=["own_methods:MINE"]'])
    assert fault == "sources: 'own_methods:MINE' needs two sources"
    (fault,) = faults(folder, overrides=['run.methods=["own_methods:OWN"]'])
    assert "run.methods: cannot import the method 'own_methods:OWN'" in fault
    (fault,) = faults(folder, overrides=['run.methods=["own_methods:METHODS"]'])
    assert "'own_methods:METHODS' is no method" in fault


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


def test_every_initialiser_says_what_it_reads():
    from unibridge.embeddings.initialise import INITIALISERS
    from unibridge.embeddings.settings import TABLES

    known = {name for table in TABLES for name in table.model_fields}
    own = [INITIALISERS[name] for name in INITIALISERS]
    # those of other tests, registered in the same process, read nothing
    read_by = {
        name: one.reads
        for name, one in zip(INITIALISERS, own, strict=True)
        if hasattr(one, "reads")
    }
    assert set().union(*read_by.values()) == known
