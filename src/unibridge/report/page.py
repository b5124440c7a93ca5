"""A run folder -> one page that a person can read: report.html (self-contained) and report.md.

Only the run's own files are read: run.json, results.jsonl and the stages' manifests.
"""

from pathlib import Path

from unibridge.artifacts import write_bytes
from unibridge.report.document import html_page, markdown_page
from unibridge.report.folder import read_run
from unibridge.report.sections import headline, sections_of


def write_report(run_folder: Path | str) -> tuple[Path, Path]:
    """Write report.html and report.md (with report/*.png) into a run folder; return both paths.

    Stages that have not run yet are left out, so a partial run has a report too. Raises
    UnibridgeError when the folder is no run or one of its files is broken.
    """
    run = read_run(Path(run_folder))
    sections = [section for section in sections_of(run) if section.blocks]
    title, lead = str(run.about.get("title") or "UniBridge run"), headline(run)
    html_path, markdown_path = run.folder / "report.html", run.folder / "report.md"
    pictures = run.folder / "report"
    pictures.mkdir(exist_ok=True)
    write_bytes(markdown_path, markdown_page(title, lead, sections, pictures).encode())
    write_bytes(html_path, html_page(title, lead, sections).encode())
    return html_path, markdown_path
