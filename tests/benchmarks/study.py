# ruff: noqa: T201
"""Time of the paper's Fig. 2 on 2 ranks: 32 variants of 100 agents, 120 trials, 30,000 steps.

Variants that cost the same are run once, whole jobs from ``mpirun`` to the figure, for two small
numbers of steps; what the further steps take is extrapolated to 30,000.
``python -m tests.benchmarks.study RANKS VARIANT STEPS`` runs one variant for so many steps and says
how long a step took.

Needs UDSGD_DATA to name a folder with ijcnn1.bz2 and facebook_combined.txt.gz.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.launch import udsgd

FEW, MORE, ALL = 500, 2000, 30_000
REPEATS = 3
GRAPH = '{ kind = "snowball", path = "ego-facebook" }'
SRRW = '{ kind = "srrw", alpha = 20, b = 0.8 }'
VT = 'kind = "dsgd_vt", topologies = [' + ", ".join([GRAPH] * 5) + "]"
ROOT = Path(__file__).parents[2]

# Of each panel: how many variants it stands for, the walkers with SRRW, the sampler of the others,
# and the pattern.
VARIANTS: dict[str, tuple[int, int, str, str]] = {
    "a srw": (2, 0, "srw", 'kind = "dsgd"'),
    "a nbrw": (2, 0, "nbrw", 'kind = "dsgd"'),
    "a srrw": (2, 50, "srw", 'kind = "dsgd"'),
    "b": (6, 26, "srw", 'kind = "dsgd"'),
    "c": (4, 10, "srw", 'kind = "dsgd"'),
    "d centralized": (1, 50, "srw", 'kind = "centralized"'),
    "d lsgd_fp": (1, 50, "srw", 'kind = "lsgd_fp", interval = 5'),
    "d dsgd_vt": (1, 50, "srw", VT),
    "d dfl": (1, 50, "srw", 'kind = "dfl", interval = "log"'),
    "e srw": (4, 0, "srw", VT),
    "e srrw": (2, 50, "srw", VT),
    "f srw": (4, 0, "srw", 'kind = "dfl", interval = "log"'),
    "f srrw": (2, 50, "srw", 'kind = "dfl", interval = "log"'),
}


def main() -> None:
    """Print the table, or time one variant."""
    if len(sys.argv) > 1:
        ranks, name, steps = sys.argv[1:]
        each = (seconds(name, int(steps), int(ranks)) - seconds(name, 100, int(ranks))) / (
            int(steps) - 100
        )
        print(f"{name} on {ranks} ranks: {1e3 * each:.2f} ms a step, {each * ALL:.0f} s in all")
        return
    print(f"seconds on 2 ranks, median (min–max) of {REPEATS}")
    columns = ("panel and variant", "variants", "fixed", "per 1,000 steps", "30,000 steps")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    total = 0.0
    for name, (count, *_) in VARIANTS.items():
        pairs = [(seconds(name, FEW, 2), seconds(name, MORE, 2)) for _ in range(REPEATS)]
        rates = [(more - few) / (MORE - FEW) for few, more in pairs]
        fixed = [few - rate * FEW for (few, _), rate in zip(pairs, rates, strict=True)]
        whole = [a + ALL * rate for a, rate in zip(fixed, rates, strict=True)]
        total += count * median(whole)
        spread = f"{median(whole):.0f} ({min(whole):.0f}–{max(whole):.0f})"
        print(
            f"| {name} | {count} | {median(fixed):.1f} | {1e3 * median(rates):.2f} | {spread} |",
            flush=True,
        )
    print(f"{sum(count for count, *_ in VARIANTS.values())} variants: {total / 60:.1f} minutes")


def seconds(name: str, steps: int, ranks: int) -> float:
    """Time of a whole job of one variant."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.toml"
        file.write_text(experiment(name, steps))
        started = time.perf_counter()
        done = udsgd("run", file, ranks=ranks, cwd=Path(folder), timeout=900, PYTHONPATH=str(ROOT))
        if done.returncode:
            sys.exit(done.stderr)
        return time.perf_counter() - started


def experiment(name: str, steps: int) -> str:
    """An experiment file."""
    _, strong, sampler, pattern = VARIANTS[name]
    groups: dict[str, dict[str, Any]] = {"access": {"agents": '"0-49"', "sampler": '"iid"'}}
    first = 50 + strong
    if strong > 0:
        groups["strong"] = {"agents": f'"50-{first - 1}"', "sampler": SRRW, "graph": GRAPH}
    if first < 100:
        law = f'"{sampler}"'
        groups["others"] = {"agents": f'"{first}-99"', "sampler": law, "graph": GRAPH}
    lines = [
        f"agents = 100\nsteps = {steps}\ntrials = 120\ntopology = {GRAPH}",
        f'communication = {{ {pattern} }}\ndata = {{ source = "ijcnn1" }}',
    ]
    for group, keys in groups.items():
        lines += [f"[groups.{group}]", *(f"{key} = {value}" for key, value in keys.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
