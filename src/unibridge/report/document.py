"""A document as sections of plain blocks, drawn as one HTML page or as Markdown.

It knows nothing of what the blocks say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from unibridge.report import figures
from unibridge.report.tables import Table, escape_markdown, html_table, markdown_table


@dataclass(frozen=True)
class Drawing:
    """A figure. name: of its file. description: for who does not see it.

    hover: places that say more where a page is read with a pointer. wide: whether it is drawn in
    its own size, and scrolled, instead of fitted to the column. beside: the folder beside the page
    where its picture lies, to which HTML then only links: what would make a page too large.
    """

    figure: Figure
    name: str
    description: str
    hover: Sequence[figures.Hover] = ()
    wide: bool = False
    beside: str = ""


@dataclass(frozen=True)
class Code:
    """Text to copy, as it is."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short texts."""

    items: list[str]


@dataclass(frozen=True)
class Samples:
    """examples: per sentence, the method's label and its (text, tag) pieces, tag "" for none."""

    language: str
    examples: list[list[tuple[str, list[tuple[str, str]]]]]


@dataclass(frozen=True)
class Fold:
    """Blocks that are closed until the reader opens them."""

    title: str
    blocks: "list[Block]"


Block = str | Table | Drawing | Code | Bullets | Samples | Fold


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    title: str
    blocks: list[Block] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------
# The page as HTML
# ---------------------------------------------------------------------------------------------


def html_page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """One HTML page with its style and figures inside; lead: what a reader should know first."""
    body = "\n".join(
        f"<section>\n<h2>{escape(section.title)}</h2>\n"
        + "\n".join(map(_html_block, section.blocks))
        + "\n</section>"
        for section in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{_CSS}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="lead">{escape(lead)}</p>
{body}
</main>
</body>
</html>
"""


def _html_block(block: Block) -> str:
    match block:
        case str():
            halves = block.split("`")
            text = "".join(
                f"<code>{escape(part)}</code>" if i % 2 else escape(part)
                for i, part in enumerate(halves)
            )
            return f"<p>{text}</p>"
        case Table():
            return html_table(block)
        case Drawing() if block.beside:
            path = escape(f"{block.beside}/{block.name}.png")
            return f'<p><a href="{path}">{escape(block.description)}</a></p>'
        case Drawing():
            svg = figures.to_svg(block.figure, block.name, block.description, block.hover)
            caption = f"<figcaption>{escape(block.description)}</figcaption>"
            if block.wide:
                return f"<figure class=wide><div class=scroll>{svg}</div>{caption}</figure>"
            return f"<figure>{svg}{caption}</figure>"
        case Code():
            return f"<pre><code>{escape(block.text)}</code></pre>"
        case Bullets():
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
        case Samples():
            return _html_samples(block)
        case Fold():
            inside = "\n".join(map(_html_block, block.blocks))
            return f"<details><summary>{escape(block.title)}</summary>\n{inside}\n</details>"


def _html_samples(samples: Samples) -> str:
    tags = sorted({t for e in samples.examples for _, ps in e for _, t in ps if t})
    items = []
    for example in samples.examples:
        lines = []
        for label, pieces in example:
            text = " ".join(
                f"<mark class=t{tags.index(tag) % 6}>{escape(words)}"
                f"<b lang=en>{escape(tag)}</b></mark>"
                if tag
                else escape(words)
                for words, tag in pieces
            )
            lines.append(
                f"<dt>{escape(label)}</dt>"
                f'<dd lang="{escape(samples.language)}" dir="auto">{text}</dd>'
            )
        items.append(f"<li><dl>{''.join(lines)}</dl></li>")
    return f"<ol class=samples>{''.join(items)}</ol>"


_CSS = """
:root { --ink: #1f2430; --muted: #5f6774; --rule: #dcdfe5; --paper: #fff; --soft: #f5f6f8;
  --blue: #0072b2; --orange: #c25400; --green: #00805d; --pink: #a85688; --gold: #8f6a00;
  --sky: #2b7fae; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --muted: #a0a8b5; --rule: #373d48; --paper: #15181e; --soft: #1d2129;
    --blue: #56b4e9; --orange: #f0883e; --green: #3ecf9f; --pink: #dd9cc3; --gold: #e0b93c;
    --sky: #8ecdf2; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.05rem; font-weight: 600; color: var(--muted); margin: 0 0 .6rem; }
.lead { font-size: 1.4rem; line-height: 1.4; font-weight: 600; margin: 0 0 2rem;
  text-wrap: pretty; }
h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
section { border-top: 1px solid var(--rule); padding: 1.6rem 0 .8rem; }
p { margin: 0 0 1rem; }
figure { margin: 0 0 1.4rem; }
figure svg { width: 100%; max-width: 38rem; height: auto; display: block; }
figure.wide svg { width: auto; max-width: none; }
.hover path { fill: transparent; } .hover path:hover { fill: var(--ink); fill-opacity: .25; }
figcaption, .note { font-size: .85rem; color: var(--muted); margin: .4rem 0 1rem; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .92rem; min-width: 60%; }
th { text-align: left; font-weight: 600; color: var(--muted); font-size: .82rem;
  vertical-align: bottom; }
th:empty { padding: 0; }
th, td { padding: .34rem 1.1rem .34rem 0; border-bottom: 1px solid var(--rule); }
td { vertical-align: top; overflow-wrap: break-word; }
td:first-child { min-width: 6.5rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.apart td { color: var(--muted); font-style: italic; background: var(--soft); }
tr.apart td:first-child { padding-left: .5rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .86rem; }
pre { background: var(--soft); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; }
details { margin: 0 0 .8rem; }
summary { cursor: pointer; color: var(--blue); font-size: .92rem; margin-bottom: .5rem; }
ul { padding-left: 1.2rem; margin: 0 0 1rem; }
li { margin-bottom: .4rem; }
.samples { padding-left: 1.4rem; }
.samples > li { margin-bottom: 1rem; }
dl { margin: 0; display: grid; grid-template-columns: 8.5rem 1fr; gap: .2rem .8rem; }
dt { color: var(--muted); font-size: .82rem; padding-top: .2rem; }
dd { margin: 0; line-height: 1.9; }
mark { color: inherit; border-radius: 4px; padding: .08em .3em;
  background: color-mix(in srgb, var(--c) 17%, transparent); }
mark b { font-size: .66em; letter-spacing: .04em; color: var(--c); margin-inline-start: .45em; }
.t0 { --c: var(--blue); } .t1 { --c: var(--orange); } .t2 { --c: var(--green); }
.t3 { --c: var(--pink); } .t4 { --c: var(--gold); } .t5 { --c: var(--sky); }
@media (max-width: 34rem) {
  main { padding: 1.5rem 1rem 3rem; }
  .lead { font-size: 1.15rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
}
"""


# ---------------------------------------------------------------------------------------------
# The page as Markdown
# ---------------------------------------------------------------------------------------------


def markdown_page(title: str, lead: str, sections: Sequence[Section], pictures: Path) -> str:
    """The same in Markdown; figures become files in the existing folder `pictures` beside it."""
    parts = [f"# {escape_markdown(title)}", f"**{escape_markdown(lead)}**"]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [_markdown_block(block, pictures) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _markdown_block(block: Block, pictures: Path) -> str:
    match block:
        case str():
            return block.replace("<", "&lt;")
        case Table():
            return markdown_table(block)
        case Drawing():
            path = pictures / f"{block.name}.png"
            figures.save_png(block.figure, path)
            return f"![{escape_markdown(block.description)}]({pictures.name}/{path.name})"
        case Code():
            return f"```\n{block.text}\n```"
        case Bullets():
            return "\n".join(f"- {escape_markdown(item)}" for item in block.items)
        case Samples():
            return "\n\n".join(
                f"{number}. "
                + "\n   ".join(
                    f"- {escape_markdown(label)}: {_markdown_pieces(pieces)}"
                    for label, pieces in example
                )
                for number, example in enumerate(block.examples, start=1)
            )
        case Fold():
            inside = "\n\n".join(_markdown_block(b, pictures) for b in block.blocks)
            return f"<details><summary>{escape(block.title)}</summary>\n\n{inside}\n\n</details>"


def _markdown_pieces(pieces: Sequence[tuple[str, str]]) -> str:
    return " ".join(
        f"**{escape_markdown(words)}** ({tag})" if tag else escape_markdown(words)
        for words, tag in pieces
    )
