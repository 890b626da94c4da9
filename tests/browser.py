"""A real browser without a window: Chromium, driven by Selenium, where both are found."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["FLAGS", "browser", "missing"]

#: Nothing but the page: no profile, no update, no call home.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Names of the browser and of its driver, of which Debian has the first ones.
BROWSERS, DRIVERS = ("chromium", "chromium-browser", "google-chrome"), ("chromedriver",)
#: A machine that is busy with other tests has little left for a page.
SECONDS = 120


def _found(names: tuple[str, ...]) -> str:
    return next(filter(None, map(shutil.which, names)), "")


def missing() -> str:
    """What is not there; empty where a browser can be opened."""
    try:
        import selenium  # noqa: F401 - whether it is there
    except ImportError:
        return "Selenium is not installed"
    if not (_found(BROWSERS) and _found(DRIVERS)):
        return "no Chromium was found: apt-get install chromium chromium-driver"
    return ""


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Any]:
    """A driver whose browser keeps its profile in `folder`, and logs what the page says."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _found(BROWSERS)
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_found(DRIVERS)))
    try:
        driver.set_script_timeout(SECONDS)
        driver.set_page_load_timeout(SECONDS)
        yield driver
    finally:
        driver.quit()
