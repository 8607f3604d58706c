"""Flags of what looks at machines and topologies."""

from pathlib import Path

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand
from udsgd_mpi.cli.flags.values import at_least, seed


def add_topology(commands: Commands) -> Parser:
    """Flags of ``topology``."""
    topology = subcommand(
        commands,
        "topology",
        "degrees, diameter and spectral gap of a topology",
        "udsgd topology ring -n 16 --pattern random_matching",
    )
    topology.add_argument("source", metavar="NAME|FILE", help="generator, or graph file")
    topology.add_argument(
        "-n", "--agents", type=at_least(1), metavar="N", help="agents of a generator"
    )
    topology.add_argument("--seed", type=seed, default=1, help="of a random generator (default: 1)")
    topology.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="parameter, e.g. k=6"
    )
    topology.add_argument(
        "--pattern", metavar="PATTERN", help="whose spectral gap is wanted, too: name or TOML table"
    )
    topology.add_argument(
        "--figure", type=Path, metavar="IMAGE", help="drawing: png, pdf or svg (default: NAME.png)"
    )
    topology.add_argument("--save", type=Path, metavar="FILE", help="write the edge list")
    topology.add_argument(
        "--force",
        action="store_true",
        help="replace files other than earlier drawings of NAME and the same command's edge list",
    )
    return topology


def add_doctor(commands: Commands) -> Parser:
    """Flags of ``doctor``."""
    doctor = subcommand(
        commands,
        "doctor",
        "find what is wrong with this machine, and how to fix it",
        "udsgd doctor",
    )
    doctor.add_argument(
        "--clean", action="store_true", help="remove shared memory that earlier runs left behind"
    )
    return doctor
