"""Where graphs come from, by name.

To add a generator, write its class and name it in ``AnyGraph``.
"""

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.generators import (
    Barbell,
    Clustered,
    Complete,
    DirectedExponential,
    DirectedRing,
    ErdosRenyi,
    Exponential,
    RandomRegular,
    Ring,
    ScaleFree,
    SmallWorld,
    Star,
    Torus,
)
from udsgd_mpi.graphs.in_files import GraphFile, RandomNodes, RandomWalk, Snowball
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.support.errors import ConfigurationError

AnyGraph = (
    Ring
    | Star
    | Complete
    | Torus
    | Exponential
    | DirectedRing
    | DirectedExponential
    | Barbell
    | Clustered
    | ErdosRenyi
    | SmallWorld
    | ScaleFree
    | RandomRegular
    | GraphFile
    | Snowball
    | RandomWalk
    | RandomNodes
)


def build_topology(source: GraphSource, agents: int, seed: int, name: str) -> Graph:
    """The graph of a source as a topology, checked to be connected and of the right size.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    topology = source.build(agents, seed, name)
    if len(topology) != agents:
        raise ConfigurationError(
            f"{name} has {len(topology)} agents but the experiment has {agents}: use"
            f" --agents {len(topology)} (or mpirun -n {len(topology)}), or another topology"
        )
    return topology
