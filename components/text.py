"""Author's Markdown to HTML: CommonMark with tables, equations as MathML, raw HTML switched off.

Only text written in this repository passes through here. What a student or an address supplies is set as
text by the front end and never rendered.
"""

from __future__ import annotations

from functools import lru_cache

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin


def mathml(latex: str, display: bool = False) -> str:
    """A LaTeX formula as MathML: no script, prints, read aloud by screen readers."""
    return convert(latex, display="block" if display else "inline")


def _render_math(content: str, options: dict[str, bool]) -> str:
    return mathml(content, display=options["display_mode"])


_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .use(dollarmath_plugin, renderer=_render_math, allow_digits=False)
)


@lru_cache(maxsize=4096)
def to_html(markdown: str) -> str:
    """Block-level HTML of a Markdown text; blank lines and indentation of Python literals are tolerated."""
    return _MARKDOWN.render("\n".join(line.strip() for line in markdown.strip().splitlines()))


@lru_cache(maxsize=4096)
def to_inline_html(markdown: str) -> str:
    """Inline HTML of one Markdown phrase: an option, a legend."""
    return _MARKDOWN.renderInline(markdown.strip())
