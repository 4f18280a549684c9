"""How fast a page opens and answers, what it costs the server, and how that compares with the peer, in one run.

    python -m tests.benchmarks.bench_pages

The peer runs from an environment of its own (`make bench` makes it); without it only our own numbers are printed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.benchmarks.servers import ROOT, Running, free_port, serving, student_in_act2, suite
from tests.install_system import chromium

OPENINGS = 7
PRESSES = 25
SESSIONS = 20
#: How long after its last page a session surely has been discarded (s).
AFTER_S = 40
LAB = "/vol1/lab_02_ml_systems"
PEER_PYTHON = ROOT / "build" / "bench" / "bin" / "python"
PEER_NOTEBOOK = Path(__file__).parent / "peer_marimo.py"

#: Finds an element through shadow roots, and notes when anything was last painted or a readout last changed.
PROBE = """
window.find = (selector, root = document) => {
  const hit = root.querySelector(selector)
  if (hit) return hit
  for (const element of root.querySelectorAll('*')) {
    const inner = element.shadowRoot && window.find(selector, element.shadowRoot)
    if (inner) return inner
  }
  return null
}
window.painted = 0
for (const name of ['stroke', 'fill', 'fillText', 'fillRect', 'drawImage']) {
  const original = CanvasRenderingContext2D.prototype[name]
  CanvasRenderingContext2D.prototype[name] = function (...given) {
    window.painted = performance.now()
    return original.apply(this, given)
  }
}
window.watchPlots = () => {
  const observe = (root) => {
    new MutationObserver((records) => {
      if (records.some((record) => record.target.closest?.('svg'))) window.painted = performance.now()
    }).observe(root, {subtree: true, childList: true, attributes: true, characterData: true})
    for (const element of root.querySelectorAll('*')) if (element.shadowRoot) observe(element.shadowRoot)
  }
  observe(document)
}
"""

#: Two plots with something drawn in them.
OURS_DRAWN = """() => {
  let drawn = 0
  const walk = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.tagName === 'CANVAS' && element.width > 100 && element.height > 100) drawn += 1
      if (element.shadowRoot) walk(element.shadowRoot)
    }
  }
  walk(document)
  return drawn >= 2 && window.painted > 0
}"""
PEER_DRAWN = """() => {
  let drawn = 0
  const walk = (root) => {
    for (const plot of root.querySelectorAll('.js-plotly-plot')) if (plot.querySelector('.main-svg')) drawn += 1
    for (const element of root.querySelectorAll('*')) if (element.shadowRoot) walk(element.shadowRoot)
  }
  walk(document)
  return drawn >= 2
}"""


def opening_s(browser: Browser, url: str, drawn: str, cookie: str | None) -> float:
    """From the request to two drawn plots, with an empty cache (s)."""
    with _student(browser, url, cookie) as page:
        start = time.perf_counter()
        page.goto(url)
        page.wait_for_function(drawn, polling="raf")
        return time.perf_counter() - start


@contextmanager
def _student(browser: Browser, url: str, cookie: str | None) -> Iterator[Page]:
    # Waiting for a page is done by text that it evaluates, which its own policy forbids.
    context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    if cookie is not None:
        context.add_cookies([{"name": "mlsys_student", "value": cookie, "url": url}])
    context.add_init_script(PROBE)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def answers_ms(page: Page, slider: str, readout: str) -> tuple[list[float], list[float]]:
    """From a key press on the slider to the changed readout, and to the last repaint of a plot (ms)."""
    page.evaluate("window.watchPlots()")
    page.evaluate(
        """([slider, readout]) => {
          let text = window.find(readout).textContent
          setInterval(() => {
            const now = window.find(readout)?.textContent
            if (now !== text) { text = now; window.changed = performance.now() }
          }, 1)
          window.addEventListener('keydown', () => { window.pressed = performance.now() }, true)
          window.find(slider).focus()
        }""",
        [slider, readout],
    )
    readouts, repaints = [], []
    for _ in range(PRESSES):
        page.evaluate("(slider) => window.find(slider).focus()", slider)
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)
        pressed, changed, painted = page.evaluate("[window.pressed, window.changed, window.painted]")
        readouts.append(changed - pressed)
        repaints.append(painted - pressed)
    return readouts, repaints


def sessions(browser: Browser, server: Running) -> tuple[float, float, float]:
    """CPU to open a lab up to the locked prediction (ms), memory a session takes, and what each leaves behind (MB)."""

    def enter() -> BrowserContext:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto(server.url + LAB)
        page.get_by_role("tab").nth(1).click()
        page.get_by_role("button", name="Lock prediction").wait_for()
        return context

    for _ in range(3):
        enter().close()
    costs = []
    for _ in range(OPENINGS):
        before = server.cpu_s()
        context = enter()
        time.sleep(0.3)
        costs.append(1e3 * (server.cpu_s() - before))
        context.close()
    time.sleep(AFTER_S)
    growth = []
    levels = [server.memory_bytes()]
    for _ in range(2):
        contexts = [enter() for _ in range(SESSIONS)]
        growth.append((server.memory_bytes() - levels[-1]) / SESSIONS / 1e6)
        for context in contexts:
            context.close()
        time.sleep(AFTER_S)
        levels.append(server.memory_bytes())
    return statistics.median(costs), max(growth), (levels[-1] - levels[-2]) / SESSIONS / 1e6


def main() -> None:
    """Prints everything."""
    row = "{:<42}{:>12}{:>12}{:>10}".format
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        browser = driver.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        with suite(folder) as ours:
            cookie = student_in_act2(folder)
            openings = [opening_s(browser, ours.url + LAB, OURS_DRAWN, cookie) for _ in range(OPENINGS)]
            with _student(browser, ours.url, cookie) as page:
                page.goto(ours.url + LAB)
                page.wait_for_function(OURS_DRAWN)
                page.wait_for_timeout(1500)
                own = answers_ms(page, "input[type=range]", ".metrics .value")
            cpu_ms, session_mb, left_mb = sessions(browser, ours)
        peer: tuple[list[float], tuple[list[float], list[float]]] | None = None
        if PEER_PYTHON.is_file():
            port = free_port()
            command = [
                str(PEER_PYTHON),
                "-m",
                "marimo",
                "run",
                str(PEER_NOTEBOOK),
                "--headless",
                "--no-token",
                "--port",
                str(port),
            ]
            with serving(command, port, {"PYTHONPATH": str(ROOT)}) as marimo:
                peer_openings = [opening_s(browser, marimo.url, PEER_DRAWN, None) for _ in range(OPENINGS)]
                with _student(browser, marimo.url, None) as page:
                    page.goto(marimo.url)
                    page.wait_for_function(PEER_DRAWN)
                    page.wait_for_timeout(1500)
                    peer = (peer_openings, answers_ms(page, "[role=slider]", "#readout"))
        browser.close()

    print(row("Lab 02, Act II: two plots, five readouts", "ours", "marimo", "ratio"))
    pick: Callable[[list[float]], float] = statistics.median
    lines = [
        ("open to both plots (s)", pick(openings), peer and pick(peer[0])),
        ("key press to readout (ms)", pick(own[0]), peer and pick(peer[1][0])),
        ("key press to last repaint (ms)", pick(own[1]), peer and pick(peer[1][1])),
    ]
    for label, value, other in lines:
        print(row(label, f"{value:.2f}", f"{other:.2f}" if other else "–", f"{value / other:.2f}" if other else "–"))
    print(row("server CPU, open to locked prediction (ms)", f"{cpu_ms:.0f}", "", ""))
    print(row("memory per session (MB)", f"{session_mb:.2f}", "", ""))
    print(row("left behind by each session (MB)", f"{left_mb:.2f}", "", ""))


if __name__ == "__main__":
    main()
