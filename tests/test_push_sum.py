"""Push-sum finds θ* where agents hear others than they tell, and other methods refuse to try."""

from pathlib import Path
from typing import Any, get_args

import h5py
import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from tests import textbook
from tests.arcs import ARCS, A, topology, write_arcs
from tests.as_predicted import check_against_trials
from tests.small_problem import AGENTS, POINTS, D, problem, write_points
from tests.test_corrected_methods import GAMMA, Quadratics, full_gradients
from udsgd_mpi.__main__ import main
from udsgd_mpi.communication import DFL, DSGD, DSGDVT, AnyPattern
from udsgd_mpi.forecast import predict
from udsgd_mpi.methods import AnyMethod, PushSum
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.graphs import from_networkx

Floats = NDArray[np.float64]

PUSH = {"kind": "dsgd", "weights": "out_degree"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


@pytest.fixture(scope="module")
def directed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {"topology": topology(write_arcs(tmp_path_factory.mktemp("arcs")))}


def every(interval: int) -> textbook.Weights:
    """A at each aggregation."""
    return lambda n: A if n % interval == 0 else np.eye(AGENTS)


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("constant", [True, False])
def test_200_iterations_are_those_of_the_textbook(
    interval: int, constant: bool, data: Path, directed: dict[str, Any]
) -> None:
    """And one, and 20."""
    gamma = GAMMA / np.arange(1, 201) ** (0 if constant else 0.6)
    step_size = {"gamma": GAMMA, **({"kind": "constant"} if constant else {"exponent": 0.6})}
    steps = [1, 20, 200]
    record = {"steps": steps, "detail": "iterates", "predict": False}
    theta, f = full_gradients(
        data,
        "push_sum",
        communication={**PUSH, "interval": interval},
        steps=200,
        step_size=step_size,
        record=record,
        **directed,
    )
    for found, n in zip(theta, steps, strict=True):
        loop = textbook.push_sum(np.zeros((AGENTS, D)), f.gradient, every(interval), gamma[:n])
        np.testing.assert_allclose(found, loop, rtol=1e-12, atol=1e-12)


def test_it_finds_the_minimiser_of_all_where_rows_that_sum_to_1_find_another(
    data: Path, directed: dict[str, Any]
) -> None:
    """Those of R weigh agents by its left eigenvector; constant γ ends where both sides agree."""
    steps, start = 4000, np.zeros((AGENTS, D))
    settings = {"communication": PUSH, "steps": steps, **directed}
    falling = {"gamma": GAMMA, "exponent": 0.8}
    theta, f = full_gradients(data, "push_sum", step_size=falling, **settings)
    R = (A > 0) / (A > 0).sum(axis=1, keepdims=True)
    naive = textbook.sgd(
        start, f.gradient, lambda _: R, GAMMA / np.arange(1, steps + 1) ** falling["exponent"]
    )
    left = perron(R.T)
    weighted = np.linalg.solve(np.tensordot(left, f.H, 1), left @ f.b)
    bias = np.linalg.norm(weighted - f.minimizer)
    assert bias > 0.03
    for found, expected in ((naive, weighted), (theta[-1], f.minimizer)):
        assert np.linalg.norm(found - expected, axis=1).max() < 0.05 * bias
    constant = {"kind": "constant", "gamma": GAMMA}
    theta, f = full_gradients(data, "push_sum", step_size=constant, **settings)
    np.testing.assert_allclose(theta[-1], ends_at(f), rtol=1e-10)


def perron(W: Floats) -> Floats:
    """Its eigenvector to 1, with sum 1."""
    values, vectors = np.linalg.eig(W)
    found = vectors[:, np.argmin(abs(values - 1))].real
    return np.asarray(found / found.sum())


def ends_at(f: Quadratics) -> Floats:
    """Where x = A (x − γ (H z − b)) with z = x / ω for ω = A ω."""
    weight = AGENTS * perron(A)
    W, moves = np.kron(A, np.eye(D)), np.eye(AGENTS * D)
    for i, H in enumerate(f.H):
        moves[D * i : D * (i + 1), D * i : D * (i + 1)] -= GAMMA * H / weight[i]
    x = np.linalg.solve(np.eye(AGENTS * D) - W @ moves, W @ f.b.ravel() * GAMMA)
    return np.asarray(x.reshape(AGENTS, D) / weight[:, None])


def test_what_all_hold_is_kept_and_moves_as_sgd(data: Path, directed: dict[str, Any]) -> None:
    """Σ ω = N; and Σ x by the sum of gradients alone."""
    posed = problem(
        data,
        "iid",
        trials=2,
        steps=60,
        method="push_sum",
        communication={**PUSH, "interval": 2},
        objective={"kind": "ridge", "l2": 0.1},
        groups={"all": {"share": 1, "sampler": "iid", "batch": POINTS}},
        record={"steps": list(range(61)), "detail": "iterates", "predict": False},
        step_size={"kind": "constant", "gamma": GAMMA},
        **directed,
    )
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    theta, weight = recording["theta"], recording["weight"]
    assert weight.shape == (61, 2, AGENTS, 1)
    np.testing.assert_allclose(weight.sum(axis=2), AGENTS, rtol=1e-14)
    np.testing.assert_allclose(weight[-1, 0, :, 0], AGENTS * perron(A), rtol=1e-6)
    assert np.ptp(weight[-1]) > 0.5
    x = (weight * theta).sum(axis=2)
    for n in range(60):
        slopes = [
            posed.objective.gradient(theta[n, 0, i], agent.points)
            for i, agent in enumerate(posed.agents)
        ]
        np.testing.assert_allclose(
            x[n + 1, 0], x[n, 0] - GAMMA / POINTS * np.sum(slopes, axis=0), atol=1e-13
        )


@pytest.mark.parametrize(
    ("trials", "steps"), [(300, 503), pytest.param(2000, 4000, marks=pytest.mark.slow)]
)
def test_trials_are_as_predicted(
    trials: int, steps: int, data: Path, directed: dict[str, Any]
) -> None:
    """E‖θ_n − θ*‖² and the consensus error, within 4 standard errors (false alarm 6e-5 each)."""
    posed = problem(
        data,
        "srw",
        trials=trials,
        steps=steps,
        method="push_sum",
        communication=PUSH,
        step_size={"gamma": 1.0, "exponent": 0.8},
        record={"steps": [103]},
        **directed,
    )
    check_against_trials(posed)
    # The limit is that of sgd on the same agents, whose W has the same mean.
    plain = problem(
        data,
        "srw",
        trials=1,
        steps=steps,
        communication="centralized",
        step_size={"gamma": 1.0, "exponent": 0.8},
    )
    limits = [predict(each, LoneTeam(AGENTS), [steps]) for each in (posed, plain)]
    first, second = (np.trace(each.limiting_covariance) for each in limits)
    assert first == pytest.approx(second, rel=1e-9)


RUN = """
agents = 4
trials = 2
record = { detail = "iterates", predict = false }
data = { source = "breast_cancer", standardize = true }
groups.all = { sampler = "srw", graph = "small_world" }
topology = { kind = "file", path = "arcs.edgelist", directed = true }
communication = { kind = "dsgd", weights = "out_degree", interval = 2 }
method = "push_sum"
step_size.gamma = 0.3
variant.double = {}
variant.single.dtype = "float32"
variant.rounded.communication.precision = "single"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(RUN)
    write_arcs(tmp_path)
    return "run.toml"


def test_it_goes_on_from_the_middle_with_the_same_bits(settings: str) -> None:
    run_it = ["run", settings, "--quiet", "--keep-checkpoints"]
    assert main([*run_it, "--output", "whole.h5", "--steps", "50"]) == 0
    assert main([*run_it, "--output", "parts.h5", "--steps", "17"]) == 0
    assert main(["extend", "parts.h5", "--steps", "50"]) == 0
    with h5py.File("whole.h5") as first, h5py.File("parts.h5") as second:
        for variant in first["runs"]:
            one, other = (file["runs"][variant] for file in (first, second))
            shared = np.isin(one["step"][:], other["step"][:])
            for name in ("theta", "squared_error", "weight"):
                np.testing.assert_array_equal(one[name][shared], other[name][:])
            exact = first["runs/double"]
            near = {"double": 0, "single": 1e-5, "rounded": 1e-5}[variant]
            np.testing.assert_allclose(one["weight"][:], exact["weight"][:], rtol=near)
            np.testing.assert_allclose(one["theta"][:], exact["theta"][:], atol=near)


def refused(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "run.toml", "--steps", "4", *given]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not Path("udsgd.h5").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--method", "sgd"], "method sgd: expected a doubly stochastic W"),
        (["--method", "gradient_tracking"], 'use method = "push_sum"'),
        (["--set", "communication.weights=metropolis"], "expected weights for a directed topology"),
        (["--set", "communication.compression=top_k"], "communication.compression: expected a me"),
        (
            ["--set", "activation=bernoulli"],
            'leave out activation, also beside method = "push_sum"',
        ),
        (["--set", "groups.all.graph=directed_ring"], "expected an undirected graph, on which"),
        (
            ["--set", "topology.path=./one_way.edgelist"],
            "got none from node 3 to node 0; add links",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    given: list[str], said: str, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings == "run.toml"
    Path("one_way.edgelist").write_text("0 1\n1 2\n2 0\n2 3\n")
    refused([*given, "--only", "double"], said, capsys)


def test_patterns_and_methods_refuse_what_is_not_for_them() -> None:
    """All of them, and with what is left."""
    topology = from_networkx(nx.DiGraph(ARCS))
    for pattern in get_args(AnyPattern):
        needed = {"participants": 1, "clusters": 1, "path": "none:None"}
        own = {k: v for k, v in needed.items() if k in pattern.__struct_fields__}
        if pattern in (DSGD, DFL, DSGDVT):
            pattern(**own).check_topology(topology)
        else:
            with pytest.raises(ConfigurationError, match='method = "push_sum"'):
                pattern(**own).check_topology(topology)
    for method in get_args(AnyMethod):
        if method is not PushSum:
            own = {"path": "none:None"} if "path" in method.__struct_fields__ else {}
            with pytest.raises(ConfigurationError, match='use method = "push_sum"'):
                method(**own).check_unbalanced()
