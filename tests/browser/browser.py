"""A browser, and pages of others on loopback."""

import http.server
import os
import threading
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

EVIL = "evil.example"


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>a page of others</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@contextmanager
def pages_of_others():
    """A server of pages that are not ours; its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


@contextmanager
def browser():
    """Headless Chromium, for which the evil host has become this machine, as after a rebinding of its name."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"],
            args=["--no-sandbox", f"--host-resolver-rules=MAP {EVIL} 127.0.0.1", "--no-proxy-server"],
        )
        try:
            yield chromium
        finally:
            chromium.close()


class Findings:
    """What was seen, a line each; the program fails where something should not be."""

    def __init__(self):
        self.n_seen = 0
        self.faults = []

    def expect(self, holds, what, came):
        self.n_seen += 1
        print(f"{'as expected' if holds else 'FAULT'}: {what}: {came}")
        if not holds:
            self.faults.append(what)

    def conclude(self, n_expected):
        print(f"{self.n_seen} looks, {len(self.faults)} faults")
        if self.faults or self.n_seen < n_expected:
            raise SystemExit(1)
