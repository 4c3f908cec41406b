"""The pages of the server itself: they work, and the browser complains of nothing."""

import sys

from browser import Findings, browser


def main():
    server = sys.argv[1]
    findings = Findings()
    with browser() as chromium:
        for path, shown in [("/", "body"), ("/docs/", ".opblock"), ("/v2/docs", ".opblock")]:
            page = chromium.new_page()
            complaints = []
            page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
            page.on("response", lambda answer: complaints.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None)
            page.add_init_script(
                "document.addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI))"
            )
            answer = page.goto(f"{server}{path}")
            findings.expect(answer.status == 200, f"{path} is there", answer.status)
            page.wait_for_selector(shown, timeout=20_000)
            page.wait_for_timeout(500)
            findings.expect(page.locator(shown).count() > 0, f"{path} shows something", page.locator(shown).count())
            findings.expect(not complaints, f"{path} without a complaint", complaints)
            page.close()
        # What Swagger UI does when somebody tries an operation out.
        page = chromium.new_page()
        page.goto(f"{server}/docs/")
        status = page.evaluate(
            """async () => (await fetch("/api/v1/projects/label/predict", {
                method: "POST", body: JSON.stringify({data: [0.5]}), headers: {"Content-Type": "application/json"}})).status"""
        )
        findings.expect(status == 200, "a page of its own predicts", status)
    findings.conclude(10)


main()
