"""The Python side of bench/peers: the rows, what Evidently, NannyML and River take for them, and the table.

    python peers.py data FOLDER ROWS | evidently FOLDER | nannyml FOLDER | river FOLDER | table FOLDER

Processor time of one process, on one thread. A method that takes more than LIMIT_SECONDS for a column, or more memory than
LIMIT_BYTES, is ended and told as such; one whose first column takes more than LONG_SECONDS is measured on that column and counted
as often as there are columns.
"""

import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path

N_COLUMNS = 10
N_STREAM = 100_000
LONG_SECONDS = 20
LIMIT_SECONDS = 600
LIMIT_BYTES = 12 << 30


def write_data(folder: Path, n_rows: int) -> None:
    """Two laws that differ a little, so that no method can stop early: means move by a fiftieth of a deviation."""
    import numpy

    random = numpy.random.default_rng(20261129)
    for side, shift in (("reference", 0.0), ("window", 0.02)):
        random.normal(shift, 1.0, size=(N_COLUMNS, n_rows)).astype("<f8").tofile(folder / f"{side}_numbers")
        random.integers(0, 5, size=(N_COLUMNS, n_rows)).astype("u1").tofile(folder / f"{side}_categories")
    half = N_STREAM // 2
    # Errors of a model: every kind can judge them.
    errors = numpy.concatenate([random.random(half) < 0.2, random.random(half) < 0.3])
    errors.astype("<f8").tofile(folder / "stream")


def columns(folder: Path, side: str, data: str) -> "list[pandas.Series]":
    import numpy
    import pandas

    if data == "numbers":
        rows = numpy.fromfile(folder / f"{side}_numbers", "<f8").reshape(N_COLUMNS, -1)
        return [pandas.Series(row) for row in rows]
    codes = numpy.fromfile(folder / f"{side}_categories", "u1").reshape(N_COLUMNS, -1)
    names = numpy.array(list("abcde"), dtype=object)
    return [pandas.Series(names[row % (2 if data == "classes" else 5)]) for row in codes]


EVIDENTLY = {
    "numbers": ["ks", "wasserstein", "kl_div", "psi", "jensenshannon", "hellinger", "anderson", "cramer_von_mises",
                "mannw", "ed", "es", "t_test", "empirical_mmd"],
    "categories": ["chisquare", "g_test", "TVD"],
    "classes": ["z", "fisher_exact"],
}


def within_limits(work, sender) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS + 5))
    try:
        sender.send(work())
    except MemoryError:
        sender.send({"failed": f"more than {LIMIT_BYTES >> 30} GiB"})
    except Exception as error:  # What a library cannot do is a result.
        sender.send({"failed": f"{type(error).__name__}: {error}"[:200]})


def measured(work) -> dict:
    """What `work` returns, of a process of its own."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=within_limits, args=(work, sender))
    process.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError:
        result = {"failed": f"more than {LIMIT_SECONDS} s for a column"}
    process.join()
    return result


def time_columns(judge, reference, window) -> dict:
    seconds = 0.0
    for n_done, pair in enumerate(zip(reference, window), start=1):
        begin = time.process_time()
        judge(*pair)
        seconds += time.process_time() - begin
        if n_done == 1 and seconds > LONG_SECONDS:
            return {"seconds": seconds * N_COLUMNS, "columns_measured": 1}
    return {"seconds": seconds, "columns_measured": N_COLUMNS}


def run_evidently(folder: Path) -> None:
    import warnings

    warnings.filterwarnings("ignore")
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    for data, methods in EVIDENTLY.items():
        reference, window = columns(folder, "reference", data), columns(folder, "window", data)
        kind = ColumnType.Numerical if data == "numbers" else ColumnType.Categorical
        for method in methods:
            test = get_stattest(reference[0], window[0], kind, method)

            def judge(reference, window, test=test, kind=kind):
                return test(reference, window, kind, None)

            result = measured(lambda judge=judge: time_columns(judge, reference, window))
            print(json.dumps({"library": "evidently", "method": method, **result}), flush=True)


def run_nannyml(folder: Path) -> None:
    import warnings

    warnings.filterwarnings("ignore")
    import nannyml
    import pandas

    methods = {
        "numbers": ("continuous_methods", ["kolmogorov_smirnov", "jensen_shannon", "hellinger", "wasserstein"]),
        "categories": ("categorical_methods", ["chi2", "l_infinity"]),
    }
    for data, (argument, names) in methods.items():
        sides = []
        for side in ("reference", "window"):
            of_side = columns(folder, side, data)
            sides.append(pandas.DataFrame({f"c{index}": column for index, column in enumerate(of_side)}))
        reference, window = sides
        for method in names:

            def work(argument=argument, method=method, reference=reference, window=window, data=data):
                calculator = nannyml.UnivariateDriftCalculator(
                    column_names=list(reference.columns),
                    treat_as_categorical=list(reference.columns) if data == "categories" else [],
                    chunk_size=len(window),
                    **{argument: [method]},
                )
                begin = time.process_time()
                calculator.fit(reference)
                fitted = time.process_time()
                calculator.calculate(window)
                return {"fit_seconds": fitted - begin, "seconds": time.process_time() - fitted}

            result = measured(work)
            print(json.dumps({"library": "nannyml", "method": method, **result}), flush=True)


def run_river(folder: Path) -> None:
    import numpy
    from river import drift

    errors = numpy.fromfile(folder / "stream", "<f8")
    # Of FHDDM a value is a hit of the model, not an error.
    streams = {"fhddm": (1 - errors).tolist()}
    detectors = {
        "adwin": drift.ADWIN, "page_hinkley": drift.PageHinkley, "kswin": lambda: drift.KSWIN(seed=1),
        "ddm": drift.binary.DDM, "eddm": drift.binary.EDDM, "hddm_a": drift.binary.HDDMA, "hddm_w": drift.binary.HDDMW,
        "fhddm": drift.binary.FHDDM,
    }
    for kind, build in detectors.items():
        detector, n_drifts = build(), 0
        stream = streams.get(kind, errors.tolist())
        begin = time.process_time()
        for value in stream:
            detector.update(value)
            n_drifts += detector.drift_detected
        nanoseconds = (time.process_time() - begin) * 1e9 / len(stream)
        print(json.dumps({"kind": kind, "nanoseconds": nanoseconds, "drifts": n_drifts}), flush=True)


def lines(folder: Path, name: str) -> list:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def write_table(folder: Path) -> None:
    ours = lines(folder, "ours")
    by_method = {(line["library"], line["method"], line["preset"]): line for line in ours if "method" in line}
    for library in ("evidently", "nannyml"):
        # NannyML keeps what it learnt of the reference, Evidently goes through it each time.
        print(f"| {library}'s method | it takes | ours, same settings: fit and window | times less | "
              "ours calibrated: fit, once | each window |")
        print("|---|---|---|---|---|---|")
        total, ours_total = 0.0, 0.0
        for line in lines(folder, library):
            method = line["method"]
            same = by_method.get((library, method, True)) or by_method.get((library, method, False))
            calibrated = by_method.get((library, method, False))
            if "failed" in line:
                took = line["failed"]
                times = "–"
            else:
                whole = line["seconds"] + line.get("fit_seconds", 0.0)
                took = seconds(whole) + (" (one column, times 10)" if line.get("columns_measured") == 1 else "")
                mine = same["fit_seconds"] + same["seconds"]
                total, ours_total = total + whole, ours_total + mine
                times = f"{whole / mine:.1f}"
            mine = f"{seconds(same['fit_seconds'])} and {seconds(same['seconds'])} (`{same['kind']}`)"
            cells = (seconds(calibrated["fit_seconds"]), seconds(calibrated["seconds"])) if calibrated else ("–", "–")
            print(f"| {method} | {took} | {mine} | {times} | {cells[0]} | {cells[1]} |")
        print(f"| all that end | {seconds(total)} | {seconds(ours_total)} | {total / ours_total:.1f} | | |")
        print()
    river = {line["kind"]: line for line in lines(folder, "river")}
    fastest = min(line["nanoseconds"] for line in river.values())
    print("| streaming kind | ours, a value | River, a value | drifts, ours and River's |")
    print("|---|---|---|---|")
    own = {line["kind"]: line for line in ours if "nanoseconds" in line}
    for kind in [*own, *(kind for kind in river if kind not in own)]:
        mine, theirs = own.get(kind), river.get(kind)
        times = [f"{line['nanoseconds']:.0f} ns" if line else "–" for line in (mine, theirs)]
        drifts = [str(line["drifts"]) if line else "–" for line in (mine, theirs)]
        print(f"| {kind} | {times[0]} | {times[1]} | {', '.join(drifts)} |")
    slowest = max(line["nanoseconds"] for line in own.values())
    print(f"\nRiver's fastest: {fastest:.0f} ns a value; our slowest: {slowest:.0f} ns.")


def main() -> None:
    command, folder = sys.argv[1], Path(sys.argv[2])
    if command == "data":
        write_data(folder, int(sys.argv[3]))
        return
    {"evidently": run_evidently, "nannyml": run_nannyml, "river": run_river, "table": write_table}[command](folder)


if __name__ == "__main__":
    main()
