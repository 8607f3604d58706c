# ruff: noqa: T201
"""Speed of local steps over commits: python -m tests.benchmarks.history [FILE].

Appends a line to the record, history.jsonl by default, and prints all of it. Times on different
machines and days can't be compared, ratios to a loop by hand that ran between them can.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.kernels import ALPHA, STEPS, B, by_hand, package, small_problem
from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.samplers import IID, NBRW, SRRW, SRW

RECORD = Path(__file__).with_name("history.jsonl")
REPEATS = 5
SAMPLERS = (IID(), SRW(), NBRW(), SRRW(alpha=ALPHA, b=B))


def main() -> None:
    """Measure, append and print."""
    record = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORD
    line = json.dumps({**_of_now(), "steps": _measured()})
    with record.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    print("ns a step (package / by hand, median of paired repeats)")
    print(aligned([_HEAD, *map(_row, lines)], left=(0, 1, 2)))


def _of_now() -> dict[str, Any]:
    described = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(
        described, check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return {
        "commit": commit.stdout.strip(),
        "measured": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": _processor(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numba", "numpy")},
    }


def _processor() -> str:
    """Its model where Linux tells, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _measured() -> dict[str, dict[str, float]]:
    problem = small_problem()
    found = {}
    for sampler in SAMPLERS:
        name, pairs = sampler.name, []
        for _ in range(REPEATS + 1):  # the first compiles and warms up
            mine, _, _ = package(sampler, *problem, STEPS[name])
            pairs.append((mine, by_hand(name, *problem, STEPS[name])))
        ratio = median(mine / hand for mine, hand in pairs[1:])
        found[name] = {
            "ns": round(median(mine for mine, _ in pairs[1:]), 2),
            "ratio": round(ratio, 3),
        }
    return found


_HEAD = ["commit", "measured", "numba", "load", *(each.name for each in SAMPLERS)]


def _row(line: dict[str, Any]) -> list[str]:
    steps = [line["steps"].get(each.name) for each in SAMPLERS]
    cells = [f"{each['ns']:.1f} ({each['ratio']:.2f})" if each else "" for each in steps]
    return [line["commit"], line["measured"], line["numba"], str(line["load"]), *cells]


if __name__ == "__main__":
    main()
