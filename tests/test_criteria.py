"""The agents that a plan chooses are the best of all sets of so many, for every criterion."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import udsgd_mpi
from tests.small_problem import AGENTS, D, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast.criteria import Criterion, Largest, Linear
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.graphs import Graph
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.samplers import SRRW, SingleShuffling
from udsgd_mpi.support.errors import ConfigurationError

M = 7
C = np.array([1.0, -1.0, 0.0, 2.0])
CRITERIA: list[Criterion] = [Linear.trace(4), Linear.contrast(C), Largest()]


def semidefinite(rng: np.random.Generator, count: int, rank: int) -> np.ndarray:
    roots = rng.normal(size=(count, 4, rank)) * rng.gamma(2, size=(count, 1, 1))
    return np.asarray(roots @ roots.swapaxes(1, 2))


def by_brute_force(criterion: Criterion, V: np.ndarray, gains: np.ndarray, k: int) -> float:
    every = map(list, combinations(range(len(gains)), k))
    return min(criterion(V - gains[some].sum(axis=0)) for some in every)


@pytest.mark.parametrize("criterion", CRITERIA, ids=["trace", "contrast", "largest"])
def test_no_other_set_of_upgrades_is_better(criterion: Criterion) -> None:
    rng = np.random.default_rng(5)
    for rank in (1, 1, 2, 3):
        gains = semidefinite(rng, M, rank)
        V = gains.sum(axis=0) + 0.1 * np.eye(4)
        gains[2] *= -0.3  # one that does harm
        best = criterion.choices(V, gains)
        for k in range(M + 1):
            chosen, value, bound = best(k)
            assert len(set(chosen)) == k
            assert value == pytest.approx(criterion(V - gains[chosen].sum(axis=0)), rel=1e-9)
            least = by_brute_force(criterion, V, gains, k)
            assert least * (1 - 1e-9) <= value <= least * (1 + 1e-4)
            assert least * (1 - 1e-4) <= bound <= least * (1 + 1e-6)


def test_upgrades_in_order_are_best_for_all_criteria_at_once() -> None:
    """Where D_1 ⪰ D_2 ⪰ …, as a sum over any k of them is ⪯ that over the first k."""
    rng = np.random.default_rng(6)
    gains = np.cumsum(semidefinite(rng, M, 1), axis=0)[::-1]
    V = gains.sum(axis=0) + np.eye(4)
    for criterion in CRITERIA:
        best = criterion.choices(V, gains)
        for k in (1, 3, 5):
            in_order = criterion(V - gains[:k].sum(axis=0))
            assert in_order == pytest.approx(by_brute_force(criterion, V, gains, k), rel=1e-9)
            assert best(k).value == pytest.approx(in_order, rel=1e-4)


def test_one_agent_after_the_other_is_not_best_for_the_largest_eigenvalue(tmp_path: Path) -> None:
    """The example of docs/which_agents_to_upgrade.md."""
    points = [[(1, 1), (1, -1), (-1, 1), (-1, -1)], [(2, 0), (-2, 0)], [(0, 2), (0, -2)]]
    for i, rows in enumerate(points):
        lines = (f"{1 - 2 * (k % 2)} 1:{x} 2:{y}\n" for k, (x, y) in enumerate(rows))
        (tmp_path / f"{i}.svm").write_text("".join(lines))
    settings = {
        "agents": 3,
        "steps": 100,
        "data": {"path": str(tmp_path / "{agent}.svm")},
        "objective": "quadratic",
        "step_size": {"gamma": 1.0, "exponent": 1.0},
        "communication": "centralized",
        "groups": {"all": {"share": 1, "sampler": "iid"}},
    }
    planned = pose(check(settings), LoneTeam(3))
    upgrade = {"iid": SingleShuffling()}
    planner = Planner(planned, upgrade, method="linear", criterion="largest")
    values = {
        some: planner.value(list(some)) for k in (0, 1, 2) for some in combinations(range(3), k)
    }
    expected = {(): 5, (0,): 4, (1,): 5, (2,): 5, (0, 1): 4, (0, 2): 4, (1, 2): 1}
    assert values == {some: pytest.approx(ninths / 9) for some, ninths in expected.items()}
    assert planner.best(1).agents == [0]
    assert planner.best(2).agents == [1, 2]
    assert planner.best(2).value == pytest.approx(1 / 9)
    # Tr V ranks the agents as each of them alone.
    by_trace = Planner(planned, upgrade, method="linear")
    assert set(by_trace.best(1).agents) < set(by_trace.best(2).agents) == {1, 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


@pytest.mark.parametrize(("gamma", "exponent"), [(2.0, 1.0), (1.0, 0.9)])
def test_upgrades_take_off_what_the_note_says(data: Path, gamma: float, exponent: float) -> None:
    """By the eigenvectors of each walk's P, and of H; SRRW(α) with b < a."""
    alpha, c = 3.0, np.linspace(-1, 1, D)
    posed = problem(data, "srw", step_size={"gamma": gamma, "exponent": exponent})
    h, basis = np.linalg.eigh(posed.hessian)
    s = 1 / gamma if exponent == 1 else 0.0
    gains = {}
    for i, agent in enumerate(posed.agents):
        graph = agent.graph
        assert isinstance(graph, Graph)
        A = np.zeros((len(graph), len(graph)))
        A[np.repeat(np.arange(len(graph)), graph.degrees), graph.neighbours] = 1
        root = np.sqrt(graph.degrees)
        eigenvalues, vectors = np.linalg.eigh(A / np.outer(root, root))
        g = agent.gradient_noise(posed.objective, posed.minimizer) @ basis
        u = vectors[:, :-1].T @ (root[:, None] * g) / np.linalg.norm(root)
        slow = 1 + eigenvalues[:-1]
        lost = slow / (2 - slow) * (1 - (1 + alpha * slow) ** -2)
        U = np.einsum("j,ja,jb->ab", lost, u, u)
        gains[i] = basis @ (U / (h[:, None] + h - s)) @ basis.T / AGENTS**2
    for name, contrast in (("trace", None), ("contrast", c), ("largest", None)):
        planner = Planner(
            posed, {"srw": SRRW(alpha=alpha, b=0.8)}, "linear", criterion=name, contrast=contrast
        )
        V = planner.covariance([])
        for some in ([0], [1, 3], [0, 1, 2, 3]):
            after = planner.criterion(V - sum(gains[i] for i in some))
            assert planner.value(some) == pytest.approx(after, rel=1e-8)


def test_criteria_from_python_and_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    walkers = {"share": 1, "sampler": "srw", "graph": "ring"}
    settings = {"agents": 4, "steps": 200, "data.source": str(data), "groups": {"all": walkers}}
    loaded = udsgd_mpi.load({}, settings)
    found = udsgd_mpi.plan(loaded, {"srw": "srrw"}, by="linear", criterion="largest")
    two = found.upgraded(2)
    assert two.bound <= two.criterion <= found.upgraded(1).criterion
    assert found.fewest(criterion=two.criterion) == 2
    c = [1.0, 0, 0, 0, 0]
    found = udsgd_mpi.plan(loaded, {"srw": "srrw"}, by="linear", criterion="contrast", contrast=c)
    assert found.upgraded(0).criterion == pytest.approx(found.planner.covariance([])[0, 0])
    wrong: Iterable[tuple[dict[str, object], str]] = (
        ({"criterion": "larges"}, "unknown criterion 'larges': did you mean 'largest'"),
        ({"criterion": "contrast"}, "with the criterion 'contrast' and only there, got none"),
        ({"contrast": c}, "and only there, got one for the criterion 'trace'"),
        ({"criterion": "contrast", "contrast": [1.0]}, "expected 5 numbers, one for each par"),
        ({"criterion": "contrast", "contrast": [c]}, r"got an array of shape \(1, 5\)"),
        ({"criterion": "contrast", "contrast": ["x"]}, "contrast: expected numbers"),
        ({"criterion": "contrast", "contrast": [0.0] * 5}, "that are not all 0"),
    )
    for arguments, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            udsgd_mpi.plan(loaded, {"srw": "srrw"}, by="linear", **arguments)  # type: ignore[arg-type]
    (tmp_path / "c.txt").write_text("1 0 0\n0, 0\n")
    (tmp_path / "words.txt").write_text("one\n")
    setting = ["--agents", "4", "--steps", "200", "--data", str(data), "--by", "linear"]
    setting += ["--only", "all-srw", "--criterion"]
    assert main(["plan", *setting, "contrast", "--contrast", "c.txt", "--budget", "1"]) == 0
    assert "cᵀVc, best k" in (said := capsys.readouterr().out)
    assert "1 upgrades: cᵀVc" in said
    assert main(["plan", *setting, "largest"]) == 0
    assert "no other k agents bring λ_max(V) below this" in capsys.readouterr().out
    for flags, message in (
        (["contrast", "--contrast", "words.txt"], "file 'words.txt': expected numbers"),
        (["contrast", "--contrast", "none.txt"], "expected numbers with commas between, or a file"),
        (["contrast", "--contrast", "1,2"], "expected 5 numbers, one for each parameter, got 2"),
        (["smallest"], "invalid choice: 'smallest'"),
    ):
        assert main(["plan", *setting, *flags]) == 2
        assert message in capsys.readouterr().err
