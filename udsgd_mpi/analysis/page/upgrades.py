"""What agents add to the error, and what upgrading the next one buys."""

from collections.abc import Iterator, Mapping
from html import escape

import numpy as np

from udsgd_mpi.analysis.contributions import Contributions, contributions
from udsgd_mpi.analysis.page.document import table
from udsgd_mpi.storage.measured import Measured

_MOST_ROWS, _FEWEST = 60, 3
_NOTHING = 1e-9  # of all


def upgrades(measured: Mapping[str, Measured]) -> Iterator[str]:
    """A table of the agents whose upgrade to independent draws buys most, or what is missing."""
    known, missing = {}, []
    for name, each in measured.items():
        found = contributions(each)
        if found is None:
            missing.append(f"{name}: no limit, and no stationary law, is predicted of it.")
        elif found.independent is None:
            missing.append(
                f"{name}: the file, of an older version, does not hold what independent draws would"
                " add; udsgd plan finds that."
            )
        else:
            known[name] = found
    if known:
        most = max(_FEWEST, _MOST_ROWS // len(known))
        rows = [
            row
            for name, found in known.items()
            for row in _rows(name, found, measured[name].samplers, most)
        ]
        yield (
            "<p>By theory, from what the file holds of each agent: the error at the last step, once"
            " the start is forgotten, if that agent alone drew its points independently. A"
            " self-repellent walk can lower it further; <code>udsgd plan</code> finds what any"
            " other sampler buys.</p>"
        )
        head = ("variant", "agent", "sampler", "share", "noise / independent", "error now", "then")
        yield table("Agents whose upgrade buys most", (*head, "bought"), rows)
    yield from (f"<p>{escape(line)}</p>" for line in missing)


def _rows(
    name: str, found: Contributions, samplers: list[str], most: int
) -> Iterator[tuple[str, ...]]:
    total, correlation = float(found.own.sum()), found.correlation
    gain = np.zeros(len(found.own)) if found.independent is None else found.own - found.independent
    order = np.argsort(-gain if (gain > _NOTHING * total).any() else -found.own, kind="stable")
    for i in order[:most].tolist():
        bought = gain[i] / total if total > 0 else 0.0
        better = gain[i] > _NOTHING * total
        yield (
            *(escape(name), str(i), escape(samplers[i])),
            f"{found.own[i] / total:.1%}" if total > 0 else "—",
            "—" if np.isnan(correlation[i]) else f"{correlation[i]:.3g}",
            f"{found.floor:.3e}",
            f"{found.floor - found.scale * gain[i]:.3e}" if better else "—",
            f"{bought:.1%}" if better else "nothing",
        )
