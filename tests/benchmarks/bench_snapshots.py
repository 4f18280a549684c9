"""What snapshots cost: recording, file size, time to the first plot, script time of a change; beside their budgets.

    python -m tests.benchmarks.bench_snapshots [LAB…]

Without arguments the whole suite is recorded, on all processors.
"""

from __future__ import annotations

import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from labs.catalog import catalog
from labs.lab import Lab
from labs.snapshot.suite import Style, snapshot
from tests.install_system import chromium

#: Budgets: gzipped bytes of one file, seconds to the first plot, milliseconds of script per change, seconds of
#: recording per lab (fifteen minutes for the suite of 34).
BYTES, FIRST_PLOT_S, CHANGE_MS, RECORD_S = 3_000_000, 1.5, 33, 15 * 60 / 34

CHANGES = 20

#: A change of a slider, from its event to the end of the drawing that it causes.
CHANGE = """
async (slider) => {
  const took = []
  for (let k = 0; k < %d; k++) {
    slider.value = k %% 2 ? slider.min : slider.max
    const start = performance.now()
    slider.dispatchEvent(new Event("input", {bubbles: true}))
    const handled = performance.now() - start
    const drawn = await new Promise((done) => requestAnimationFrame(() => {
      const frame = performance.now()
      setTimeout(() => done(performance.now() - frame))
    }))
    took.push(handled + drawn)
  }
  return took
}
"""


def main() -> None:
    labs = [lab for lab in catalog() if not sys.argv[1:] or lab.key() in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        snapshot(labs, Path(folder) / "single", Style(single_file=True))
        per_lab = (time.perf_counter() - started) / len(labs)
        print(f"recorded {len(labs)} labs, {per_lab:.1f} s a lab: {per_lab / RECORD_S:.2f} of the budget")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            print("lab     gzip MB of budget  plot s of budget  change ms of budget")
            for lab in labs:
                page = browser.new_context(offline=True).new_page()
                report(page, lab, Path(folder) / "single" / f"{lab.slug}.html")
                page.context.close()
            browser.close()


def report(page: Page, lab: type[Lab], path: Path) -> None:
    """One line for one lab: first plot is that of Act I for somebody who has locked a prediction."""
    size = len(gzip.compress(path.read_bytes()))
    page.goto(f"file://{path}")
    page.get_by_role("button", name="Open Act I").click()
    prediction = page.get_by_role("tabpanel").get_by_role("region", name="Prediction")
    prediction.locator("input[type=radio]").first.check()
    prediction.get_by_role("button", name="Lock prediction").click()
    page.wait_for_timeout(800)
    page.reload()
    page.locator(".figure canvas").first.wait_for()
    first = page.evaluate("performance.now()") / 1e3
    page.wait_for_timeout(500)
    sliders = page.get_by_role("tabpanel").get_by_role("slider")
    took = sliders.first.evaluate(CHANGE % CHANGES) if sliders.count() else [0.0]
    change = statistics.median(took)
    print(
        f"{lab.key():<7} {size / 1e6:7.2f} {size / BYTES:9.2f} {first:7.2f} {first / FIRST_PLOT_S:9.2f} "
        f"{change:10.1f} {change / CHANGE_MS:9.2f}"
    )


if __name__ == "__main__":
    main()
