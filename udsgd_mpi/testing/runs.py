"""What a run with a member has to keep, on any number of ranks."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
from msgspec import Struct, to_builtins

from udsgd_mpi.experiment.check import merge
from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.testing.bits import bits_of
from udsgd_mpi.testing.contract import Contract, deviation, require
from udsgd_mpi.testing.launch import run

AGENTS, POINTS, D = 4, 40, 5
_STEPS = 1000
_DEVIATIONS, _BEYOND = 5.0, 0.15


class RunContract(Contract):
    """Small experiments, run as users run them: four agents, each with 40 points of 5 features.

    Attributes
    ----------
    ranks
        How many to start with mpirun, one run after the other; the first one gives the bits.
    """

    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3)

    def settings(self) -> dict[str, Any]:
        """Settings of an experiment that name the member."""
        raise NotImplementedError

    def test_a_run_has_the_same_bits_on_any_number_of_ranks(self) -> None:
        with TemporaryDirectory() as name:
            settings = self._experiment(Path(name), {"steps": 300, "trials": 5})
            first, *others = [bits_of(run(settings, Path(name), ranks)) for ranks in self.ranks]
            for ranks, found in zip(self.ranks[1:], others, strict=True):
                differing = [
                    key.rpartition("/")[2] for key, bits in first.items() if bits != found[key]
                ]
                require(
                    not differing,
                    f"results on {ranks} ranks: expected the bits of a run on {self.ranks[0]}, got"
                    f" other {', '.join(differing)}; nothing may depend on the rank, the process,"
                    " the order of calls or the time",
                )

    def test_a_run_has_the_error_that_is_predicted(self) -> None:
        """Over 200 trials, within 5 standard errors of either side and 15 %.

        The latter is for what theory leaves out of a thousand steps: what is not of first order,
        and how far agents disagree at first. False alarm: beyond 5 standard errors with
        probability 1e-6.
        """
        with TemporaryDirectory() as name:
            settings = self._experiment(Path(name), {"steps": _STEPS, "trials": 200})
            _, runs = read_runs(run(settings, Path(name)))
        (found,) = runs.values()
        if "predicted_mse" not in found.variables or np.isnan(found["predicted_mse"][-1]):
            raise SkipTest("no prediction is made with it")
        squares = found["squared_error"][-1]
        mean, error = squares.mean(), squares.std(ddof=1) / np.sqrt(len(squares))
        predicted, of_paths = found["predicted_mse"][-1], found["predicted_mse_error"][-1]
        both = float(np.hypot(error, of_paths))
        require(
            abs(mean - predicted) <= _DEVIATIONS * both + _BEYOND * predicted,
            f"mean squared error after {_STEPS:,} steps: expected the predicted {predicted:.4g} ±"
            f" {of_paths:.2g}, got {mean:.4g} ± {error:.2g}"
            f" ({deviation(mean - predicted, both)}); correct the theory, or what is drawn",
        )

    def _experiment(self, folder: Path, size: Mapping[str, int]) -> dict[str, Any]:
        base = {
            "agents": AGENTS,
            "topology": "ring",
            "communication": {"kind": "dsgd", "weights": "lazy"},
            "objective": {"kind": "logistic"},
            "groups": {
                "all": {
                    "share": 1,
                    "sampler": {"kind": "srw"},
                    "graph": {"kind": "erdos_renyi", "mean_degree": 5},
                }
            },
            "record": {"detail": "iterates"},
        }
        settings = merge(merge(base, size), self.settings())
        if "data" not in settings:
            settings["data"] = {"source": str(_written(folder / "points.svm"))}
        return settings


def as_settings(member: Struct) -> dict[str, Any]:
    """What stands for a member in an experiment file."""
    return {key: value for key, value in to_builtins(member).items() if value is not None}


def _written(path: Path) -> Path:
    """A LIBSVM file of points that lie on both sides of a plane, mostly."""
    rng = np.random.default_rng(8)
    features = rng.normal(size=(AGENTS * POINTS, D))
    chances = 1 / (1 + np.exp(-features @ rng.normal(size=D)))
    labels = np.where(rng.random(len(features)) < chances, 1, -1)
    lines = (
        " ".join([str(label), *(f"{k}:{value!r}" for k, value in enumerate(row, 1))])
        for label, row in zip(labels.tolist(), features.tolist(), strict=True)
    )
    path.write_text("\n".join([*lines, ""]))
    return path
