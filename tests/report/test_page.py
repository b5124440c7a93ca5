"""A small made-up run, rendered: what must be on the page, and what must not."""

import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from toy_report import SCORES, STAGES, WARNINGS, make_run, render, stages
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import append_result
from unibridge.report.folder import read_run
from unibridge.report.page import write_report
from unibridge.report.sections import headline


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


def test_the_page_opens_with_the_headline(whole):
    run, html, markdown = whole
    sentence = headline(read_run(run))
    assert f'<p class="lead">{sentence}</p>' in html and f"**{sentence}**" in markdown
    assert html.index(sentence) < html.index("<h2>")


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
