"""Pictures of every page with real data, for `docs/dashboard.md`:

    drifting serve --port 8087 --artifacts-path memory:// --database-uri none &
    CHROMIUM=/usr/bin/chromium python tests/browser/screenshots.py http://127.0.0.1:8087 docs/screenshots

The server must be empty. Python needs the packages of requirements.txt.
"""

import sys
import time
from pathlib import Path

from browser import browser
from market import COLUMNS, MARKET, Server, csv_of, fill

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1180, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1180, "height": 800}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}
PAGES = {"overview": "/", "project": "/projects/market", "columns": "/projects/market-by-window", "fit": "/fit", "operations": "/operations"}
BYTES_MAX = 150_000


def settled(page):
    page.wait_for_selector("#live:has-text('live')")
    page.wait_for_selector("[aria-busy]", state="detached")
    if "/projects/" in page.url:
        page.wait_for_selector("#trend figure")
        page.wait_for_selector("#columns > *")


def prepared(page, name):
    """What is on a picture beside the page as it comes."""
    if name == "project":
        box = page.locator("#trend .plot").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.62, box["y"] + box["height"] * 0.5)
    if name == "columns":
        page.locator("#columns-title").scroll_into_view_if_needed()
        page.evaluate("document.getElementById('columns-title').scrollIntoView()")
    if name == "fit":
        page.set_input_files("#file", {"name": "market.csv", "mimeType": "text/csv", "buffer": csv_of(MARKET[:3_000], COLUMNS)})
        page.wait_for_selector("#file-note:has-text('nswprice')")
        page.fill("#ert", "400")


def long_fit(page):
    """A fit that goes on while its page is looked at."""
    page.evaluate(
        """(data) => { const body = new FormData();
        body.append("settings", new Blob([JSON.stringify({drift_type: "tabular", detector: {kind: "mmd_online", n_bootstraps: 400000}})], {type: "application/json"}));
        body.append("data", new Blob([data], {type: "text/csv"}), "data.csv");
        return fetch("/api/v1/projects/market-next/fit", {method: "POST", body, headers: {Prefer: "respond-async"}}).then((answer) => answer.text()); }""",
        csv_of(MARKET[:2_000], COLUMNS).decode(),
    )


def main():
    server, folder = Server(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    fill(server)
    with browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{server.url}/")
        long_fit(page)
        time.sleep(3)
        for look, options in LOOKS.items():
            context = chromium.new_context(**options)
            for name, path in PAGES.items():
                page = context.new_page()
                page.goto(f"{server.url}{path}")
                settled(page)
                prepared(page, name)
                page.wait_for_timeout(400)
                file = folder / f"{name}-{look}.png"
                page.screenshot(path=file)
                size = file.stat().st_size
                print(f"{file}: {size} bytes")
                if size > BYTES_MAX:
                    raise SystemExit(f"{file} is larger than {BYTES_MAX} bytes")
                page.close()
            context.close()


main()
