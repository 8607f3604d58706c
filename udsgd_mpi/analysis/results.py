"""All that is shown of a result file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udsgd_mpi.analysis.signs import Evidence, Trouble, troubles
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.agent_errors import AgentErrors, read_agent_errors
from udsgd_mpi.storage.measured import Measured, read_measures
from udsgd_mpi.storage.read import open_result_file, read_experiments
from udsgd_mpi.storage.telemetry_group import read_telemetry
from udsgd_mpi.support.telemetry import Telemetry


@dataclass(frozen=True)
class Results:
    """A result file, variant by variant.

    Attributes
    ----------
    attributes
        Those of its root.
    telemetry, agent_errors
        Of the variants that have them.
    """

    attributes: dict[str, Any]
    measured: dict[str, Measured]
    experiments: dict[str, Experiment]
    telemetry: dict[str, list[Telemetry]]
    agent_errors: dict[str, AgentErrors]

    @classmethod
    def of(cls, path: Path) -> "Results":
        """Read them.

        Raises
        ------
        ConfigurationError
            If the file can't be read, or no variant has ended yet.
        """
        with open_result_file(path) as file:
            attributes = dict(file.attrs)
        return cls(
            attributes,
            read_measures(path),
            read_experiments(path),
            read_telemetry(path),
            read_agent_errors(path),
        )

    @property
    def troubles(self) -> dict[str, list[Trouble]]:
        """Signs of trouble in each variant."""
        return {
            name: troubles(Evidence(each, self.experiments[name], self.telemetry.get(name, ())))
            for name, each in self.measured.items()
        }
