"""What a run will take, before it is run."""

import numpy as np

from udsgd_mpi.communication import Average, Mixing, Weights, contraction
from udsgd_mpi.concerns import concerns
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.layout import Layout, copies_needed
from udsgd_mpi.problem import Problem, pose

_DOUBLE = 8


def plan(name: str, experiment: Experiment, ranks: int) -> str:
    """Agents over ranks, memory, file size, traffic and spectral gap of one variant.

    Raises
    ------
    ConfigurationError
        Where running it would.
    """
    agents = experiment.agents or ranks
    layout = Layout(agents, ranks)
    problem = pose(experiment, agents)
    d = len(problem.minimizer)
    schedule = experiment.communication.start(problem.topology, experiment.seed)
    mixing = schedule.distinct[0]
    block = experiment.trials * d * _DOUBLE
    messages, moved = _traffic(mixing, layout, block)
    aggregations = len(schedule.times(experiment.steps))
    hosted = sorted({int(count) for count in layout.counts})
    lines = {
        "agents": f"{agents} on {ranks} ranks, {' or '.join(map(str, hosted))} each",
        "points": f"{_span([len(a.points.labels) for a in problem.agents])} per agent, d = {d},"
        f" {problem.rows_left_over} rows left over",
        "steps": f"{experiment.steps:,} of {experiment.trials} trials,"
        f" {aggregations:,} aggregations",
        "traffic": f"{messages:,} messages and {_bytes(moved)} at an aggregation, all ranks"
        " together",
        "spectral gap": _gap(mixing),
        "memory": f"{_bytes(_memory(problem, layout, mixing, block))} on the fullest rank, beside"
        " 150 MB of libraries",
        "file": f"about {_bytes(_file_size(experiment, agents, d))} in {experiment.output}",
    }
    warnings = [f"  warning       {concern}" for concern in concerns(problem)]
    return "\n".join([name, *(f"  {key:13} {value}" for key, value in lines.items()), *warnings])


def _traffic(mixing: Mixing, layout: Layout, block: int) -> tuple[int, int]:
    """Messages and bytes over all ranks at one aggregation."""
    ranks = range(layout.ranks)
    if isinstance(mixing, Average):
        # Every rank sends a slice of its agents to each other one, and gets the means back.
        crossing = block * (layout.ranks - 1) * (layout.agents + layout.ranks) // layout.ranks
        return 2 * layout.ranks * (layout.ranks - 1), crossing
    copies = [copies_needed(mixing, layout, rank) for rank in ranks]
    messages = sum(len(np.unique(layout.host(agents))) for agents in copies)
    return messages, sum(map(len, copies)) * block


def _memory(problem: Problem, layout: Layout, mixing: Mixing, block: int) -> int:
    def on_rank(rank: int) -> int:
        hosted = [problem.agents[i] for i in layout.hosted(rank)]
        copies = len(copies_needed(mixing, layout, rank)) if isinstance(mixing, Weights) else 0
        data = sum(agent.points.features.nbytes + 16 * len(agent.points.labels) for agent in hosted)
        graphs = sum(agent.graph.nbytes for agent in hosted if agent.graph)
        return 2 * (len(hosted) + copies) * block + 2 * len(hosted) * block + data + graphs

    recorded = _file_size(problem.experiment, layout.agents, len(problem.minimizer))
    return max(on_rank(rank) + (rank == 0) * recorded for rank in range(layout.ranks))


def _file_size(experiment: Experiment, agents: int, d: int) -> int:
    numbers = d + 2 + (agents * d if experiment.record.detail == "iterates" else 0)
    return len(experiment.record.at(experiment.steps)) * experiment.trials * numbers * _DOUBLE


def _gap(mixing: Mixing) -> str:
    norm = 0.0 if isinstance(mixing, Average) else contraction(mixing)
    return f"1 − ‖W − J‖ = {1 - norm:.4g}"


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"
