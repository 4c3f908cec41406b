"""The dashboard in a real browser, with real data: every page in light, dark and narrow, with a mouse and with keys alone.

The arguments are the address of a server that asks for no key and is empty, and that of one that asks for `KEY`.
"""

import gzip
import re
import sys

from axe_playwright_python.sync_playwright import Axe
from browser import Findings, browser
from market import COLUMNS, CHANGE, HOSTILE, MARKET, Server, csv_of, fill
from playwright.sync_api import expect

KEY = "a-key-for-the-dashboard"
PAGES = ["/", "/projects/market", "/projects/market-by-window", "/projects/hostile", "/fit", "/operations"]
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}
PAGES_BYTES_MAX = 150_000


class Watched:
    """A tab of which every complaint and every request is noted."""

    def __init__(self, context, url, may_fail=()):
        self.page = context.new_page()
        self.complaints = []
        self.foreign = []
        page = self.page
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self.note(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.note(str(error)))
        page.on("request", lambda request: self.foreign.append(request.url) if not request.url.startswith((url, "data:", "blob:")) else None)
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI))"
        )
        self.may_fail = may_fail

    def note(self, text):
        if not any(status in text for status in self.may_fail):
            self.complaints.append(text)

    def close(self, findings, what):
        findings.expect(not self.complaints, f"{what}: the browser complains of nothing", self.complaints)
        findings.expect(not self.foreign, f"{what}: no other host is asked", self.foreign)
        self.page.close()


def until(page, condition):
    """Waits until a condition holds. Playwright's own way of waiting evaluates texts, which the pages forbid."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise TimeoutError(condition)


def settled(page):
    """Waits until the page shows what it has asked for."""
    page.wait_for_selector("#live:has-text('live')")
    page.wait_for_selector("[aria-busy]", state="detached")
    if "/projects/" in page.url:
        page.wait_for_selector("#trend figure")
        page.wait_for_selector("#columns > *")


def looks(chromium, url, findings):
    """Every page in every look, against the rules of accessibility."""
    for look, options in LOOKS.items():
        context = chromium.new_context(**options)
        for path in PAGES:
            tab = Watched(context, url)
            page = tab.page
            page.goto(f"{url}{path}")
            settled(page)
            found = Axe().run(page)
            told = [f"{rule['id']}: {[node['html'][:120] for node in rule['nodes']]}" for rule in found.response["violations"]]
            findings.expect(not told, f"{look} {path}: axe finds nothing", told)
            findings.expect(len(found.response["passes"]) > 10, f"{look} {path}: axe has looked", len(found.response["passes"]))
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            findings.expect(overflow <= 0, f"{look} {path}: nothing reaches beyond the page", overflow)
            findings.expect(page.evaluate("window.harmed") is None, f"{look} {path}: names do no harm", None)
            tab.close(findings, f"{look} {path}")
        context.close()


def overview(page, url, findings):
    page.goto(f"{url}/")
    settled(page)
    line = page.locator("tr[data-project='market']")
    findings.expect(line.locator(".badge").inner_text() == "drift", "overview: the market drifts", line.inner_text())
    findings.expect(re.search(r"\d{4}-\d\d-\d\d .* UTC", line.inner_text()) is not None, "overview: since when", line.inner_text())
    findings.expect(line.locator("svg polyline").count() >= 2, "overview: values and threshold", line.locator("svg polyline").count())
    calm = page.locator("tr[data-project='nswdemand'] .badge").inner_text()
    findings.expect(calm == "warming up", "overview: what warms up says so", calm)
    page.select_option("[name=drift_type]", "label")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.select_option("[name=status]", "failed")
    expect(page.locator(".empty")).to_have_text("No project is like that.")
    findings.expect(True, "overview: filters", "label, failed")


def trend(page, url, findings):
    page.goto(f"{url}/projects/market")
    settled(page)
    figure = page.locator("#trend figure")
    findings.expect(page.locator("#standing .badge").inner_text() == "drift", "project: it drifts", page.locator("#standing").inner_text())
    area = figure.locator("svg rect[fill='#B91C1C']")
    findings.expect(area.count() > 0, "trend: where there was drift is marked", area.count())
    told = figure.locator(".plot").get_attribute("aria-label")
    findings.expect(int(re.search(r"([\d,]+) verdicts of drift", told)[1].replace(",", "")) > 100, "trend: it is told in words", told)

    box = figure.locator(".plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5)
    expect(page.locator("#reading")).to_contain_text("statistic")
    reading = page.locator("#reading").inner_text()
    findings.expect(re.search(r"UTC: statistic [\d.]+.*threshold [\d.]+, \d+ verdict", reading) is not None, "trend: hover tells a value", reading)
    findings.expect(figure.locator(".cursor").is_visible(), "trend: hover shows where", None)

    def span():
        return page.evaluate("(() => { const {from, to} = document.querySelector('#trend figure').dataset; return Date.parse(to) - Date.parse(from); })()")

    whole = span()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 90)
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 90)
    page.mouse.up()
    until(page, f"(() => {{ const {{from, to}} = document.querySelector('#trend figure').dataset; return Date.parse(to) - Date.parse(from) < {whole * 0.5}; }})()")
    findings.expect(0.15 * whole < span() < 0.4 * whole, "trend: dragging zooms to what was dragged over", [span(), whole])
    findings.expect("from=" in page.url and "to=" in page.url, "trend: the range stands in the address", page.url)
    page.reload()
    settled(page)
    findings.expect(span() < whole * 0.5, "trend: and is there again", span())
    page.click("[data-zoom=all]")
    until(page, "!location.search")
    page.locator(".plot").focus()
    page.keyboard.press("ArrowLeft")
    first = page.locator("#reading").inner_text()
    page.keyboard.press("ArrowLeft")
    second = page.locator("#reading").inner_text()
    findings.expect("UTC" in first and first != second, "trend: arrow keys go through the points", [first, second])
    page.keyboard.press("+")
    until(page, "location.search !== ''")
    findings.expect(True, "trend: plus zooms", page.url)
    with page.expect_download() as download:
        page.click("#download")
    text = open(download.value.path()).read()
    findings.expect(text.startswith("at,") and text.count("\n") > 10, "trend: as CSV", text[:60])


def details(page, url, findings):
    page.goto(f"{url}/projects/market-by-window")
    settled(page)
    columns = page.locator("#columns ol.columns > li")
    findings.expect(columns.count() == 6, "columns: all of them", columns.count())
    first = columns.first.inner_text()
    findings.expect("vic" in first or "transfer" in first, "columns: what moved comes first", first)
    findings.expect(page.locator("#columns [role=img]").count() == 5, "columns: both distributions of numbers", page.locator("#columns [role=img]").count())
    findings.expect(page.locator("#columns table.categories").count() == 1, "columns: both distributions of categories", None)
    settings = page.locator("#settings").inner_text()
    findings.expect("tabular" in settings and "part_of_day" in settings, "configuration: detector and columns", settings[:80])
    page.goto(f"{url}/projects/market")
    settled(page)
    findings.expect("100 %" in page.locator("#standing").inner_text(), "project: the window is full", page.locator("#standing").inner_text())
    findings.expect(page.locator("#columns [role=img]").count() == 5, "columns: online, those of the window", page.locator("#columns [role=img]").count())
    page.goto(f"{url}/projects/no-such")
    expect(page.locator("#note")).to_contain_text("there is no project of this name")
    findings.expect(True, "project: one that is not there", page.locator("#note").inner_text())


def live(page, server, findings):
    """Pages follow what happens without being loaded again."""
    page.goto(f"{server.url}/")
    settled(page)
    page.evaluate("window.isTheSame = true")
    line = page.locator("tr[data-project='nswdemand']")
    before = line.inner_text()
    server.predict("nswdemand", MARKET[16_030:16_090], ["nswdemand"])
    expect(line.locator(".badge")).to_have_text(re.compile("^(no drift|drift)$"))
    findings.expect("90" in line.inner_text() and line.inner_text() != before, "live: the overview follows", line.inner_text())
    findings.expect(page.evaluate("window.isTheSame"), "live: the same page", None)

    page.goto(f"{server.url}/projects/nswdemand")
    settled(page)
    page.evaluate("window.isTheSame = true")
    server.predict("nswdemand", MARKET[16_090:16_100], ["nswdemand"])
    expect(page.locator("#standing")).to_contain_text("100")
    expect(page.locator("#trend figcaption")).to_contain_text("100 verdicts")
    findings.expect(page.evaluate("window.isTheSame"), "live: the page of a project follows", page.locator("#trend figcaption").inner_text())


def fits(page, url, findings):
    """A file that is dropped is fitted, its progress is shown, and what is wrong is told where it is."""
    page.goto(f"{url}/fit")
    settled(page)
    page.click("#submit")
    expect(page.locator("#faults li")).to_have_count(2)
    findings.expect(page.locator("[aria-invalid]").count() == 2, "fit: what is missing is marked", page.locator("#faults").inner_text())

    data = csv_of(MARKET[:3_000], COLUMNS).decode()
    transfer = page.evaluate_handle(
        "(text) => { const files = new DataTransfer(); files.items.add(new File([text], 'dropped market.csv', {type: 'text/csv'})); return files; }",
        data,
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#file-note")).to_contain_text("nswprice,nswdemand")
    findings.expect(page.input_value("#project") == "dropped-market", "fit: a name is proposed", page.input_value("#project"))
    page.fill("#ert", "many")
    page.click("#submit")
    expect(page.locator("#faults li")).to_contain_text(["/detector/ert"])
    findings.expect(page.locator("#ert").get_attribute("aria-invalid") == "true", "fit: the field at fault is marked", page.locator("#faults").inner_text())

    page.fill("#ert", "300")
    page.select_option("#kind", "mmd_online")
    page.fill("#more", '{"window_size": 30, "n_bootstraps": 40000}')
    page.evaluate(
        "window.stages = []; new MutationObserver(() => window.stages.push(document.getElementById('stage').textContent)).observe(document.getElementById('stage'), {childList: true, characterData: true, subtree: true})"
    )
    page.click("#submit")
    page.wait_for_selector("#stage a", timeout=120_000)
    stages = page.evaluate("window.stages")
    shares = sorted({int(share) for share in re.findall(r"(\d+) %", " ".join(stages))})
    findings.expect(len(shares) >= 2, "fit: progress is shown", shares)
    expect(page.locator("#warnings li").first).to_contain_text("`")
    findings.expect(True, "fit: what it found in the file is told", page.locator("#warnings").inner_text())
    page.click("#stage a")
    page.wait_for_url("**/projects/dropped-market")
    expect(page.locator("#settings")).to_contain_text("mmd_online")
    findings.expect(True, "fit: the project is there", page.url)


def gaps(page, url, findings):
    """A file with missing values is refused, until it is said what becomes of them."""
    lines = csv_of(MARKET[:300], ["nswprice"]).decode().splitlines()
    lines[10] = '""'
    page.goto(f"{url}/fit")
    settled(page)
    page.set_input_files("#file", {"name": "gaps.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()})
    expect(page.locator("#project")).to_have_value("gaps")
    page.select_option("#kind", "tabular")
    page.click("#submit")
    expect(page.locator("#faults")).to_contain_text("a missing one came")
    page.select_option("#missing_values", "impute")
    page.click("#submit")
    page.wait_for_selector("#stage a")
    page.click("#stage a")
    page.wait_for_url("**/projects/gaps")
    expect(page.locator("#settings")).to_contain_text("impute")
    findings.expect(True, "fit: missing values are filled in", page.url)
    page.click("[data-action=delete]")
    page.click("#yes")
    page.wait_for_url(f"{url}/")


def cancelled(page, server, findings):
    """A long fit is seen on its page, and cancelled there."""
    page.goto(f"{server.url}/operations")
    settled(page)
    findings.expect("dropped-market" in page.locator("#content").inner_text(), "operations: what was fitted", None)
    page.evaluate(
        """(data) => { const body = new FormData();
        body.append("settings", new Blob([JSON.stringify({drift_type: "tabular", detector: {kind: "mmd_online", n_bootstraps: 2000000}})], {type: "application/json"}));
        body.append("data", new Blob([data], {type: "text/csv"}), "data.csv");
        return fetch("/api/v1/projects/endless/fit", {method: "POST", body, headers: {Prefer: "respond-async"}}).then((answer) => answer.status); }""",
        csv_of(MARKET[:2_000], COLUMNS).decode(),
    )
    line = page.locator("tr:has(th:text-is('endless'))")
    expect(line.locator("progress")).to_be_visible()
    line.locator("button").click()
    expect(line.locator(".badge")).to_have_text("cancelled")
    findings.expect(True, "operations: one comes up and is cancelled", line.inner_text())


def actions(page, server, findings):
    """What can be done with a project is asked about first."""
    page.goto(f"{server.url}/projects/dropped-market")
    settled(page)
    page.click("[data-action=unload]")
    expect(page.locator("#question")).to_contain_text("dropped-market")
    page.click("#no")
    findings.expect(page.locator("#standing .badge").inner_text() != "inactive", "actions: no is no", None)
    page.click("[data-action=unload]")
    page.click("#yes")
    expect(page.locator("#standing .badge")).to_have_text("inactive")
    expect(page.locator("#columns")).to_contain_text("does not serve")
    page.click("[data-action=load]")
    page.click("#yes")
    expect(page.locator("#standing .badge")).to_have_text("no verdict yet")
    page.click("[data-action=reset]")
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    page.click("[data-action=delete]")
    page.check("#purge")
    page.click("#yes")
    page.wait_for_url(f"{server.url}/")
    settled(page)
    expect(page.locator("tr[data-project='dropped-market']")).to_have_count(0)
    findings.expect(True, "actions: unload, load, delete", page.url)


def by_keys(page, url, findings):
    """The tab key reaches everything that can be used, and where it is can be seen."""
    for path in ["/", "/projects/market", "/fit", "/operations"]:
        page.goto(f"{url}{path}")
        settled(page)
        wanted = page.evaluate(
            "[...document.querySelectorAll('a, button, input, select, textarea, [tabindex=\"0\"]')].filter((e) => e.checkVisibility() && !e.disabled && !e.closest('dialog, noscript')).length"
        )
        page.evaluate("document.activeElement.blur(); window.reached = new Set()")
        unseen = []
        for _ in range(wanted + 5):
            page.keyboard.press("Tab")
            told = page.evaluate(
                "(() => { const e = document.activeElement; if (e === document.body) return null; window.reached.add(e); return [e.outerHTML.slice(0, 80), getComputedStyle(e).outlineStyle]; })()"
            )
            if told and told[1] == "none":
                unseen.append(told[0])
        reached = page.evaluate("window.reached.size")
        findings.expect(reached >= wanted, f"{path}: the tab key reaches everything", [reached, wanted])
        findings.expect(not unseen, f"{path}: the focus can be seen", unseen)


def with_key(chromium, server, findings):
    """A page holds nothing until it has a key, which is asked for and kept by the tab alone."""
    server.fit("secret-project", "label", {"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000}, MARKET[:200], ["nswprice"])
    context = chromium.new_context()
    tab = Watched(context, server.url, may_fail=("401",))
    page = tab.page
    for path in ["/projects/secret-project", "/fit", "/operations", "/"]:
        page.goto(f"{server.url}{path}")
        page.wait_for_selector("#key-form:not([hidden])")
        shell = page.request.get(f"{server.url}{path}").text()
        findings.expect("secret-project" not in shell, f"key: {path} holds nothing", len(shell))
    found = Axe().run(page).response["violations"]
    findings.expect(not found, "key: axe finds nothing", [rule["id"] for rule in found])
    page.fill("#key", "not-the-key-not-the-key")
    page.keyboard.press("Enter")
    expect(page.locator("#key-note")).to_have_text("The server does not accept this key.")
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-project='secret-project']")).to_be_visible()
    settled(page)
    findings.expect(page.locator("#key-form").is_hidden(), "key: it is taken", None)
    page.click("tr[data-project='secret-project'] a")
    settled(page)
    expect(page.locator("#standing .badge")).to_have_text("no verdict yet")
    server.predict("secret-project", MARKET[:5], ["nswprice"])
    expect(page.locator("#standing")).to_contain_text("rows seen")
    expect(page.locator("#trend figcaption")).to_contain_text("verdicts")
    findings.expect(True, "key: pages are live with it", page.locator("#trend figcaption").inner_text())
    cookies = context.cookies()
    findings.expect(cookies == [] and page.evaluate("localStorage.length") == 0, "key: kept by the tab alone", cookies)
    other = context.new_page()
    other.goto(f"{server.url}/")
    other.wait_for_selector("#key-form:not([hidden])")
    tab.close(findings, "key")
    context.close()


def sizes(page, url, findings):
    """What the pages take on their way, compressed as by any server."""
    total = 0
    for path in ["/", "/projects/market", "/fit", "/operations"]:
        answer = page.request.get(f"{url}{path}")
        total += len(gzip.compress(answer.body()))
    findings.expect(total < PAGES_BYTES_MAX, "size: all pages together, compressed", total)


def main():
    server = Server(sys.argv[1])
    findings = Findings()
    fill(server)
    with browser() as chromium:
        looks(chromium, server.url, findings)
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        # Requests that are refused on purpose.
        tab = Watched(context, server.url, may_fail=("404", "422"))
        page = tab.page
        overview(page, server.url, findings)
        trend(page, server.url, findings)
        details(page, server.url, findings)
        live(page, server, findings)
        fits(page, server.url, findings)
        gaps(page, server.url, findings)
        cancelled(page, server, findings)
        actions(page, server, findings)
        by_keys(page, server.url, findings)
        sizes(page, server.url, findings)
        tab.close(findings, "all")
        context.close()
        with_key(chromium, Server(sys.argv[2], KEY), findings)
    findings.conclude(120)


main()
