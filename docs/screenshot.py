"""Takes the README's picture: the page of a measured attempt, from a running server.

neurorig demo --keep                  # prints the address of a page
python docs/screenshot.py ADDRESS     # writes docs/images/attempt.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

OUT = Path(__file__).parent / "images" / "attempt.png"
WIDTH, HEIGHT = 1180, 930


def main() -> None:
    """Open the page in Chromium, wait for its charts, and keep its first screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(sys.argv[1], wait_until="networkidle")
        page.wait_for_selector(".js-plotly-plot .main-svg", timeout=20_000)
        page.screenshot(path=OUT, clip={"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT})
        browser.close()


if __name__ == "__main__":
    main()
