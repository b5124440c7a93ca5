"""The page is checked by what it says and refers to; how it looks, by eye."""

import re
from html.parser import HTMLParser

import pytest

from toy_study import Toy, cell, write_study
from unibridge.comparison.figures import by_family, heat_map
from unibridge.comparison.languages import kin_of
from unibridge.comparison.predictors import write_predictors
from unibridge.comparison.report import write_report
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError
from unibridge.report.figures import to_svg

SETTINGS = ComparisonSettings(samples=100)
SOURCES, TARGETS = ("ar", "en", "wo"), ("am", "de", "lug", "wo")


def truth(task, source, target, steps):
    return 9.0 if (source, target) == ("ar", "am") else 0.0


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    toy = Toy(truth, noise=0.2, examples=200)
    cells = toy.cells(SOURCES, TARGETS, steps=(10, 100), control=True)
    rows = [row for row in cells if row["kind"] != "shuffled" or row["transfer"] == "wo"]
    for target in ("am", "wo"):
        for seed in range(2):
            rows.append(toy.score("fusion", [target], 0, seed, "pos", target, 0))
            both = toy.score("fusion", ["am", "wo"], 0, seed, "pos", target, -5, mode="uniform")
            rows.append(both)
    rows = [{**row, "model": "xlm-roberta-base"} for row in rows]
    failed = cell("tuned", "ha", 10, 0, "am", error="out of <memory>")
    rows.append({**failed, "model": "xlm-roberta-base"})
    folder = write_study(tmp_path_factory.mktemp("s") / "s", rows)
    close = {(s, t): float(s == "ar") for s in SOURCES for t in TARGETS}
    write_predictors(folder, {"close": close})
    html, markdown = write_report(folder, SETTINGS)
    return folder, html.read_text(), markdown.read_text()


class Opened(HTMLParser):
    """Every tag that is opened is closed."""

    EMPTY = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open += [tag] if tag not in self.EMPTY else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_no_network(page):
    _, html, _ = page
    checked = Opened()
    checked.feed(html)
    assert not checked.open
    assert "<script" not in html and not re.search(r'(?:src|href)="(?!#|report/)', html)
    assert "https://" not in html.replace("http://www.w3.org", "")
    assert "out of &lt;memory&gt;" in html


def test_it_says_what_was_planted_and_what_was_not_measured(page):
    _, html, markdown = page
    assert "of 11 pairs of a transfer language and a target 1 surely gain and 0 surely lose" in html
    assert "Arabic to Amharic" in markdown and "1 scores are missing" in markdown
    for said in ("No transfer language helps all", "unseen to seen", "A language with itself"):
        assert said in markdown
    control = next(line for line in markdown.splitlines() if "| shuffled |" in line)
    # Wolof alone was shuffled, and gains nothing either way; Arabic's 9 points are not beside it
    assert [cell.strip() for cell in control.split("|")[2:5]] == ["10", "shuffled", "1"]
    assert "fusion uniform, by pair" in markdown and "of the test examples alone" in markdown
    for title in ("Interference", "What could have told it beforehand", "Limits"):
        assert f"## {title}" in markdown


def test_every_picture_and_table_is_beside_it(page):
    folder, _, markdown = page
    pictures = re.findall(r"\]\((report/[^)]+)\)", markdown)
    assert len(pictures) == len(set(pictures)) >= 5
    assert all((folder / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert (folder / "tables" / "transfer.parquet").exists()


def test_maps_of_other_step_counts_are_linked_and_not_drawn(page):
    folder, html, _ = page
    assert 'id="map-xlm-roberta-base-pos-100-' in html  # the headline's
    assert "map-xlm-roberta-base-pos-10-" not in html
    (link,) = re.findall(r'href="(report/[^"]+)"', html)
    assert "pos-10.png" in link and (folder / link).exists()


def test_a_large_map_is_small_enough_for_a_page(tmp_path):
    sources, targets = ([f"{kind}{n:02}" for n in range(30)] for kind in "st")
    cells = (cell("tuned", s, 10, 0, t, value=50.0) for s in sources for t in targets)
    base = [cell("baseline", [], 0, 0, t, value=40.0) for t in targets]
    study = read_study(write_study(tmp_path / "s", [*base, *cells]))
    (matrix,) = transfer_matrices(study, SETTINGS)
    kin = {code: kin_of(code) for code in (*sources, *targets)}
    drawn = heat_map(matrix, kin, alpha=0.05, names={})
    svg = to_svg(drawn.figure, "m", "m", drawn.hover)
    assert len(svg) / matrix.gain.size < 260
    cells_drawn = re.findall(r'<path d="M[\d.]+ [\d.]+H[\d.]+V[\d.]+H[\d.]+z" style="fill', svg)
    assert len(cells_drawn) >= matrix.gain.size


def test_an_unfinished_study_has_a_page_too(tmp_path):
    bare = write_study(tmp_path / "bare", [])
    html, _ = write_report(bare)
    assert "No tuned encoder has been scored yet" in html.read_text()
    one = [
        cell("baseline", [], 0, 0, "am", value=50.0),
        cell("tuned", "en", 1, 0, "am", value=51.0),
    ]
    html, markdown = write_report(write_study(tmp_path / "one", one))
    assert "a test needs 2 seeds" in markdown.read_text()


def test_thresholds_and_what_is_in_a_mix_are_the_plans(tmp_path):
    toy = Toy(truth, noise=0.2, examples=50)
    rows = list(toy.cells(SOURCES, TARGETS))
    said = "Targets may be among the languages"
    _, markdown = write_report(write_study(tmp_path / "a", rows))
    assert said not in markdown.read_text() and "at 0.05" in markdown.read_text()
    settings = {"keep_target_in_mix": True, "report": {"alpha": 0.01, "samples": 100}}
    folder = write_study(tmp_path / "b", rows, settings=settings)
    _, markdown = write_report(folder)
    assert said in markdown.read_text() and "at 0.01" in markdown.read_text()
    write_study(tmp_path / "b", rows, settings={"report": {"alpa": 1}})
    with pytest.raises(UnibridgeError, match="report's settings"):
        write_report(folder)


def test_places_of_a_heat_map_say_what_stands_there(tmp_path):
    toy = Toy(truth, noise=0.2, examples=50)
    study = read_study(write_study(tmp_path / "s", toy.cells(SOURCES, TARGETS)))
    (matrix,) = transfer_matrices(study, SETTINGS)
    kin = {code: kin_of(code) for code in (*SOURCES, *TARGETS)}
    drawn = heat_map(matrix, kin, alpha=0.05, names={"ar": "Arabic"})
    assert len(drawn.hover) == matrix.gain.size
    (one,) = (h for h in drawn.hover if h.text.startswith("Arabic to am"))
    assert "baseline" in one.text
    svg = to_svg(drawn.figure, "m", "m", drawn.hover)
    boxes = re.findall(r'<path d="M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z"><title>', svg)
    assert len(boxes) == matrix.gain.size
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    for x, y, across, down in (map(float, box) for box in boxes):
        assert 0 < x < x + across < width and 0 < y < y + down < height
    # the place is the cell's: its right row and column, from the upper left
    sources, targets = by_family(SOURCES, kin), by_family(TARGETS, kin)
    assert (one.left + 0.5, one.bottom + 0.5) == (sources.index("ar"), targets.index("am"))


def test_relatives_stand_together():
    codes = ["en", "am", "de", "qqq", "ar", "wo"]
    kin = {code: kin_of(code) for code in codes}
    assert by_family(codes, kin) == ["am", "ar", "de", "en", "wo", "qqq"]
