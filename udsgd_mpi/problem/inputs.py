"""What the numbers of a problem depend on: names, titles and times are not among it."""

import hashlib

import msgspec

from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.problem.pose import Problem


def inputs_of_agents(problem: Problem) -> list[bytes]:
    """Digests of what each agent's own noise depends on, and so its part of the limit."""
    experiment, agents = problem.experiment, len(problem.roster)
    settings = (
        agents,
        experiment.seed,
        experiment.weight,
        experiment.data,
        experiment.partition,
        experiment.objective,
        experiment.step_size,
    )
    of_all = hashlib.sha256(msgspec.json.encode(settings))
    # Files and objectives of one's own may change under the same name.
    for values in (problem.minimizer, problem.optimum.hessian):
        of_all.update(b"" if values is None else values.tobytes())
    digests = []
    for i, name in enumerate(assign(experiment.groups, agents)):
        group = experiment.groups[name]
        digest = of_all.copy()
        digest.update(msgspec.json.encode((i, group.sampler, group.graph, group.batch)))
        digests.append(digest.digest())
    return digests


def inputs_of_noise(problem: Problem) -> bytes:
    """Digest of what the limit depends on, but not W."""
    return hashlib.sha256(b"".join(inputs_of_agents(problem))).digest()


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
