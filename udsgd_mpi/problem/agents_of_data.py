"""How many agents there are, where the data say so."""

from collections.abc import Mapping

from msgspec.structs import replace

from udsgd_mpi.data.tables.reader import TableReader
from udsgd_mpi.experiment.schema import Experiment


def with_agents_of_data(experiments: Mapping[str, Experiment]) -> dict[str, Experiment]:
    """The experiments, with N from their data where settings leave it open and the data tell.

    Raises
    ------
    ConfigurationError
        If the data can't be read.
    """
    return {name: _with_agents(experiment) for name, experiment in experiments.items()}


def _with_agents(experiment: Experiment) -> Experiment:
    reader = experiment.data.reader
    if experiment.agents is not None or not isinstance(reader, TableReader):
        return experiment
    names = reader.agents()
    return experiment if names is None else replace(experiment, agents=len(names))
