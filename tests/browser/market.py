"""Real data for a server: projects on the electricity market of New South Wales before it was joined to Victoria's, fed with rows of
before and after that (`tests/data/elec2.csv.gz`, row 17,424)."""

import csv
import gzip
import io
import json
import random
import time
import urllib.request
from pathlib import Path

CHANGE = 17_424
COLUMNS = ["nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
HOSTILE = ['<img src=x onerror="window.harmed=1">', "\"'><script>window.harmed=2</script>", "{{7*7}}${7*7}</svg>"]


def read():
    """The rows of the market as texts by column, with the part of the day as a category."""
    path = Path(__file__).parent.parent / "data" / "elec2.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            part = ["night", "morning", "afternoon", "evening"][min(int(float(row["period"]) * 4), 3)]
            yield {**{name: row[name] for name in COLUMNS}, "part_of_day": part}


MARKET = list(read())


def csv_of(data, names):
    """Rows as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(data)
    return text.getvalue().encode()


class Server:
    """A server, and the key that it asks for."""

    def __init__(self, url, key=None):
        self.url = url
        self.key = key

    def send(self, path, body, content_type):
        headers = {"Content-Type": content_type, **({"X-API-Key": self.key} if self.key else {})}
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def fit(self, project, drift_type, detector, data, names):
        parts = {"drift_type": drift_type, "detector": detector}
        boundary = "a-boundary-that-no-row-holds"
        body = b"".join(
            b"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\nContent-Type: %s\r\n\r\n%s\r\n"
            % (boundary.encode(), name.encode(), of.encode(), content)
            for name, of, content in [
                ("settings", "application/json", json.dumps(parts).encode()),
                ("data", "text/csv", csv_of(data, names)),
            ]
        )
        body += b"--%s--\r\n" % boundary.encode()
        return self.send(f"/api/v1/projects/{project}/fit", body, f"multipart/form-data; boundary={boundary}")

    def predict(self, project, data, names):
        return self.send(f"/api/v1/projects/{project}/predict", csv_of(data, names), "text/csv")

    def reset(self, project):
        return self.send(f"/api/v1/projects/{project}/reset", b"", "application/json")


def hostile_rows(n, from_row=0):
    """Numbers of the market under names that are none, and categories that are as bad."""
    for row in MARKET[from_row : from_row + n]:
        yield {HOSTILE[0]: row["nswprice"], HOSTILE[1]: HOSTILE[len(row["part_of_day"]) % 3], HOSTILE[2]: row["nswdemand"]}


def fill(server):
    """Projects of several kinds, some of which drift: rows before the change, then rows after it, a few at a time."""
    # In an order that is drawn: half-hours that follow each other are too alike for detectors of single rows.
    draw = random.Random(0)
    before, after = MARKET[:CHANGE], MARKET[CHANGE : CHANGE + 6_000]
    draw.shuffle(before)
    draw.shuffle(after)
    reference, rows = before[:2_000], before[2_000:2_800] + after[:400]
    numbers = {"ert": 400, "n_bootstraps": 8_000}
    server.fit("market", "tabular", {"kind": "mmd_online", **numbers, "window_size": 40}, reference, COLUMNS)
    server.fit("nswprice", "label", {"kind": "cvm_online", **numbers, "window_sizes": [20, 80]}, reference, ["nswprice"])
    columns = [*COLUMNS, "part_of_day"]
    window = {"kind": "tabular", "window": {"size": 96, "stride": 96}}
    server.fit("market-by-window", "tabular", window, reference, columns)
    server.fit("hostile", "tabular", {"kind": "tabular", "window": {"size": 48, "stride": 48}}, hostile_rows(500), HOSTILE)
    server.fit("nswdemand", "label", {"kind": "cvm_online", **numbers, "window_sizes": [40]}, reference, ["nswdemand"])
    for start in range(0, len(rows), 20):
        some = rows[start : start + 20]
        server.predict("market", some, COLUMNS)
        server.predict("market-by-window", some, columns)
        server.predict("nswprice", some, ["nswprice"])
        # A trend of some seconds, in which there is something to zoom into.
        time.sleep(0.05)
    server.predict("hostile", hostile_rows(96, 20_000), HOSTILE)
    server.predict("nswdemand", before[3_000:3_030], ["nswdemand"])
