"""An experiment with its results, and what they say about its claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from udsgd_mpi.analysis.claims import AnyClaim, Claim, Verdict, judge
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.units import in_duration


def claims_of(name: str, raw: Sequence[Any]) -> list[Claim]:
    """The claims of an experiment, from raw settings."""
    return [one_of(AnyClaim, each, f"{name}: claim[{k}]") for k, each in enumerate(raw)]


@dataclass(frozen=True)
class Study:
    """An experiment, its results and its verdicts.

    Attributes
    ----------
    name
        Of the experiment, and of its size and weight where they are not the usual.
    about
        What it is about, in a few paragraphs.
    command
        What computes it.
    """

    name: str
    title: str
    about: str
    command: str
    results: Results
    verdicts: list[Verdict]

    @classmethod
    def of(
        cls, name: str, title: str, about: str, command: str, results: Path, claims: list[Any]
    ) -> "Study":
        """Read results and judge claims, given as raw settings.

        Raises
        ------
        ConfigurationError
            If the results can't be read, or a claim is not about them.
        """
        found = Results.of(results)
        measured = found.measured
        verdicts = []
        for claim in claims_of(name, claims):
            statements = claim.statements(measured)
            verdicts.append(judge(claim.text, statements, claim.remark(measured)))
        return cls(name, title, about, command, found, verdicts)

    @property
    def attributes(self) -> dict[str, Any]:
        """Root attributes of its result file."""
        return self.results.attributes

    @property
    def measured(self) -> dict[str, Measured]:
        """Its variants."""
        return self.results.measured

    @property
    def duration(self) -> str:
        """From the start of the run to the last write, in words."""
        started, written = (
            datetime.fromisoformat(self.attributes[key]) for key in ("started", "written")
        )
        seconds = (written - started).total_seconds()
        return f"{in_duration(seconds)} on {self.attributes['ranks']} ranks"

    @property
    def origin(self) -> str:
        """When, and by which version."""
        return (
            f"{self.attributes['written'][:10]}, udsgd_mpi {self.attributes['udsgd_mpi_version']}"
        )

    @property
    def size(self) -> str:
        """Agents, steps and trials in words."""

        def span(numbers: set[int]) -> str:
            low, high = min(numbers), max(numbers)
            return f"{low:,}" if low == high else f"{low:,} to {high:,}"

        variants = self.measured.values()
        return (
            f"{span({len(each.samplers) for each in variants})} agents,"
            f" {span({int(each.step[-1]) for each in variants})} steps,"
            f" {span({len(each.trials) for each in variants})} trials"
        )
