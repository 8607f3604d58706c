"""The problem that a variant poses: every agent's points, data graph and sampler, and θ*."""

from udsgd_mpi.problem.agent import Agent
from udsgd_mpi.problem.everyone import Everyone, OneProcess
from udsgd_mpi.problem.pose import Entry, Problem, pose, pose_all, topology_of

__all__ = ["Agent", "Entry", "Everyone", "OneProcess", "Problem", "pose", "pose_all", "topology_of"]
