"""A study's folder -> one page that a person can read, with its pictures and tables beside it."""

from pathlib import Path

from unibridge.artifacts import write_bytes
from unibridge.comparison.analysis import analyse
from unibridge.comparison.exports import write_tables
from unibridge.comparison.rows import read_study
from unibridge.comparison.sections import PICTURES, headline, limits, sections_of
from unibridge.comparison.settings import ComparisonSettings, settings_of
from unibridge.report.document import Section, html_page, markdown_page


def write_report(
    folder: Path | str, settings: ComparisonSettings | None = None
) -> tuple[Path, Path]:
    """Write report.html, report.md with report/*.png, and tables/; the first two.

    The page is self-contained but for maps of other step counts and metrics, to which it links.
    Only the study's own files are read, so that an unfinished study has a report too. Raises
    UnibridgeError for a folder that is no study, or whose rows are broken.
    """
    study = read_study(folder)
    settings = settings or settings_of(study.plan)
    analyses = analyse(study, settings)
    sections: list[Section] = []
    for one in analyses:
        of = f" ({one.model})" if len(analyses) > 1 else ""
        sections += [Section(part.title + of, part.blocks) for part in sections_of(one)]
    sections.append(limits(analyses))
    title, lead = str(study.plan.get("title") or "Which languages help which"), headline(analyses)
    matrices = [matrix for one in analyses for matrix in one.all]
    write_tables(study.folder / "tables", study, matrices, settings)
    html_path, markdown_path = study.folder / "report.html", study.folder / "report.md"
    pictures = study.folder / PICTURES
    pictures.mkdir(exist_ok=True)
    write_bytes(markdown_path, markdown_page(title, lead, sections, pictures).encode())
    write_bytes(html_path, html_page(title, lead, sections).encode())
    return html_path, markdown_path
