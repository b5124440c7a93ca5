"""A small made-up run, rendered: what must be on the page, and what must not."""

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from unibridge.artifacts import write_json, write_manifest
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Result, append_result
from unibridge.methods import METHODS
from unibridge.report.folder import read_run
from unibridge.report.page import write_report
from unibridge.report.sections import headline

SOURCES = ("en", "zh", "ru", "ar", "ja")
STAGES = {
    "unibridge": ["vocabulary-am", "embed-am", "adapt-am", "adapt-en", "task-en", "weigh-am"],
    "unibridge-no-kl": ["vocabulary-am", "embed-am", "adapt-am-no-kl", "task-en", "weigh-am"],
    "mad-x": ["adapt-am-base", "task-en"],
}
SCORES = {  # method: label, score, half the interval, weighting
    "floor": ("Floor: word shapes", 28.4, 1.9, None),
    "fine-tuning": ("Fine-tuning", 12.1, 1.2, None),
    "mad-x": ("MAD-X", 3.0, 0.6, None),
    "unibridge": ("UniBridge", 41.2, 2.2, "harmony"),
    "unibridge-no-kl": ("UniBridge, KL off", 40.1, 2.3, "harmony"),
    "ceiling": ("Ceiling: target labels", 88.7, 1.1, None),
}


def curve(start, end, kl=None, epochs=8):
    return [
        {
            "step": 40 * (i + 1),
            "epoch": i + 1.0,
            "rate": 5e-4,
            "train_loss": end + (start - end) * math.exp(-i / 2) + (kl or 0),
            "mlm": end + (start - end) * math.exp(-i / 2),
            **({"kl": kl * math.exp(-i / 3)} if kl else {}),
            "valid_loss": end + 0.3 + (start - end) * math.exp(-i / 2.2),
        }
        for i in range(epochs)
    ]


def adapted(language, **changes):
    facts = {
        "language": language,
        "curve": curve(6.9, 3.4, kl=0.8),
        "steps": 320,
        "epochs": 8.0,
        "tokens_seen": 1_250_000,
        "samples": 1200,
        "kl_weight": 1.0,
        "teacher_unknown_rate": 0.62,
    }
    return "adapt", facts | changes


def stages():
    trace, alp = [], -640.0
    for size in range(500, 3000, 250):
        gain = None if size == 500 else 90 * math.exp(-size / 700)
        alp += gain or 0
        row = {"size": size, "alp": alp, "gain": gain, "seconds": 0.4}
        trace.append(row | {"tokens_per_word": 3 - size / 2000})
    weights = {"en": 0.206, "zh": 0.197, "ru": 0.203, "ar": 0.199, "ja": 0.195}
    task = {"source": "en", "task": "ner", "steps": 200, "epochs": 10.0, "tokens_seen": 90_000}
    losses = [{k: r[k] for k in ("step", "train_loss", "valid_loss")} for r in curve(1.9, 0.2)]
    return {
        "vocabulary-am": (
            "vocabulary",
            {
                "trace": trace,
                "chosen": 2750,
                "stopped": "The gain of the last step, 1.8, is below epsilon 5.",
                "kind": "unigram",
                "samples": 312.5,
                "words": 40_000,
            },
        ),
        "embed-am": (
            "embed",
            {
                "method": "unibridge",
                "counts": {
                    "special": 5,
                    "lexical": 130,
                    "semantic": 301,
                    "mixed": 2310,
                    "random": 4,
                },
                "searched_source_tokens": 204,
                "source_vocab": 24_000,
                "examples": {
                    "lexical": ["▁2026", "km", "<b>", "|"],
                    "semantic": [["▁አዲስ", "▁new", 0.71], ["አበባ", "花", 0.64], ["▁ቋንቋ", "لغة", 0.5]],
                    "mixed": [["▁ኢትዮጵያ", [["▁አዲስ", 0.61], ["አበባ", 0.39]]]],
                },
            },
        ),
        "adapt-am": adapted("am"),
        "adapt-en": adapted("en", curve=curve(4.0, 2.1), kl_weight=0.0, teacher_unknown_rate=None),
        "adapt-am-no-kl": adapted("am", curve=curve(6.9, 3.3), kl_weight=0.0),
        "adapt-am-base": adapted("am", curve=curve(9.9, 0.1), kl_weight=0.0),
        "task-en": ("train-task", task | {"curve": losses, "dev_score": 91.0, "examples": 4000}),
        "weigh-am": (
            "weigh",
            {
                "weighting": "harmony",
                "weights": weights,
                "distances": {source: weight / 2 for source, weight in weights.items()},
                "entropy": -sum(w * math.log(w) for w in weights.values()),
                "uniform_entropy": math.log(5),
            },
        ),
    }


WARNINGS = {
    "embed-am": "Only 204 of 24000 source tokens occur in the text, so the semantic step rests on "
    "little; judge its examples.",
    "adapt-am": "The teacher reads 62% of the text as unknown tokens.",
    "adapt-am-no-kl": "The teacher reads 62% of the text as unknown tokens.",
}


def make_run(folder, scores=SCORES, finished=None, **about):
    """A run folder with the given scores; finished: the stages that it got to."""
    folder.mkdir(exist_ok=True)
    for name, (stage, facts) in stages().items():
        if finished is not None and name not in finished:
            continue
        (folder / name).mkdir(parents=True)
        manifest = {
            "stage": stage,
            "name": name.split("-", 1)[1],
            "fingerprint": "abc",
            "settings": {"search": {"epsilon": 5.0}} if stage == "vocabulary" else {"seed": 0},
            "inputs": {f"text/{name}.txt": "0123456789abcdef"},
            "seconds": 12.25,
            "peak_memory_bytes": 612_000_000,
            "facts": facts,
            "warnings": [WARNINGS[name]] if name in WARNINGS else [],
        }
        write_manifest(folder / name, manifest)
    for method, (label, score, half, weighting) in scores.items():
        result = Result(
            method=method,
            label=label,
            target="am",
            task="ner",
            metric="F1",
            score=score,
            low=score - half,
            high=score + half,
            examples=600,
            seed=0,
            sources=SOURCES if method not in ("floor", "ceiling") else (),
            weighting=weighting,
            steps=520 if weighting else 1000,
            tokens_seen=1_340_000,
            seconds=74.0,
            role=METHODS[method].role if method in METHODS else "baseline",
        )
        append_result(folder / "results.jsonl", result)
    (folder / "predictions.conll").write_text(
        "በ\tO\nአዲስ\tB-LOC\nአበባ\tI-LOC\n5\tB-QTY\n<b>\tO\n<i>\tB-LANG\n\nአማርኛ\tB-LANG\nእና\tO\nሶማሊኛ\tB-LANG\n\n",
        encoding="utf-8",
    )
    write_json(
        folder / "run.json",
        {
            "title": "Amharic <demo>",
            "target": "am",
            "target_name": "Amharic",
            "task": "ner",
            "sources": SOURCES,
            "base": "demo base",
            "base_notes": ["Trained on CLDR phrases of 40 languages, without Amharic."],
            "created": "2026-11-21T08:00:00+00:00",
            "command": "unibridge demo --language am",
            "versions": {"python": "3.11", "torch": "2.13.0"},
            "warnings": ["Source adapters shipped with the base were used."],
            "method_stages": STAGES,
            "predictions": {"unibridge": "predictions.conll"},
            "published": {"epochs": 50, "note": "10K samples of 128 words, batch 32"},
            **about,
        },
    )
    return folder


def render(folder):
    html, markdown = write_report(folder)
    return html.read_text(encoding="utf-8"), markdown.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(folder, html, markdown) of a finished run whose last line of results a crash cut short."""
    run = make_run(tmp_path_factory.mktemp("whole"))
    with (run / "results.jsonl").open("a") as stream:
        stream.write('{"method": "uni')
    return run, *render(run)


class Page(HTMLParser):
    """Well-formedness and attributes of a page, found without its renderer's help."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.texts, self.bodies = [], [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if all(tag not in ("style", "title") for tag, _ in self.open):
            self.bodies.append(data)
        for _, attrs in self.open:
            if "lang" in attrs:
                self.texts.setdefault(attrs["lang"], []).append(data)


def test_every_method_is_in_both_tables_with_its_score_and_interval(whole):
    _, html, markdown = whole
    for label, score, half, _ in SCORES.values():
        row = re.search(rf"<tr[^>]*><td>{re.escape(label)}</td>.*?</tr>", html)
        line = next(x for x in markdown.splitlines() if x.strip("|* ").startswith(label))
        for found in (row.group(), line):
            assert f"{score:.1f}" in found
            assert f"[{score - half:.1f}, {score + half:.1f}]" in found


def test_the_html_is_well_formed_self_contained_and_has_unique_ids(whole):
    _, html, _ = whole
    page = Page(html)
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.attributes}
    references = [
        value
        for _, attrs in page.attributes
        for key, value in attrs.items()
        if key in ("src", "href", "xlink:href")
    ]
    assert references and all(value.startswith("#") for value in references)
    ids = [attrs["id"] for _, attrs in page.attributes if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in references} <= set(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)
    assert "@import" not in html and "url(http" not in html


def test_text_in_the_target_language_is_present_escaped_and_marked_with_its_language(whole):
    _, html, markdown = whole
    page = Page(html)
    target = " ".join(page.texts["am"])
    for text in ("▁ኢትዮጵያ", "▁ቋንቋ", "አዲስ አበባ", "ሶማሊኛ"):
        assert text in target and text in markdown
    assert "لغة" in " ".join(page.texts["und"])
    assert all(a.get("dir") == "auto" for _, a in page.attributes if a.get("lang") in ("am", "und"))
    # a token, a test word and the title look like tags
    assert "<b>" not in html.replace("<b lang=en>", "") and "&lt;b&gt;" in html
    assert "<i>" not in html and "&lt;i&gt;" in html
    assert "Amharic <demo>" in " ".join(page.bodies)
    assert "<b>" not in markdown and "&lt;b>" in markdown


def test_warnings_are_listed_once_each_with_the_stages_they_came_from(whole):
    _, html, markdown = whole
    for text in (
        "Source adapters shipped with the base were used.",
        f"embed am: {WARNINGS['embed-am']}",
        f"adapt am, adapt am-no-kl: {WARNINGS['adapt-am']}",
        "cut short",
    ):
        assert unescape(html).count(text) == 1 and markdown.count(text) == 1


def test_every_picture_of_the_markdown_exists_and_is_a_png(whole):
    run, _, markdown = whole
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", markdown)
    assert len(pictures) == 7
    assert all((run / path).read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_the_same_run_gives_the_same_page(whole):
    run, html, markdown = whole
    assert render(run) == (html, markdown)


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, "UniBridge 41.2 F1 [39.0, 43.4]; the best baseline, Fine-tuning, 12.1", "not win"),
        (
            {"fine-tuning": ("Fine-tuning", 60.0, 2.0, None)},
            "UniBridge does not win: Fine-tuning has 60.0 F1 [58.0, 62.0].",
            "overlap",
        ),
        (
            {"fine-tuning": ("Fine-tuning", 42.0, 2.0, None)},
            "does not win: Fine-tuning has 42.0 F1 [40.0, 44.0]. The order is not settled",
            "the best baseline",
        ),
        ({"mad-x": ("MAD-X", 40.0, 2.0, None)}, "The order is not settled", "not win"),
        (
            {"floor": ("Floor", 38.0, 1.5, None)},
            "Whether UniBridge is above the floor (38.0 F1 [36.5, 39.5]) is not settled.",
            "not win",
        ),
        (
            {"unibridge-no-kl": ("UniBridge, KL off", 43.0, 2.0, "harmony")},
            "Some variants of it score higher: UniBridge, KL off 43.0.",
            "not win",
        ),
    ],
)
def test_the_headline_says_who_is_ahead(tmp_path, changes, said, unsaid):
    sentence = headline(read_run(make_run(tmp_path / "run", {**SCORES, **changes})))
    assert said in sentence and unsaid not in sentence


@pytest.mark.parametrize(
    ("score", "ends", "said"),
    [
        (38.0, (-7.7, -1.1), "UniBridge is clearly above the floor (38.0"),
        (38.0, (-7.7, 0.0), "Whether UniBridge is above the floor (38.0"),
        (64.3, (20.0, 26.0), "UniBridge is clearly below the floor (64.3"),
        (64.3, None, "UniBridge is clearly below the floor (64.3"),
    ],
)
def test_the_floor_is_compared_on_the_same_examples_where_it_can_be(tmp_path, score, ends, said):
    found = read_run(make_run(tmp_path / "run", {**SCORES, "floor": ("Floor", score, 1.5, None)}))
    found.scores[:] = [
        replace(row, difference_ends=ends) if row.role == "floor" else row for row in found.scores
    ]
    assert said in headline(found)
    assert headline(found).count("the floor (") == 1


def test_the_page_opens_with_the_headline(whole):
    run, html, markdown = whole
    sentence = headline(read_run(run))
    assert f'<p class="lead">{sentence}</p>' in html and f"**{sentence}**" in markdown
    assert html.index(sentence) < html.index("<h2>")


def test_the_ceiling_is_no_baseline(tmp_path):
    scores = {key: SCORES[key] for key in ("unibridge", "ceiling")}
    assert "no baseline was run" in headline(read_run(make_run(tmp_path / "run", scores)))


@pytest.mark.parametrize(
    ("finished", "sections", "missing"),
    [
        ([], {"What went in"}, {"Scores", "Vocabulary", "Training", "Time and memory"}),
        (["vocabulary-am"], {"Vocabulary", "Time and memory"}, {"Embeddings", "Source weights"}),
        (["vocabulary-am", "embed-am", "adapt-am"], {"Embeddings", "Training"}, {"Scores"}),
    ],
)
def test_a_partial_run_reports_what_there_is(tmp_path, finished, sections, missing):
    run = make_run(tmp_path / "run", scores={}, finished=finished)
    html, markdown = render(run)
    heads = set(re.findall("<h2>(.*?)</h2>", html))
    assert sections <= heads and not missing & heads
    assert heads == set(re.findall(r"^## (.*)$", markdown, re.M))
    assert "no score" in headline(read_run(run))


def test_stages_of_earlier_settings_are_left_out(tmp_path):
    run = make_run(tmp_path / "run")
    (run / "adapt-am").rename(run / "adapt-am-old")
    assert set(read_run(run).stages) == {name for ns in STAGES.values() for name in ns} - {
        "adapt-am"
    }


def test_without_a_list_of_methods_every_finished_folder_counts(tmp_path):
    run = make_run(tmp_path / "run", {}, method_stages={})
    (run / "adapt-am").rename(run / ".partial-adapt-am")
    found = read_run(run)
    assert set(found.stages) == set(stages()) - {"adapt-am"}
    assert [manifest["name"] for manifest in found.of("vocabulary")] == ["am"]


def test_even_weights_are_called_a_plain_mean_and_uneven_ones_are_not(tmp_path):
    run = make_run(tmp_path / "run", {}, ["weigh-am"])
    assert "practically a plain mean" in render(run)[1]
    path = run / "weigh-am" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["facts"] |= {"weights": {"en": 0.9, "ru": 0.1}, "entropy": 0.325}
    manifest["facts"] |= {"uniform_entropy": math.log(2)}
    path.write_text(json.dumps(manifest))
    assert "(46.9%): en counts most, with 0.900" in render(run)[1]


def test_a_searched_rate_and_an_early_end_are_told(tmp_path):
    run = make_run(tmp_path / "run", {}, ["adapt-am"])
    before = render(run)[1]
    assert "was chosen" not in before and "ended early" not in before
    path = run / "adapt-am" / "manifest.json"
    manifest = json.loads(path.read_text())
    trials = [{"rate": r, "steps": 9, "valid_loss": v} for r, v in ((2e-4, 5.5), (5e-4, 4.25))]
    manifest["facts"]["rate_search"] = {"rate": 5e-4, "steps": 18, "trials": trials}
    manifest["facts"]["stopped_early"] = True
    manifest["settings"] = {"training": {"patience": 2}}
    losses = [row["valid_loss"] for row in manifest["facts"]["curve"]]
    manifest["facts"]["curve"][-1]["valid_loss"] = 99.0
    path.write_text(json.dumps(manifest))
    said = render(run)[1]
    assert "halving in 18 steps; 0.0005 was chosen" in said and "4.250" in said
    assert f"Held-out loss {min(losses[:-1]):.2f} nats" in said and "Training ended early" in said


def test_gold_and_methods_stand_together_in_the_sample_predictions(tmp_path):
    paths = {"unibridge": "predictions.conll", "gold": "gold.conll", "mad-x": "absent.conll"}
    run = make_run(tmp_path / "run", {"unibridge": SCORES["unibridge"]}, [], predictions=paths)
    text = (run / "predictions.conll").read_text(encoding="utf-8")
    (run / "gold.conll").write_text(text.replace("5\tB-QTY", "5\tB-DATE"), encoding="utf-8")
    _, markdown = render(run)
    sample = markdown.split("## Sample predictions")[1].split("## How")[0]
    assert sample.index("Gold: በ **አዲስ አበባ** (LOC) **5** (DATE)") < sample.index(
        "UniBridge: በ **አዲስ አበባ** (LOC) **5** (QTY)"
    )


def test_classified_texts_are_shown_with_their_label(tmp_path):
    paths = {"unibridge": "predictions.tsv"}
    run = make_run(tmp_path / "run", {"unibridge": SCORES["unibridge"]}, [], predictions=paths)
    (run / "predictions.tsv").write_text("text\tlabel\nሰላም ለዓለም\tgreeting\n", encoding="utf-8")
    _, markdown = render(run)
    assert "UniBridge: ሰላም ለዓለም **→** (greeting)" in markdown


def test_predictions_that_cannot_be_read_do_not_cost_the_report(tmp_path):
    paths = {"unibridge": "predictions.conll", "mad-x": "strange.conllu"}
    scores = {key: SCORES[key] for key in paths}
    run = make_run(tmp_path / "run", scores, [], predictions=paths)
    (run / "strange.conllu").write_text("1\tone\n\n")
    _, markdown = render(run)
    assert "MAD-X: not shown (" in markdown and "**አዲስ አበባ** (LOC)" in markdown


def test_other_targets_get_a_table_of_methods_by_language(tmp_path):
    run = make_run(tmp_path / "run", finished=[])
    for result in list(read_run(run).records.results):
        append_result(
            run / "results.jsonl",
            replace(result, target="so", score=result.score + 1, high=result.high + 1),
        )
    _, markdown = render(run)
    assert re.search(r"\| UniBridge +\| \*\*41\.2 \[39\.0, 43\.4\]\*\* \| \*\*42\.2", markdown)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UnibridgeError, match=r"no run\.json"):
        write_report(tmp_path)


def test_a_report_needs_no_torch(tmp_path):
    code = (
        "import sys; sys.modules |= dict.fromkeys(['torch', 'transformers', 'gensim']);"
        "from unibridge.report.page import write_report; write_report(sys.argv[1])"
    )
    run = make_run(tmp_path / "run", {"unibridge": SCORES["unibridge"]}, ["embed-am"])
    subprocess.run([sys.executable, "-c", code, str(run)], check=True)
    assert "አዲስ አበባ" in (run / "report.html").read_text(encoding="utf-8")
