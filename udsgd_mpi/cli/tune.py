"""``udsgd tune``."""

import time
from argparse import Namespace
from functools import partial

import msgspec
import tomli_w

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.api.tune import Tuning, tuned
from udsgd_mpi.cli.settings import requested
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.forecast.tuning import PAPER, Repelled, Tried
from udsgd_mpi.problem import LoneTeam, with_agents_of_data
from udsgd_mpi.support.agent_lists import in_words
from udsgd_mpi.support.launcher import cores, launched_rank, launched_size

_STALL_TIMEOUT = 600.0


def command(arguments: Namespace) -> None:
    """Search α and b, and print what was tried."""
    began = time.monotonic()
    asked = arguments.variant, arguments.group, arguments.budget
    if launched_size() > 1:
        from udsgd_mpi.cli.run import start_mpi

        comm = start_mpi(None, _STALL_TIMEOUT, "run it again")
        from udsgd_mpi.parallel.collective import on_root
        from udsgd_mpi.parallel.team import RanksTeam

        experiments = comm.bcast(on_root(comm, lambda: _asked(arguments)))
        found = tuned(experiments, *asked, partial(RanksTeam.evenly, comm), comm.size)
    else:
        found = tuned(_asked(arguments), *asked, lambda N: LoneTeam(N, cores()), 1)
    if launched_rank() == 0:
        _show(found, arguments)
        print(
            f"took {found.steps:,} of {arguments.budget:,} steps along sampled paths,"
            f" {time.monotonic() - began:.0f} s"
        )


def _asked(arguments: Namespace) -> dict[str, Experiment]:
    return with_agents_of_data(requested(arguments))


def _show(found: Tuning, arguments: Namespace) -> None:
    print(f"{found.variant}: one sampler for {in_words(found.agents)}, n = {found.n:,}\n")
    print(_table(found, arguments.top))
    print(f"\n{_verdict(found)}")
    print(_of_paper(found))
    best = found.tried[0].sampler
    print(f"\nsampler = {_as_toml(best)}\n")
    print("MSE is to first order; udsgd predict finds what curvature and disagreement add to it")
    if not found.ended:
        print(
            "warning: the search ended before all differences were known to 1 % of the MSE; a"
            " larger --budget may tell more"
        )


def _table(found: Tuning, most: int) -> str:
    rows = [["", "sampler", "MSE", "± s.e.", "above the best", "± s.e.", "paths of each"]]
    asked = [each.sampler in (PAPER, *found.present) for each in found.tried]
    for place, (each, in_any_case) in enumerate(zip(found.tried, asked, strict=True)):
        if place >= most and not in_any_case:
            continue
        relative = [x / found.tried[0].mse for x in each.above]
        cells = [
            f"{each.mse:.3e}",
            f"{each.error:.0e}",
            f"{relative[0]:+.1%}",
            f"{relative[1]:.1%}",
        ]
        rows.append([_mark(each, found), _named(each.sampler), *cells, str(each.paths)])
    return aligned(rows, left=(0, 1), indent=2)


def _mark(each: Tried, found: Tuning) -> str:
    marks = [(each.sampler in found.present, "now"), (each.sampler == PAPER, "paper")]
    return " ".join(word for is_it, word in marks if is_it)


def _verdict(found: Tuning) -> str:
    as_good = [each.sampler for each in found.as_good]
    if len(as_good) == 1:
        return f"least of {len(found.tried)} that were tried: {_named(as_good[0])}"
    ranges = []
    for kind in dict.fromkeys(map(type, as_good)):
        alike = [each for each in as_good if type(each) is kind]
        alphas, bs = ([getattr(each, key) for each in alike] for key in ("alpha", "b"))
        ranges.append(
            f"{alike[0].name} with α from {min(alphas):g} to {max(alphas):g} and b from"
            f" {min(bs):g} to {max(bs):g}"
        )
    return (
        f"no winner: {len(as_good)} of {len(found.tried)} are as good at this n, within 2 s.e.:"
        f" {'; '.join(ranges)}"
    )


def _of_paper(found: Tuning) -> str:
    paper, least = found.of(PAPER), found.tried[0].mse
    if paper is None:
        return "the paper's SRRW would change the objective of these agents"
    if paper.as_good:
        return "the paper's α = 20, b = 0.8 is among them, or as good"
    lost, error = (x / least for x in paper.above)
    return f"the paper's α = 20, b = 0.8 has an MSE that is {lost:.1%} ± {error:.1%} (s.e.) larger"


def _named(sampler: Repelled) -> str:
    return f"{sampler.name}(alpha = {sampler.alpha:g}, b = {sampler.b:g})"


def _as_toml(sampler: Repelled) -> str:
    fields = tomli_w.dumps(msgspec.to_builtins(sampler)).strip().splitlines()
    return f"{{ {', '.join(fields)} }}"
