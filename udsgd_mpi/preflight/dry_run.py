"""What a run will take, before it is run."""

from itertools import product

from udsgd_mpi.communication import Layout, Schedule, contraction
from udsgd_mpi.engine.states import message_of_run, mixed_of_run
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.experiment.sizes import require_room, require_room_to_predict
from udsgd_mpi.forecast import unpredicted, unpredicted_walks
from udsgd_mpi.objectives.minimizer import Minimum
from udsgd_mpi.preflight.cautions import Foretold, cautions, foretell
from udsgd_mpi.preflight.cost import cost
from udsgd_mpi.preflight.hosting import layout_on
from udsgd_mpi.preflight.memory import (
    LIBRARIES,
    LIBRARIES_OF_RANK_0,
    PYTORCH,
    file_size,
    peak_memory,
)
from udsgd_mpi.preflight.recording import seconds_a_record
from udsgd_mpi.problem import LoneTeam, Problem, pose, with_agents_of_data
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.units import in_bytes, in_seconds
from udsgd_mpi.tokens import Walking


def describe(name: str, experiment: Experiment, ranks: int) -> str:
    """Agents over ranks, memory, file size, traffic and spectral gap of one variant.

    Raises
    ------
    ConfigurationError
        Where running it would.
    """
    experiment = with_agents_of_data({name: experiment})[name]
    agents = experiment.agents or ranks
    require_room_to_predict(experiment)
    team = LoneTeam(agents)
    problem = pose(experiment, team)
    no_prediction = unpredicted(problem) or unpredicted_walks(problem, team)
    layout = layout_on(problem, ranks)
    short = _shortage(problem, layout)
    foretold = Foretold() if short else foretell(problem, team)
    d = problem.d
    schedule = problem.schedule
    hosted = sorted(set(layout.counts))
    lines = {
        "agents": f"{agents} on {ranks} ranks, {' or '.join(map(str, hosted))} each",
        "points": f"{_span([len(a.points.labels) for a in problem.agents])} per agent, d = {d},"
        f" {problem.rows_left_over} rows left over",
        "steps": f"{experiment.steps:,} of {experiment.trials} trials,"
        f" {schedule.count(experiment.steps):,} {'aggregations' if schedule.mixes else 'moves'}",
        "traffic": _traffic_of(problem, layout),
        "spectral gap": _gap(schedule, agents),
        "time": "not measured: too little memory" if short else _time(problem, layout),
        "memory": _memory(problem, layout),
        "minimiser": _minimizer(problem.optimum),
        "prediction": f"none: {no_prediction}"
        if no_prediction
        else "with the run, in memory of its own",
        "file": f"about {in_bytes(file_size(problem))} in {experiment.output}",
    }
    warnings = [f"  warning       {caution}" for caution in [*short, *cautions(problem, foretold)]]
    return "\n".join([name, *(f"  {key:13} {value}" for key, value in lines.items()), *warnings])


def _minimizer(optimum: Minimum | None) -> str:
    if optimum is None:
        return "none is looked for: the objective need not be convex"
    return (
        f"‖∇f(θ*)‖ = {optimum.gradient_norm:.1e}, curvature from {optimum.smallest_curvature:.3g}"
    )


def _shortage(problem: Problem, layout: Layout) -> list[str]:
    """Why a run would be refused here; elsewhere there may be more memory."""
    try:
        d = problem.d
        require_room(problem.experiment, layout.agents, d, layout.ranks)
    except ConfigurationError as error:
        return [str(error)]
    return []


def _traffic_of(problem: Problem, layout: Layout) -> str:
    if isinstance(walking := problem.schedule, Walking):
        models = walking.between(layout) * problem.experiment.trials
        size = message_of_run(problem.experiment, problem.objective, problem.d)
        return f"{models:.4g} models and {in_bytes(round(models * size))} a step between ranks"
    messages, moved = _traffic(problem, layout)
    return f"{messages:,} messages and {in_bytes(moved)} at an aggregation, all ranks together"


def _gap(schedule: Schedule, agents: int) -> str:
    if not schedule.mixes:
        return "none: models walk, and there is no W"
    mixing = contraction(schedule, agents)
    without = ", of W without delays" if schedule.staleness else ""
    return f"1 − {mixing.formula} = {mixing.gap}{without}"


def _traffic(problem: Problem, layout: Layout) -> tuple[int, int]:
    """Messages and bytes over all ranks at the first aggregation."""
    experiment = problem.experiment
    numbers = mixed_of_run(experiment, problem.objective, problem.d)
    codec = experiment.codec(problem.d)
    messages, moved = 0, 0
    for n in problem.schedule.first(1, experiment.steps).tolist():
        W = problem.schedule.mixing(n)
        for rank, each in product(range(layout.ranks), numbers):
            sent = W.traffic(layout, rank, experiment.trials * each, codec)
            messages, moved = messages + sent.messages, moved + sent.bytes
    return messages, moved


def _time(problem: Problem, layout: Layout) -> str:
    if not problem.schedule.mixes:
        return "not measured: models walk, and each step is taken by those agents that have one"
    experiment = problem.experiment
    work, exchange = cost(problem, layout)
    record = seconds_a_record(problem, layout)
    steps = (work + exchange) * experiment.steps
    in_all = steps + record * len(experiment.record.at(experiment.steps))
    losses = f" and {in_seconds(record)} for losses at a record" if record else ""
    return (
        f"about {in_seconds(work + exchange)} a step{losses}, {in_seconds(in_all)} in all, within a"
        f" factor of two; {exchange * experiment.steps / in_all:.0%} of it messages; with a core"
        " for each rank, all on one host"
    )


def _memory(problem: Problem, layout: Layout) -> str:
    first, *others = (
        peak_memory(problem, layout, rank, one_host=False) for rank in range(layout.ranks)
    )
    pytorch = PYTORCH if "torch" in problem.objective.libraries else 0
    said = f"at most {in_bytes(LIBRARIES_OF_RANK_0 + pytorch + first)} on rank 0"
    if others:
        said += f", {in_bytes(LIBRARIES + pytorch + max(others))} on the others"
    return f"{said}; {in_bytes(max(first, *others, 0))} of it arrays"


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"
