"""Takes the pictures of the index page and of the README from real pages.

python -m tests.browser.thumbnails
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from labs import robot
from labs.catalog import catalog, find_lab
from labs.lab import Lab
from labs.pages import THUMBNAILS
from tests.browser.server import Server
from tests.browser.student import Student
from tests.browser.watch import Watch
from tests.install_system import chromium

SIZE = (640, 360)
DOCS = Path(__file__).parents[2] / "docs"

#: What a plot needs until it stands still (ms).
SETTLE_MS = 1500


def a_design_that_holds(lab: type[Lab]) -> str:
    """The address of a design that meets the challenge, in the first context that has one."""
    run = robot.opened(lab)
    solutions = ((context.id, run.solution(context.id)) for context in lab.contexts)
    context, moves = next((context, moves) for context, moves in solutions if moves is not None)
    return "?" + urlencode({"context": context, **{f"act2.{name}": value for name, value in moves.items()}})


def act2(browser: Browser, server: Server, lab: type[Lab], *, breaking: bool, width: int, height: int) -> Page:
    """The page of somebody who is at the instruments of a lab's second act."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light")
    page = context.new_page()
    student = Student(page, server, lab, Watch(context, server.url))
    student.has_come_to("act2_reflect", breaking=breaking).opens(query="" if breaking else a_design_that_holds(lab))
    # The footer stays in view on the page; in a picture it would stand in the way.
    page.locator(".hud").evaluate("footer => { footer.style.position = 'static' }")
    page.locator(".figure:visible canvas").first.wait_for()
    page.wait_for_timeout(SETTLE_MS)
    return page


def write(picture: bytes, path: Path, size: tuple[int, int]) -> None:
    """Scales a screenshot down to `size` and writes it with a palette, which suits flat colours and text."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").resize(size, Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Writes one picture per lab, and the one of the README."""
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            for lab in catalog():
                page = act2(browser, server, lab, breaking=False, width=1240, height=1400)
                box = page.locator(".figure:visible").first.bounding_box()
                assert box is not None
                clip = {**box, "height": box["width"] * SIZE[1] / SIZE[0]}
                write(page.screenshot(clip=clip, full_page=True), THUMBNAILS / f"{lab.key()}.png", SIZE)
                page.context.close()
            page = act2(browser, server, find_lab(1, 2), breaking=True, width=1280, height=1000)
            page.locator("form:visible").first.evaluate("form => form.scrollIntoView({block: 'center'})")
            page.wait_for_timeout(SETTLE_MS)
            write(page.screenshot(), DOCS / "screenshot.png", (1280, 1000))
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
