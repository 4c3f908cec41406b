"""Runs the steps of the evaluation and writes its page.

Results are kept as JSON, so that one step can be run again without the others: `scripts/evaluate 3 5`.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import accidents
import change_points
import electricity
import employment
import false_alarms
import page
import seasons
import squares
import throughput


def main() -> None:
    """Steps by their numbers, all of them where none is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True, help="the server that is evaluated")
    parser.add_argument("--fetched", type=Path, required=True, help="the folder of the data that are not in the repository")
    parser.add_argument("--results", type=Path, required=True, help="the file in which results are kept")
    parser.add_argument("--page", type=Path, required=True, help="the page that is written")
    parser.add_argument("steps", nargs="*", type=int, help="1 to 7; all of them where none is named")
    asked = parser.parse_args()
    program = asked.program.resolve()
    steps: dict[int, Callable[[], Any]] = {
        1: lambda: false_alarms.run(program),
        2: lambda: {"electricity": electricity.run(program), "squares": squares.run(program)},
        3: lambda: change_points.run(program),
        4: lambda: seasons.run(program),
        5: lambda: employment.run(program),
        6: lambda: accidents.run(program, asked.fetched / "US_Accidents_extract.csv"),
        7: lambda: throughput.run(program, asked.fetched / "flights-3m.parquet"),
    }
    unknown = [number for number in asked.steps if number not in steps]
    if unknown:
        parser.error(f"expected steps from 1 to {max(steps)}, {unknown} came")
    results = json.loads(asked.results.read_text()) if asked.results.exists() else {}
    for number in asked.steps or steps:
        began = time.monotonic()
        told = steps[number]()
        results[str(number)] = {"seconds": time.monotonic() - began, "told": told}
        asked.results.write_text(json.dumps(results))
        print(f"step {number}: {results[str(number)]['seconds']:.0f} s", flush=True)
    missing = [number for number in steps if str(number) not in results]
    if missing:
        raise SystemExit(f"steps {missing} have not been run yet: the page is written when all have")
    asked.page.write_text(page.of(results))


main()
