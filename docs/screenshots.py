"""Takes the pictures of the page that the documents show, in a real browser.

    python -m docs.screenshots

A test takes the same. The session on it is made by hand, so that it is the same every time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pytest_converge.core.files import write_file
from pytest_converge.report.html.page import html_page
from tests.browser import browser
from tests.pages import session, studies

__all__ = ["SHOTS", "take"]

FOLDER = Path(__file__).parent / "pictures"


class Shot(NamedTuple):
    """A picture: of which window, in which theme, with which section open."""

    width: int
    height: int
    theme: str
    section: str


SHOTS = {
    "page.png": Shot(1280, 1460, "light", "test_training[7]"),
    "page-phone.png": Shot(390, 1400, "dark", "test_rate"),
}


def take(driver: Any, folder: Path) -> None:
    """Takes each picture.

    Args:
        driver: of the browser.
        folder: where the page and its pictures go.
    """
    text = html_page(
        session(12, every=4), studies=studies(), version="1.2.3", made="2026-01-02 03:04 UTC"
    )
    page = folder / "page.html"
    write_file(page, text.encode("utf-8"))
    for name, shot in SHOTS.items():
        size = {"width": shot.width, "height": shot.height, "deviceScaleFactor": 1}
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {**size, "mobile": shot.width < 500}
        )
        feature = {"name": "prefers-color-scheme", "value": shot.theme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        driver.get("about:blank")
        driver.get(page.as_uri())
        rows = driver.find_elements("css selector", "tr.row .open")
        next(row for row in rows if shot.section in row.text).click()
        write_file(folder / name, driver.get_screenshot_as_png())


def main() -> None:
    """Takes those of the documents."""
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile") as driver:
        take(driver, Path(folder))
        for name in SHOTS:
            write_file(FOLDER / name, (Path(folder) / name).read_bytes())


if __name__ == "__main__":
    main()
