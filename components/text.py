"""Author's Markdown to HTML: CommonMark with tables, equations as MathML, raw HTML switched off.

Only text written in this repository passes through here. What a student or an address supplies is set as
text by the front end and never rendered.
"""

from __future__ import annotations

import re
from functools import lru_cache

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin


def mathml(latex: str, display: bool = False) -> str:
    """A LaTeX formula as MathML: no script, prints, read aloud by screen readers."""
    return convert(latex, display="block" if display else "inline")


#: Equations in running text that are longer than this may be broken over lines.
BREAKABLE_FROM = 16

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_BREAK_BEFORE = {
    "=",
    "+",
    "-",
    "<",
    ">",
    "\\le",
    "\\ge",
    "\\leq",
    "\\geq",
    "\\approx",
    "\\to",
    "\\Rightarrow",
    "\\propto",
}
_OPEN, _CLOSE = {"{", "(", "[", "\\left"}, {"}", ")", "]", "\\right"}


def _pieces(latex: str) -> list[str]:
    """An equation in pieces that may stand on lines of their own: each but the first begins with its operator."""
    pieces, depth, after_operator = [""], 0, True
    for token in _TOKEN.findall(latex):
        depth += (token in _OPEN) - (token in _CLOSE)
        # A sign behind another operator, or at the very start, belongs to the number behind it.
        if token in _BREAK_BEFORE and depth == 0 and not after_operator:
            pieces.append("")
        if token.strip():
            after_operator = token in _BREAK_BEFORE or token in ("^", "_")
        pieces[-1] += token
    return pieces


def inline_mathml(latex: str) -> str:
    """A LaTeX formula in running text. Browsers do not break MathML, so a long one is made of several."""
    if len(latex) < BREAKABLE_FROM:
        return mathml(latex)
    first, *rest = _pieces(latex)
    return "<wbr>".join([mathml(first), *(mathml(piece).replace("<mo>", '<mo form="infix">', 1) for piece in rest)])


def _render_math(content: str, options: dict[str, bool]) -> str:
    return mathml(content, display=True) if options["display_mode"] else inline_mathml(content)


_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .use(dollarmath_plugin, renderer=_render_math, allow_digits=False)
)

# A table that is wider than a phone scrolls on its own, by finger or by arrow keys, and not with the page.
_MARKDOWN.add_render_rule(
    "table_open", lambda *_: '<div class="scroll-x" tabindex="0" role="region" aria-label="Table"><table>\n'
)
_MARKDOWN.add_render_rule("table_close", lambda *_: "</table></div>\n")


@lru_cache(maxsize=4096)
def to_html(markdown: str) -> str:
    """Block-level HTML of a Markdown text; blank lines and indentation of Python literals are tolerated."""
    return _MARKDOWN.render("\n".join(line.strip() for line in markdown.strip().splitlines()))


@lru_cache(maxsize=4096)
def to_inline_html(markdown: str) -> str:
    """Inline HTML of one Markdown phrase: an option, a legend."""
    return _MARKDOWN.renderInline(markdown.strip())
