"""What a page of another origin can do to a server: everything that a browser sends for it, and whether it can read an answer.

The arguments are the server's address, the path of an operation and, for the control, `allowed`: then the page's host is one that
the server's owner has named. What has changed on the server is looked at by `tests/front_door/browser.rs`, which starts this.
"""

import sys
from urllib.parse import urlsplit

from browser import EVIL, Findings, browser, pages_of_others

# What tells whoever listens what moves: of the dashboard, and of the operation.
STREAMS = ["/dashboard/events", "{operation}/events"]

# Whether a stream opens; nobody listens on.
OPENED = """
(url) => new Promise((resolve) => {
    const source = new EventSource(url);
    const end = (word) => { source.close(); resolve(word); };
    source.onopen = () => end("READABLE");
    source.onerror = () => end("blocked");
    setTimeout(() => end("silent"), 5000);
})
"""

ATTACKS = """
async (target) => {
    const api = `${target}/api/v1/projects`;
    const csv = new Blob(["value\\n0.9\\n"], {type: "text/csv"});
    const json = JSON.stringify({data: [0.9]});
    const parts = () => { const form = new FormData(); form.append("data", csv, "data.csv"); return form; };
    const seen = {};
    const look = async (name, promise) => {
        try { seen[name] = await promise; } catch (error) { seen[name] = `blocked (${error.name})`; }
    };
    const read = async (response) => {
        const text = await response.text();
        return response.type === "opaque" && text === "" ? "opaque" : `READABLE ${response.status} ${text.slice(0, 60)}`;
    };
    const send = async (url, options) => read(await fetch(url, options));
    const blind = (method, path, body) => send(`${api}/${path}`, {method, body, mode: "no-cors"});
    const event = (source, wanted) => new Promise((resolve) => {
        source[wanted] = () => resolve("READABLE");
        source.onerror = () => resolve("blocked");
        setTimeout(() => resolve("silent"), 5000);
    });
    const element = (tag, url) => new Promise((resolve) => {
        const one = document.createElement(tag);
        one.onload = () => resolve(tag === "iframe" ? readFrame(one) : "loaded");
        one.onerror = () => resolve("blocked");
        one.src = url;
        document.body.append(one);
        setTimeout(() => resolve("silent"), 3000);
    });
    const readFrame = (frame) => {
        try { return frame.contentDocument ? `READABLE ${frame.contentDocument.title}` : "opaque"; } catch { return "opaque"; }
    };
    const form = (path, encoding, fields) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.name = `frame-${path}-${encoding}`;
        document.body.append(frame);
        const one = document.createElement("form");
        Object.assign(one, {method: "post", action: `${api}/${path}`, enctype: encoding, target: frame.name});
        for (const [name, value] of Object.entries(fields)) {
            const input = document.createElement("input");
            Object.assign(input, {type: "hidden", name, value});
            one.append(input);
        }
        document.body.append(one);
        frame.onload = () => resolve(readFrame(frame));
        setTimeout(() => resolve("silent"), 3000);
        one.submit();
    });

    await look("fetch", send(api));
    await look("fetch no-cors", send(api, {mode: "no-cors"}));
    await look("fetch with credentials", send(api, {credentials: "include"}));
    await look("fetch JSON", send(`${api}/label/predict`, {method: "POST", body: json, headers: {"Content-Type": "application/json"}}));
    await look("fetch DELETE", send(`${api}/label`, {method: "DELETE"}));
    await look("no-cors text/plain", blind("POST", "label/predict", json));
    await look("no-cors untyped Blob", blind("POST", "label/predict", new Blob([json])));
    await look("no-cors multipart", blind("POST", "label/predict", parts()));
    await look("no-cors fit", blind("POST", "evil/fit?drift_type=label", parts()));
    await look("no-cors reset", blind("POST", "label/reset"));
    await look("no-cors unload", blind("POST", "label/unload"));
    await look("no-cors refresh", blind("POST", "refresh"));
    await look("no-cors unload of the protocol", send(`${target}/v2/repository/models/label/unload`, {method: "POST", mode: "no-cors"}));
    await look("no-cors inference", send(`${target}/v2/models/label/infer`, {method: "POST", mode: "no-cors", body: new Blob([
        JSON.stringify({inputs: [{name: "value", shape: [1, 1], datatype: "FP64", data: [0.9]}]})])}));
    await look("no-cors event", send(`${target}/v1/events/label`, {method: "POST", mode: "no-cors", body: new Blob([
        JSON.stringify({specversion: "1.0", id: "1", source: "x", type: "org.kubeflow.serving.inference.request", data: {data: [0.9]}})])}));
    await look("beacon", (async () => navigator.sendBeacon(`${api}/label/predict`, parts()) ? "sent" : "blocked")());
    await look("form text/plain", form("label/reset", "text/plain", {"{\\"a\\": \\"": "\\"}"}));
    await look("form urlencoded", form("label/unload", "application/x-www-form-urlencoded", {a: "b"}));
    await look("form multipart", form("label/load", "multipart/form-data", {data: "value"}));
    await look("web socket", event(new WebSocket(`${target.replace("http", "ws")}/v2`), "onopen"));
    await look("image", element("img", api));
    await look("script", element("script", `${target}/openapi.json`));
    await look("frame", element("iframe", `${target}/docs/`));
    await new Promise((resolve) => setTimeout(resolve, 500));
    return seen;
}
"""


def rebound(chromium, port, findings):
    """The evil host has become the server itself: its pages are of one origin with it."""
    page = chromium.new_page()
    for path in ["/", "/docs/", "/api/v1/projects", "/livez", "/metrics"]:
        answer = page.goto(f"http://{EVIL}:{port}{path}")
        findings.expect(answer.status == 403, f"rebound: {path}", answer.status)
    for method, path in [("GET", "/api/v1/projects"), ("DELETE", "/api/v1/projects/label"), ("POST", "/api/v1/projects/label/unload")]:
        status = page.evaluate("async ([method, path]) => (await fetch(path, {method})).status", [method, path])
        findings.expect(status == 403, f"rebound: {method} {path}", status)


def streams(page, target, operation):
    """What becomes of each stream of a server that a page listens to."""
    paths = [path.format(operation=operation) for path in STREAMS]
    return {path: page.evaluate(OPENED, f"{target}{path}") for path in paths}


def own_streams(chromium, target, operation, findings):
    """The control: to a page of the server itself the same streams open, so that what others are denied is there."""
    page = chromium.new_page()
    page.goto(f"{target}/operations")
    for path, came in streams(page, target, operation).items():
        findings.expect(came == "READABLE", f"{target} on itself: {path}", came)
    page.close()


def main():
    server, operation = sys.argv[1:3]
    is_allowed = sys.argv[3:] == ["allowed"]
    port = urlsplit(server).port
    findings = Findings()
    with pages_of_others() as others, browser() as chromium:
        targets = [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
        origins = [f"http://{EVIL}:{others}"]
        if not is_allowed:
            origins += [f"http://127.0.0.1:{others}", f"http://localhost:{others}"]
            rebound(chromium, port, findings)
        for target in targets:
            own_streams(chromium, target, operation, findings)
        for origin in origins:
            for target in targets:
                page = chromium.new_page()
                page.goto(f"{origin}/")
                for attack, came in page.evaluate(ATTACKS, target).items():
                    what = f"{origin} on {target}: {attack}"
                    findings.expect("READABLE" not in str(came), what, came)
                for path, came in streams(page, target, operation).items():
                    findings.expect(came == "blocked", f"{origin} on {target}: {path}", came)
                page.close()
    findings.conclude(54)


main()
