"""What the numbers of a problem depend on: names, titles and times are not among it."""

import hashlib

import msgspec

from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.problem.pose import Problem


def inputs_of_noise(problem: Problem) -> bytes:
    """Digest of what each agent's own noise depends on, and so the limit, but not W."""
    experiment, agents = problem.experiment, len(problem.roster)
    groups = [experiment.groups[name] for name in assign(experiment.groups, agents)]
    settings = (
        experiment.seed,
        experiment.weight,
        experiment.data,
        experiment.partition,
        experiment.objective,
        experiment.step_size,
        [(group.sampler, group.graph, group.batch) for group in groups],
    )
    digest = hashlib.sha256(msgspec.json.encode(settings))
    # Files and objectives of one's own may change under the same name.
    for values in (problem.minimizer, problem.hessian):
        digest.update(values.tobytes())
    return digest.digest()


def inputs_of_run(problem: Problem) -> bytes:
    """Digest of what the recorded measures depend on."""
    experiment = problem.experiment
    settings = (
        experiment.steps,
        experiment.trials,
        experiment.first_trial,
        experiment.topology,
        experiment.communication,
        experiment.record,
    )
    digest = hashlib.sha256(msgspec.json.encode(settings))
    for values in (problem.topology.offsets, problem.topology.neighbours):
        digest.update(values.tobytes())
    digest.update(inputs_of_noise(problem))
    return digest.digest()
