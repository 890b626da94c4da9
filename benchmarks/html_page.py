"""The page of `--converge-html` with many trainings: its size, and how long it takes.

    python -m benchmarks.html_page [--trainings 1000] [--every 10] [--keep PAGE]

Writes a page about made-up trainings of 512 steps, of which each tenth failed and has twelve tried
changes, and opens it in Chromium where that is found. Beside the time on the clock stands that of
the processor, which other work on the machine does not stretch as much.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from pytest_converge.core.files import write_file
from pytest_converge.report.html.page import html_page
from tests.browser import browser, missing
from tests.pages import session, studies

#: Types a word that one row in ten has, and reads the height, for which everything is laid out.
FILTER = """
const began = performance.now();
const query = document.getElementById("query");
query.value = arguments[0];
query.dispatchEvent(new Event("input"));
document.body.offsetHeight;
return performance.now() - began;
"""
SORT = """
const began = performance.now();
document.querySelectorAll("th button")[arguments[0]].click();
document.body.offsetHeight;
return performance.now() - began;
"""
OPEN = """
const began = performance.now();
document.querySelectorAll("tr.row .open")[arguments[0]].click();
document.body.offsetHeight;
return performance.now() - began;
"""
LOADED = "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--trainings", type=int, default=1000)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    results = session(arguments.trainings, every=arguments.every)
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or Path(folder) / "page.html"
        began, used = time.perf_counter(), time.process_time()
        text = html_page(results, studies=studies(), version="0", made="now")
        write_file(path, text.encode("utf-8"))
        wall, used = time.perf_counter() - began, time.process_time() - used
        print(f"{arguments.trainings} trainings, {path.stat().st_size / 1e6:.1f} MB")
        print(f"written in {wall:.1f} s, {used:.1f} s of the processor")
        if missing():
            print(f"not opened: {missing()}")
            return
        with browser(Path(folder) / "profile") as driver:
            in_browser(driver, path)


def in_browser(driver, path):
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})

    def used():
        metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

    def say(name, milliseconds, before):
        processor = 1000 * (used() - before)
        print(f"{name:<28}{milliseconds:8.0f} ms{processor:8.0f} ms of the processor")

    before = used()
    driver.get(path.resolve().as_uri())
    say("opened the page", driver.execute_script(LOADED), 0 * before)
    for name, script, argument in [
        ("filtered to one in ten", FILTER, "[1"),
        ("filtered to few", FILTER, "unscaled test_3.py"),
        ("filtered to all", FILTER, ""),
        ("sorted by final loss", SORT, 3),
        ("sorted by test", SORT, 0),
        ("opened a first section", OPEN, 5),
        ("opened a second section", OPEN, 9),
    ]:
        before = used()
        say(name, driver.execute_script(script, argument), before)


if __name__ == "__main__":
    main()
