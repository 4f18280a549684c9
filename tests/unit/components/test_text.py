"""Author's Markdown: rendered on the server, equations as MathML, raw HTML shown and not obeyed."""

from __future__ import annotations

import re

import pytest

from components.callout import Callout, StakeholderMessage
from components.peek import MathPeek
from components.text import mathml, to_html, to_inline_html
from mlsysim.physics import FORMULAS

ATTACKS = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<b>bold</b>",
    "<!-- hidden -->",
    "<iframe src=//evil></iframe>",
    "<svg/onload=alert(1)>",
    "a &lt;b&gt; c",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_html_in_a_text_is_shown_and_not_obeyed(attack: str) -> None:
    for html in (
        to_html(attack),
        to_inline_html(attack),
        to_html(f"- {attack}"),
        to_html(f"| a |\n|---|\n| {attack} |"),
    ):
        assert not re.search(r"<(?:script|img|b|iframe|svg|!)", html)
        assert "&lt;" in html


@pytest.mark.parametrize("target", ["javascript:alert(1)", "vbscript:x", "data:text/html,x", "JaVaScRiPt:alert(1)"])
def test_a_link_runs_no_script(target: str) -> None:
    assert "href" not in to_html(f"[here]({target})")


def test_markdown_becomes_html() -> None:
    assert to_html("A **bold** word") == "<p>A <strong>bold</strong> word</p>\n"
    assert to_inline_html(" *slanted* ") == "<em>slanted</em>"
    assert to_html("- one\n- two").count("<li>") == 2
    table = to_html("| device | rate |\n|---|---|\n| H100 | 989 |")
    assert "<th>device</th>" in table
    assert "<td>989</td>" in table


def test_the_indentation_of_a_python_literal_is_no_code_block() -> None:
    assert to_html("\n        First line\n        second line\n\n        Next\n    ").count("<p>") == 2
    assert "<code>" not in to_html("        deep")


def test_an_equation_becomes_mathml() -> None:
    html = to_html("The law $T = D/BW + O/R$ and\n\n$$\\frac{a}{b}$$")
    assert html.count("<math") == 2
    assert 'display="inline"' in html
    assert 'display="block"' in html
    assert "<mfrac>" in html
    assert "$" not in html
    assert "\\" not in html


def test_money_is_no_equation() -> None:
    assert "<math" not in to_html("between $5 and $6 a day")


def test_what_stands_in_an_equation_cannot_break_out_of_it() -> None:
    html = to_html("$a < b > c \\& <script>$")
    assert "<script" not in html


@pytest.mark.parametrize("name", FORMULAS)
def test_every_registered_formula_renders(name: str) -> None:
    peek = MathPeek.of([name], "Where **it** stops.")
    (shown,) = peek.formulas
    assert shown["mathml"].startswith("<math")
    assert "\\" not in re.sub(r"<[^>]*>", "", shown["mathml"]), "a LaTeX command was left over"
    assert shown["variables"]
    for variable in shown["variables"]:
        assert variable["symbol"].startswith("<math")
        assert variable["meaning"]
    assert shown["validity"]
    assert shown["source"]
    assert "<strong>it</strong>" in peek.html


def test_mathml_of_a_symbol() -> None:
    assert mathml("\\eta").startswith("<math")
    assert 'display="block"' in mathml("x", display=True)


def test_callouts_and_messages_are_made_from_markdown() -> None:
    assert Callout.of("A **cell**", title="Concept").html == "<p>A <strong>cell</strong></p>\n"
    assert StakeholderMessage.of("CTO", "Why?").html == "<p>Why?</p>\n"
    assert Callout.of("x", kind="danger").kind == "danger"
    with pytest.raises(ValueError, match="kind"):
        Callout.of("x", kind="loud")
