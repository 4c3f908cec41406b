"""docs/evaluation.md: what came of each step, and what it says in short."""

from typing import Any

import sections
from change_points import CHANCE
from change_points import REFERENCE as N_BEFORE
from tables import code, listed


def of(results: dict[str, Any]) -> str:
    """The page of all steps."""
    told = [results[str(number)]["told"] for number in range(1, 8)]
    minutes = sum(result["seconds"] for result in results.values()) / 60
    parts = (
        ("1. False alarms where nothing drifts", sections.false_alarms(told[0])),
        ("2. Known changes", sections.known_changes(told[1])),
        ("3. Change points that people marked", sections.change_points(told[2])),
        ("4. Seasons", sections.seasons(told[3])),
        ("5. Significant, and small", sections.employment(told[4])),
        ("6. Texts and labels", sections.accidents(told[5])),
        ("7. Rows a second", sections.throughput(told[6])),
    )
    written = "\n\n".join(f"## {title}\n\n{section.strip()}" for title, section in parts)
    return f"""# Evaluation on real data

<!-- run: the rest is skipped, since it measures for minutes, from the sources -->

```sh
scripts/evaluate
```

writes this page, tables and counts in it included; `scripts/evaluate 3 5` runs two of its steps again. It builds the server, starts it on free ports of this machine
without a metrics database, and asks it over HTTP alone: `POST /api/v1/backtest`, fits and predictions. All steps took {minutes:.0f} minutes on 2 processors that other
work kept busy: fits give way to everything else, so then they wait; step 1 takes some eight minutes of processor time, the others together about five. The data are in the repository (`tests/data`) or come from packages of registries. Everything random has a seed: the order of rows 20261129 and the number of
the reference, detectors in step 1 that number, elsewhere 0. A short form with bounds that can fail is in the tests: `cargo nextest run -p drifting-domain --test evaluation`.

## In short

{_in_short(told)}

{written}
"""


def _in_short(told: list[Any]) -> str:
    windows, rows = told[0]["windows"], told[0]["rows"]
    outside = [line for line in windows if line["verdict"].startswith("**")]
    nearly = [line for line in windows if line["verdict"] == "inside that of all lines"]
    online = [line for line in rows if "verdict" in line]
    online_outside = [line for line in online if line["verdict"].startswith("**")]
    market = told[1]["electricity"]
    judged = [line for line in market["constant"] if not line["problems"]]
    missed = [line["kind"] for line in judged if None in line["delays"].values()]
    crying = [line["kind"] for line in judged if line["before"]]
    by_day = [line["kind"] for line in judged if set(line["delays"].values()) == {47}]
    scores = _best(told[2])
    chance = next(score for detector, score in scores if detector == CHANCE)
    scores = [(detector, score) for detector, score in scores if detector != CHANCE]
    follows = [line["effect_size_follows"] for line in told[3]["lines"] if "refused" not in line]
    effects = [line["effect_size"] for line in told[4]]
    by_year = {
        year: [line["effect_size"] for line in told[5]["texts"] if line["year"] == year] for year in (2016, 2017, 2021)
    }
    fastest = max(told[6]["lines"], key=lambda line: line["rows_a_second"])
    slowest = min(told[6]["lines"], key=lambda line: line["rows_a_second"])
    return "\n".join(
        f"* {line}"
        for line in (
            f"**False alarms.** Of {len(windows)} lines of kinds that judge windows, {len(windows) - len(outside) - len(nearly)} are inside of their 95 % band, "
            f"{len(nearly)} outside of it but inside of that of all lines together, and {len(outside)} outside: {listed(line['kind'] for line in outside)} "
            f"([why](#kinds-that-judge-windows)). Of {len(online)} lines of online kinds {len(online) - len(online_outside)} are inside of either. Streaming kinds promise nothing, and "
            "range from none at all to one alarm in a hundred rows.",
            f"**Known changes.** Columns that were constant and begin to move are told with the first window of a day by {len(by_day)} of the {len(judged)} kinds that take one "
            f"column ({listed(by_day)}), and by checks of quality within three rows; missed in some column by {listed(missed)}. False alarms on constants: {listed(crying)}. "
            "Rows of a market in time order alarm all day, as [they must](concepts.md#independent-rows).",
            f"**Change points of people.** Hard for everybody: at a margin of 5 rows the best mean F1 is {scores[0][1]:.2f} ({scores[0][0]}), then {scores[1][1]:.2f} ({scores[1][0]}); "
            f"an alarm every {N_BEFORE} rows has {chance:.2f}.",
            f"**Seasons.** Effect sizes follow the difference of temperatures: Spearman's correlation {min(follows):.2f} to {max(follows):.2f}.",
            f"**Significant, and small.** With 8,000 people a year the largest effect is {max(effects):.3f}, low in every year and for every kind.",
            f"**Texts.** Effects of the year itself {_range(by_year[2016])}, of the next {_range(by_year[2017])}, of other templates {_range(by_year[2021])}.",
            f"**Rows a second** over HTTP: {slowest['rows_a_second']:,.0f} ({code(slowest['kind'])}) to {fastest['rows_a_second']:,.0f} ({code(fastest['kind'])}), while "
            f"other work had the processors; of the server's processor time a row took {fastest['cpu_us_a_row']:.1f} to {slowest['cpu_us_a_row']:.1f} µs.",
        )
    )


def _best(lines: list[Any]) -> list[tuple[str, float]]:
    by_detector: dict[str, list[Any]] = {}
    for line in lines:
        if line["told"] is not None:
            by_detector.setdefault(line["detector"], []).append(line)
    scores = [(detector, sections.mean_f1(found)) for detector, found in by_detector.items()]
    return sorted(scores, key=lambda score: -score[1])


def _range(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"
