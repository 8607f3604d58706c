"""Sparse features give what the same features give as an array; local steps give the same bits."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from udsgd_mpi.cli.main import main
from udsgd_mpi.data.datasets import load
from udsgd_mpi.data.features import (
    bytes_of,
    dense_rows,
    finite_rows,
    is_sparse,
    norms,
    stacked,
    widened,
)
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.experiment.check import check
from udsgd_mpi.methods import Momentum
from udsgd_mpi.objectives import Custom, Logistic, Objective, Points, Quadratic, Ridge, Softmax
from udsgd_mpi.objectives.minimizer import minimum
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.support.errors import ConfigurationError

ROWS, FEATURES, CLASSES = 30, 1500, 3
OWN = Custom(path="tests.own_objective:OwnRidge", arguments={"l2": 0.3})
OBJECTIVES = [Logistic(l2=0.3), Ridge(l2=0.3), Softmax(l2=0.3), Quadratic(condition=9.0), OWN]


def both(rows: int = ROWS, features: int = FEATURES) -> tuple[Points, Points]:
    """The same points with dense and with sparse features."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(rows, features)) * (rng.random((rows, features)) < 0.02)
    labels, weights = rng.integers(0, 2, rows).astype(float), rng.uniform(0.5, 2, rows)
    return Points(x, labels, weights), Points(csr_array(x), labels, weights)


def parameters(objective: Objective, features: int = FEATURES) -> int:
    return objective.dimension(features, CLASSES)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_local_steps_have_the_bits_of_dense_rows(objective: Objective, batch: int) -> None:
    dense, sparse = both()
    rng = np.random.default_rng(5)
    theta = rng.normal(size=(2, 4, parameters(objective)))
    X = rng.integers(0, ROWS - 3, size=(6, 2, 4), dtype=np.int32)
    gamma, batches = np.geomspace(0.5, 0.1, 6), np.array([1, batch])
    expected, found = theta.copy(), theta.copy()
    objective.descend(expected, X, gamma, dense, batches)
    objective.descend(found, X, gamma, sparse, batches)
    np.testing.assert_array_equal(found, expected)
    assert (found != theta).any()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_so_has_momentum(objective: Objective) -> None:
    """Against the gradients of single points, too."""
    method, trials, d = Momentum(beta=0.7), 3, parameters(objective)
    X = np.random.default_rng(5).integers(0, ROWS, size=(4, 1, trials), dtype=np.int32)
    gamma, found = np.geomspace(0.5, 0.1, 4), []
    for points in both():
        iterates = Iterates.alone(1, trials, d, method.states(d))
        batch = np.ones(1, dtype=np.int64)
        LocalSteps(iterates, method, objective, points, batch)(0, X, gamma)
        found.append(iterates.theta)
    np.testing.assert_array_equal(*found)
    points = both()[0]
    for t in range(trials):
        theta, velocity = np.zeros((2, d))
        for n, step in enumerate(gamma):
            one = slice(X[n, 0, t], X[n, 0, t] + 1)
            point = Points(points.features[one], points.labels[one], points.weights[one])
            velocity = 0.7 * velocity + objective.gradient(theta, point)
            theta = theta - step * velocity
        np.testing.assert_allclose(found[0][0, t], theta, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_sums_over_points_are_those_of_dense_rows(objective: Objective) -> None:
    dense, sparse = both()
    d = parameters(objective)
    theta, direction = np.random.default_rng(6).normal(size=(2, d))
    assert objective.value(theta, sparse) == pytest.approx(objective.value(theta, dense))
    for found, expected in (
        (objective.gradient(theta, sparse), objective.gradient(theta, dense)),
        (objective.product(theta, direction, sparse), objective.product(theta, direction, dense)),
    ):
        assert found.shape == (d,)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * abs(expected).max())


def test_rows_of_features() -> None:
    dense, sparse = both()
    x, rows = dense.features, np.array([3, 3, 1])
    assert is_sparse(sparse.features)
    assert not is_sparse(x)
    np.testing.assert_array_equal(dense_rows(sparse.features, rows), x[rows])
    np.testing.assert_allclose(norms(sparse.features), norms(x))
    assert bytes_of(sparse.features) < bytes_of(x) / 10
    np.testing.assert_array_equal(
        dense_rows(stacked([sparse.features, sparse.features]), slice(None)), stacked([x, x])
    )
    for sparsely in (True, False):
        wider = widened(sparse.features, FEATURES + 2, sparse=sparsely)
        assert is_sparse(wider) == sparsely
        np.testing.assert_array_equal(dense_rows(wider, rows)[:, :FEATURES], x[rows])
        assert wider.shape == (ROWS, FEATURES + 2)
    assert finite_rows(sparse.features).all()
    broken = sparse.features.copy()
    broken.data[broken.indptr[4]] = np.nan
    assert np.flatnonzero(~finite_rows(broken)).tolist() == [4]


def write(path: Path, points: Points, *, last: int = 0) -> None:
    """As LIBSVM text; every row says how wide it is where ``last`` is."""
    lines = []
    for label, row in zip(points.labels, np.asarray(points.features), strict=True):
        words = [f"{k + 1}:{row[k]!r}" for k in np.flatnonzero(row).tolist()]
        lines.append(" ".join([f"{label:g}", *words, *([f"{last}:1"] if last else [])]))
    path.write_text("\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")


def posed(data: dict[str, object], **settings: object) -> Problem:
    groups = {"all": {"share": 1, "sampler": "iid"}}
    return pose(check({"data": data, "groups": groups, **settings}), LoneTeam(3))


def test_a_wide_file_is_held_sparsely_and_a_narrow_one_densely(tmp_path: Path) -> None:
    dense, _ = both()
    write(tmp_path / "x.svm", dense)
    found = load(str(tmp_path / "x.svm"))
    assert is_sparse(found.features)
    width = found.features.shape[1]
    np.testing.assert_array_equal(
        dense_rows(found.features, slice(None)), dense_rows(dense.features, slice(None))[:, :width]
    )
    write(tmp_path / "y.svm", both(features=900)[0])
    assert not is_sparse(load(str(tmp_path / "y.svm")).features)


def test_theta_star_of_sparse_points_is_that_of_dense_points(tmp_path: Path) -> None:
    write(tmp_path / "x.svm", both()[0])
    problem = posed({"source": str(tmp_path / "x.svm")})
    assert all(agent.points.sparse for agent in problem.agents)
    assert problem.points.sparse
    parts = [
        Points(
            dense_rows(agent.expectation.features, slice(None)),
            agent.expectation.labels,
            agent.expectation.weights,
        )
        for agent in problem.agents
    ]
    objective, d = problem.experiment.objective, problem.d
    expected = minimum(MeanObjective(objective, parts, LoneTeam(3), d))
    error = np.linalg.norm(problem.minimizer - expected.theta)
    assert error < 1e-12 * np.linalg.norm(expected.theta)
    with pytest.raises(ConfigurationError, match=r"at most 1,000 parameters.*prediction"):
        assert problem.hessian is not None


def test_files_of_agents_are_all_sparse_or_all_dense(tmp_path: Path) -> None:
    points, _ = both()
    for i in range(3):
        width = 1500 if i == 1 else 900
        part = Points(np.asarray(points.features)[:, :width], points.labels, points.weights)
        write(tmp_path / f"{i}.svm", part, last=width)
    problem = posed({"path": str(tmp_path / "{agent}.svm")})
    assert [agent.points.features.shape for agent in problem.agents] == [(ROWS, 1500)] * 3
    assert all(agent.points.sparse for agent in problem.agents)


def test_standardised_points_are_dense_and_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x.svm", both()[0])
    data = {"source": str(tmp_path / "x.svm"), "standardize": True}
    problem = posed(data)
    assert not problem.points.sparse
    np.testing.assert_allclose(np.asarray(problem.points.features).mean(axis=0), 0, atol=1e-14)
    monkeypatch.setattr("udsgd_mpi.problem.local_data._MOST_SHIFTED", 1000)
    with pytest.raises(
        ConfigurationError, match=r"data\.standardize.*shifted to mean 0.*scale the col"
    ):
        posed(data)


def test_infinite_features_are_refused_with_their_row(tmp_path: Path) -> None:
    write(tmp_path / "x.svm", both()[0])
    text = (tmp_path / "x.svm").read_text().splitlines()
    text[8] += " 1600:inf"
    (tmp_path / "x.svm").write_text("\n".join(text))
    with pytest.raises(ConfigurationError, match=r"NaN or infinity in 1 row \(first: row 9\)"):
        posed({"source": str(tmp_path / "x.svm")})


def test_a_plan_of_200_000_features_takes_no_square_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{k % 2} {1 + k}:1 {100 + 3 * k}:2\n" for k in range(12)]
    Path("x.svm").write_text("".join([*lines, "1 200000:1\n"]))
    Path("x.toml").write_text(
        'agents = 1\ntrials = 1\nsteps = 2\ndata.source = "x.svm"\n'
        'groups.all = { share = 1, sampler = "iid" }'
    )
    assert main(["run", "x.toml", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "none: d = 200,000 is beyond the 1,000 parameters for which a Hessian" in said
    assert main(["predict", "x.toml", "--probes", "2"]) == 0
    assert "d = 200,000: Tr V by 2 probes" in capsys.readouterr().out
    plan = "plan", "x.toml", "--upgrade", "iid:single_shuffling", "--against", "single_shuffling"
    assert main([*plan, "--probes", "2"]) == 0
    assert "beaten by 1 of the best agents" in capsys.readouterr().out


def test_a_plan_of_more_than_this_machine_holds_says_so_and_allocates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "x.svm", both()[0])
    monkeypatch.setattr("udsgd_mpi.experiment.sizes.memory_of_this_machine", lambda: 10_000_000)
    data = ["--data", str(tmp_path / "x.svm"), "--agents", "4", "--trials", "500"]
    walkers = ["--set", 'groups.walkers.sampler="iid"', "--set", 'groups.upgraded.sampler="iid"']
    assert main([*data, *walkers, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "time          not measured: too little memory" in said
    assert "warning       trials = 500 at" in said
