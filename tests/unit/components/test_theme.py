"""Colours: legible in both themes, the same names in both, partners that the browser can swap, one place for all."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import theme
from components.instruments.layers import Cells
from components.theme import contrast

ROOT = Path(__file__).parents[3]
THEMES = {"light": theme.LIGHT, "dark": theme.DARK}
GROUNDS = ("surface", "page", "sunken", "data-soft", "met-soft", "violation-soft", "caution-soft")
INKS = ("ink", "muted", "data", "met-ink", "violation-ink", "caution-ink", "cloud-ink", *theme.SERIES)
MARKS = ("data", "met", "violation", "caution", "cloud", "edge", "mobile", "tiny", *theme.SERIES)
#: Fills that carry text in `on-fill`: bars of a stack, selected buttons, the active context.
FILLS = (*theme.SERIES, "violation", "met-ink", "violation-ink", "caution-ink", "cloud-ink", "muted", "ink")


@given(accent=st.integers(0, 0xFFFFFF).map("#{:06X}".format))
def test_text_on_a_header_of_any_colour_is_legible(accent: str) -> None:
    grounds = theme.header_of(accent)
    inks = ("header-ink", "header-text", "header-muted", "header-link", "header-focus")
    assert set(grounds) < set(theme.HEADER)
    assert min(contrast(theme.HEADER[ink], ground) for ink in inks for ground in grounds.values()) >= 4.5
    assert theme.accent_css(accent).startswith("html:root{--header-start:#")


def test_a_dark_accent_stays_what_it_is() -> None:
    assert theme.header_of("#0B2F4C")["header-end"] == "#0B2F4C"
    assert theme.accent_css(None) == ""


def test_the_contrast_formula() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("name", "ink", "ground"), [*itertools.product(THEMES, INKS, GROUNDS)])
def test_text_is_legible(name: str, ink: str, ground: str) -> None:
    tokens = THEMES[name]
    assert contrast(tokens[ink], tokens[ground]) >= 4.5


@pytest.mark.parametrize(("name", "mark", "ground"), [*itertools.product(THEMES, MARKS, GROUNDS)])
def test_marks_stand_out(name: str, mark: str, ground: str) -> None:
    tokens = THEMES[name]
    assert contrast(tokens[mark], tokens[ground]) >= 3


@pytest.mark.parametrize(("name", "fill"), [*itertools.product(THEMES, FILLS)])
def test_text_on_a_fill_is_legible(name: str, fill: str) -> None:
    tokens = THEMES[name]
    assert contrast(tokens["on-fill"], tokens[fill]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_text_on_the_cells_of_a_heat_map_is_legible(name: str) -> None:
    assert all(contrast(cell, THEMES[name]["on-cell"]) >= 4.5 for cell in Cells.ramp)


def blended(colour: str, ground: str) -> str:
    """A colour over a ground: #RRGGBBAA is as translucent as it says."""
    share = int(colour[7:9], 16) / 255 if len(colour) == 9 else 1.0
    parts = [round(share * int(colour[k : k + 2], 16) + (1 - share) * int(ground[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{part:02X}" for part in parts)


@pytest.mark.parametrize("stop", ["header-start", "header-middle", "header-end"])
def test_the_header_is_legible_along_its_gradient(stop: str) -> None:
    header = theme.HEADER
    for ink in ("header-ink", "header-text", "header-muted", "header-link"):
        assert contrast(header[ink], header[stop]) >= 4.5, ink
    for mark in ("header-focus", "badge-met-line", "badge-violated-line"):
        assert contrast(header[mark], header[stop]) >= 3, mark
    for badge in ("badge-locked", "badge-met", "badge-violated"):
        assert contrast(header[f"{badge}-ink"], blended(header[badge], header[stop])) >= 4.5, badge
    for badge in ("badge-met", "badge-violated"):
        assert contrast(header[f"{badge}-sign"], header[f"{badge}-line"]) >= 4.5, badge


def test_neighbours_in_a_stack_differ() -> None:
    for tokens in THEMES.values():
        shown = [tokens[name] for name in theme.SERIES]
        assert len(set(shown)) == len(shown)


def test_the_courses_colours_are_exact() -> None:
    exact = {
        "data": "#006395",
        "met": "#008F45",
        "violation": "#CB202D",
        "caution": "#CC5500",
        "cloud": "#6366F1",
        "edge": "#CB202D",
        "mobile": "#CC5500",
        "tiny": "#008F45",
    }
    assert {name: theme.LIGHT[name] for name in exact} == exact


def test_both_themes_have_the_same_tokens() -> None:
    assert list(theme.LIGHT) == list(theme.DARK)
    for tokens in THEMES.values():
        assert all(re.fullmatch(r"#[0-9A-F]{6}", colour) for colour in tokens.values())


def test_a_plot_can_be_swapped_from_one_theme_to_the_other_and_back() -> None:
    """The browser knows colours, not names: each light colour has one dark partner, and none is of both themes."""
    there, back = {}, {}
    for name in theme.LIGHT:
        light, dark = theme.LIGHT[name].lower(), theme.DARK[name].lower()
        assert there.setdefault(light, dark) == dark, f"{light} would need two dark partners"
        assert back.setdefault(dark, light) == light, f"{dark} would need two light partners"
    assert not there.keys() & back.keys()
    assert not {colour.lower() for colour in Cells.ramp} & (there.keys() | back.keys())


def test_an_unknown_token_is_named_with_those_there_are() -> None:
    assert theme.colour("data") == "#006395"
    with pytest.raises(KeyError, match="unknown colour token 'pink'; known: data, met"):
        theme.colour("pink")


def test_style_sheets_see_every_token_in_both_themes() -> None:
    css = theme.css()
    for tokens in THEMES.values():
        for name, colour in tokens.items():
            assert f"--{name}:{colour};" in css
    for picture_filter in theme.PICTURE_FILTERS:
        assert f"--picture-filter:{picture_filter};" in css
    assert "prefers-color-scheme:dark" in css
    assert "[data-theme=dark]" in css


HEX = re.compile(r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})\b")
#: The theme, and the one ramp of heat maps, which documents that it is the same in both themes.
ALLOWED = {"components/theme.py": None, "components/instruments/layers.py": set(Cells.ramp)}


def test_colours_are_written_in_the_theme_alone() -> None:
    found = {}
    for path in sorted([*ROOT.glob("components/**/*.py"), *ROOT.glob("labs/**/*.py")]):
        name = path.relative_to(ROOT).as_posix()
        allowed = ALLOWED.get(name, set())
        if allowed is None:
            continue
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if odd := {colour for text in texts for colour in HEX.findall(text)} - allowed:
            found[name] = odd
    assert not found


def test_style_sheets_use_known_tokens_and_no_colours_of_their_own() -> None:
    own = re.compile(r"--([a-z][a-z0-9-]*)\s*:")
    used = re.compile(r"var\(--([a-z][a-z0-9-]*)")
    sheets = sorted((ROOT / "components/frontend/css").glob("*.css"))
    texts = {path: re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL) for path in sheets}
    # What one sheet sets for a part of the page, another may use in it.
    local = {token for text in texts.values() for token in own.findall(text)}
    for path, text in texts.items():
        unknown = set(used.findall(text)) - {*theme.LIGHT, *theme.HEADER, "text-font", "picture-filter", *local}
        assert not unknown, f"{path.name} uses unknown tokens {unknown}"
        assert not HEX.findall(re.sub(r"[^{}]*\{", "{", text)), f"{path.name} has a colour of its own"
