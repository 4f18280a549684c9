"""Judgements on whatever page is on screen: lists of faults, empty when all is well."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

from tests.browser.eyes import axe_contrast, axe_violations, look, next_frame

#: A phone; and a laptop's 1280 pixels at 400 % zoom, which WCAG 1.4.10 asks for.
NARROW = (390, 320)
WIDE = 1600
#: WCAG 2.5.8.
LEAST_TARGET = 24
#: How long what appears may fade in, and plots may take to follow the window to another size (s).
LATEST_S = 5.0


def all_faults(page: Page, *, dark: bool = True, keyboard: bool = True) -> list[str]:
    """Everything below, asked of the page on screen; in dark and by keyboard unless the same parts were judged before.

    The window has the size that it had, once more, when the judgement is passed.
    """
    size = page.viewport_size
    assert size is not None
    comes_to_rest(page)
    faults = [
        *violations(page),
        *(low_contrast_in_dark(page) if dark else ()),
        *(not_keyboard_friendly(page) if keyboard else ()),
        *at_other_widths(page),
        *with_large_text(page),
    ]
    page.set_viewport_size(size)
    return faults


def comes_to_rest(page: Page) -> None:
    """Returns once nothing on the page fades in or moves any more."""
    deadline = time.monotonic() + LATEST_S
    while look(page, "moving"):
        assert time.monotonic() < deadline, f"something moves for {LATEST_S:g} s"
        next_frame(page)


def at_other_widths(page: Page) -> list[str]:
    """What does not fit into a narrow window; plots that are empty or did not follow the window to another size."""
    faults = []
    for width in (WIDE, *NARROW):
        page.set_viewport_size({"width": width, "height": 800})
        faults += [f"{width} px: {fault}" for fault in bad_plots(page)]
        if width == WIDE:
            continue
        if (beyond := look(page, "sideways")) > 0:
            faults.append(f"{width} px: scrolls sideways by {beyond} px because of {look(page, 'overflowing')}")
        if cut := look(page, "clipped"):
            faults.append(f"{width} px: text is cut off in {cut}")
        if small := look(page, "smallTargets", LEAST_TARGET):
            faults.append(f"{width} px: targets smaller than {LEAST_TARGET} px: {small}")
    return faults


def bad_plots(page: Page) -> list[str]:
    """Plots that are still empty, or as wide as the window was before, when there was time to draw them."""
    deadline = time.monotonic() + LATEST_S
    while True:
        next_frame(page)
        faults = []
        for plot in look(page, "plots"):
            if plot["painted"] < 0.005:
                faults.append(f"an empty plot, {plot}")
            if abs(plot["drawn"] - plot["box"]) > 2:
                faults.append(f"a plot does not fill its box, {plot}")
        if not faults or time.monotonic() > deadline:
            return faults


def with_large_text(page: Page) -> list[str]:
    """What does not fit when a reader doubles the size of the text on a laptop."""
    page.set_viewport_size({"width": 1280, "height": 800})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    faults = [f"text at 200 %: {fault}" for fault in bad_plots(page)]
    if (beyond := look(page, "sideways")) > 0:
        faults.append(f"text at 200 %: scrolls sideways by {beyond} px because of {look(page, 'overflowing')}")
    if cut := look(page, "clipped"):
        faults.append(f"text at 200 %: cut off in {cut}")
    page.evaluate("document.documentElement.style.fontSize = ''")
    return faults


def violations(page: Page) -> list[str]:
    """All rules of WCAG that can be judged by a machine, in light."""
    page.emulate_media(color_scheme="light")
    return axe_violations(page)


def low_contrast_in_dark(page: Page) -> list[str]:
    """What depends on colour, in dark."""
    page.emulate_media(color_scheme="dark")
    found = [f"dark: {line}" for line in axe_contrast(page)]
    page.emulate_media(color_scheme="light")
    return found


def not_keyboard_friendly(page: Page) -> list[str]:
    """What goes wrong for somebody who presses Tab to the end of the page.

    Every stop must be reached, in the order of the page, be seen to have the focus, and not be covered.
    """
    count = look(page, "startTabbing")
    seen: list[int] = []
    faults: list[str] = []
    # The tools of a plot are stops of their own once the plot has the focus.
    for _ in range(8 * count + 40):
        page.keyboard.press("Tab")
        report: dict[str, Any] | None = look(page, "focusReport")
        if report is None:
            break
        if report["stop"] >= 0:
            if report["stop"] in seen:
                break
            seen.append(report["stop"])
        if not report["shown"]:
            faults.append(f"focus cannot be seen on {report['name']}")
        if not report["clear"]:
            faults.append(f"{report['name']} has the focus under {report['under']}")
    faults += [f"never reached: {name}" for name in look(page, "missedStops", seen)]
    if seen != sorted(seen):
        faults.append(f"order of focus is not that of the page: {seen}")
    return faults
