"""Colours and type of the suite: the only place where a colour is written down.

Light and dark hold the same token names. Style sheets see them as CSS custom properties
(`--token-name`), instruments see the light values as Python strings; the browser swaps a
plot's light colours for their dark partners when the reader switches theme.
"""

from __future__ import annotations

from types import MappingProxyType

LIGHT = MappingProxyType(
    {
        # Roles of the course: data, met, violation, caution. Marks need a contrast of 3:1, text one of 4.5:1,
        # so the roles that are too light for text have a darker ink.
        "data": "#006395",
        "met": "#008F45",
        "violation": "#CB202D",
        "caution": "#CC5500",
        "met-ink": "#00713A",
        "violation-ink": "#B31B27",
        "caution-ink": "#A54500",
        # Deployment regimes.
        "cloud": "#6366F1",
        "edge": "#CB202D",
        "mobile": "#CC5500",
        "tiny": "#008F45",
        "cloud-ink": "#4A45D1",
        # Series that carry neither a role nor a regime (parts of a stack, comparison lines).
        "series-2": "#7A4E9F",
        "series-3": "#0C7473",
        "series-4": "#A8326B",
        "series-5": "#8A6100",
        "series-6": "#5A6A7A",
        # Surfaces and text.
        "page": "#F4F6F9",
        "surface": "#FFFFFF",
        "sunken": "#EDF1F5",
        "ink": "#16202C",
        "muted": "#51606F",
        "line": "#CFD8E1",
        "grid": "#E3E9EF",
        "data-soft": "#E3F0F8",
        "met-soft": "#E2F4E9",
        "violation-soft": "#FBE7E8",
        "caution-soft": "#FDEEDF",
        # Text on a coloured fill (a bar, a selected button).
        "on-fill": "#FFFFFE",
        # Text on the cells of a heat map, whose ramp is the same in both themes.
        "on-cell": "#15212B",
    }
)

DARK = MappingProxyType(
    {
        "data": "#5DB4E6",
        "met": "#4CC38A",
        "violation": "#FF7B80",
        "caution": "#F5A15B",
        "met-ink": "#6AD3A0",
        "violation-ink": "#FF9297",
        "caution-ink": "#F7B278",
        "cloud": "#9DA0FF",
        "edge": "#FF7B80",
        "mobile": "#F5A15B",
        "tiny": "#4CC38A",
        "cloud-ink": "#B4B6FF",
        "series-2": "#C3A0E4",
        "series-3": "#56C2C0",
        "series-4": "#EF8FBC",
        "series-5": "#DDB655",
        "series-6": "#A3B1C0",
        "page": "#0F151C",
        "surface": "#18212B",
        "sunken": "#202B37",
        "ink": "#EAF0F6",
        "muted": "#A5B3C1",
        "line": "#3A4857",
        "grid": "#2A3644",
        "data-soft": "#15334A",
        "met-soft": "#143A2A",
        "violation-soft": "#46212A",
        "caution-soft": "#452D1B",
        "on-fill": "#0B1117",
        "on-cell": "#15212C",
    }
)

#: The header of a lab and of the course, dark in both themes, and the badges on it.
HEADER = MappingProxyType(
    {
        "header-start": "#0B1F30",
        "header-middle": "#123A56",
        "header-end": "#0B4F6C",
        "header-ink": "#F2F7FB",
        "header-text": "#DCE9F2",
        "header-muted": "#B8CFE0",
        "header-link": "#E4F1FA",
        "header-line": "#6E8FA6",
        "header-focus": "#9ED3F5",
        "badge-locked": "#FFFFFF14",
        "badge-locked-ink": "#C9D8E3",
        "badge-locked-line": "#5B7A90",
        "badge-met": "#0C4A30",
        "badge-met-ink": "#DDFBE9",
        "badge-met-line": "#4CC38A",
        "badge-met-sign": "#06281A",
        "badge-violated": "#5D1A22",
        "badge-violated-ink": "#FFE6E7",
        "badge-violated-line": "#FF8A8F",
        "badge-violated-sign": "#3A0A0F",
        "shadow": "#0000000F",
    }
)

#: What is done to a picture of a light page (a lab's thumbnail), so that it does not glare in the dark: light and dark.
PICTURE_FILTERS = ("brightness(1)", "invert(.89) hue-rotate(180deg)")

TEXT_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

#: Order in which unnamed series of one plot take their colours.
SERIES = ("data", "series-2", "series-3", "series-5", "series-4", "series-6")


def colour(token: str) -> str:
    """The light value of a token, for instruments; KeyError names the known tokens."""
    try:
        return LIGHT[token]
    except KeyError:
        raise KeyError(f"unknown colour token {token!r}; known: {', '.join(LIGHT)}") from None


def luminance(colour: str) -> float:
    """Relative luminance of #RRGGBB, 0 to 1 (WCAG 2.2)."""
    parts = [part / 255 for part in _channels(colour)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def header_of(accent: str) -> dict[str, str]:
    """The ground of the header in a course's own colour, as dark as the palest text on it needs."""
    share = 1.0
    while contrast(HEADER["header-muted"], _darkened(accent, share)) < 5.0:
        share *= 0.97
    steps = {"header-start": 0.4, "header-middle": 0.7, "header-end": 1.0}
    return {name: _darkened(accent, step * share) for name, step in steps.items()}


def accent_css(accent: str | None) -> str:
    """A style sheet that gives the header a course's own colour; empty without one."""
    if accent is None:
        return ""
    return "html:root{" + "".join(f"--{name}:{value};" for name, value in header_of(accent).items()) + "}"


def accent_styles(accent: str | None) -> dict[str, str]:
    """The same as declarations for one element, for a lab in a page that is not ours."""
    return {f"--{name}": value for name, value in header_of(accent).items()} if accent is not None else {}


def _channels(colour: str) -> list[int]:
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def _darkened(colour: str, share: float) -> str:
    return "#" + "".join(f"{round(part * share):02X}" for part in _channels(colour))


def css() -> str:
    """Custom properties of both themes: the system's choice, unless the reader made one."""

    def block(tokens: MappingProxyType[str, str], picture_filter: str = "") -> str:
        declared = "".join(f"--{name}:{value};" for name, value in tokens.items())
        return f"{declared}--picture-filter:{picture_filter};" if picture_filter else declared

    light, dark = block(LIGHT, PICTURE_FILTERS[0]), block(DARK, PICTURE_FILTERS[1])
    both = f"--text-font:{TEXT_FONT};{block(HEADER)}"
    return (
        f":root{{color-scheme:light;{both}{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{dark}}}"
    )
