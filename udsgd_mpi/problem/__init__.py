"""The problem that a variant poses: every agent's points, data graph and sampler, and θ*."""

from udsgd_mpi.problem.agent import Agent, start_paths
from udsgd_mpi.problem.agents_of_data import with_agents_of_data
from udsgd_mpi.problem.held_out import held_out_points, held_out_shares
from udsgd_mpi.problem.inputs import (
    inputs_of_agents,
    inputs_of_law,
    inputs_of_noise,
    inputs_of_run,
)
from udsgd_mpi.problem.parameters import Coordinates, on_scale_of_data, parameters
from udsgd_mpi.problem.pose import pose, pose_all, schedule_of, topology_of
from udsgd_mpi.problem.problem import AgentSummary, Problem
from udsgd_mpi.problem.team import LoneTeam, Team

__all__ = [
    "Agent",
    "AgentSummary",
    "Coordinates",
    "LoneTeam",
    "Problem",
    "Team",
    "held_out_points",
    "held_out_shares",
    "inputs_of_agents",
    "inputs_of_law",
    "inputs_of_noise",
    "inputs_of_run",
    "on_scale_of_data",
    "parameters",
    "pose",
    "pose_all",
    "schedule_of",
    "start_paths",
    "topology_of",
    "with_agents_of_data",
]
