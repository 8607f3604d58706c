"""One page about result files stands alone, stays small, and says what ``report`` prints."""

from dataclasses import replace
from html import escape
from pathlib import Path

import h5py
import numpy as np
import pytest
from matplotlib.figure import Figure
from msgspec.structs import replace as replaced

from tests.reading_aloud import check_stands_alone
from udsgd_mpi.analysis.contributions import contributions
from udsgd_mpi.analysis.page.document import figure, table
from udsgd_mpi.analysis.page.results import page
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.analysis.table import cells
from udsgd_mpi.cli.main import main
from udsgd_mpi.graphs.generators import Complete, Ring
from udsgd_mpi.storage.agent_errors import read_agent_errors

_LARGEST = 2_000_000
RUNS = """
title = "Walks & access <1>"
agents = 5
steps = 60
trials = 4
data = { source = "breast_cancer", standardize = true }
objective = { kind = "logistic", l2 = 1.0 }
step_size = { gamma = 4.0, offset = 50 }
topology = "ring"
[groups.access]
share = 0.4
sampler = "iid"
[groups.walkers]
share = 0.6
sampler = "srw"
graph = "small_world"
[variant.walk-access]
record = { detail = "iterates", loss = true }
[variant.unpredicted]
record.predict = false
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "x.toml").write_text(RUNS)
    path = folder / "x.h5"
    assert main(["run", str(folder / "x.toml"), "--output", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="module")
def written(results: Path) -> str:
    assert main(["report", str(results), "--html"]) == 0
    return results.with_suffix(".html").read_text()


def test_it_stands_alone_and_can_be_read_aloud(written: str) -> None:
    found = check_stands_alone(written)
    words = " ".join(found.words)
    for heading in ("Signs of trouble", "Curves", "Which agent to upgrade next", "Telemetry"):
        assert heading in words
    # mse, scaled, last, loss, consensus, topology, shares of Tr V, errors of agents
    assert len(found.described) == 8
    assert "unpredicted: no limit, and no stationary law, is predicted of it" in words
    assert "Walks & access <1>" in words
    assert len(written) < _LARGEST


def test_its_numbers_are_those_that_report_prints(
    written: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["report", str(results), "--figure", str(tmp_path / "x.png")]) == 0
    said = capsys.readouterr().out
    head, rows = cells(Results.of(results).measured)
    for row in rows:
        assert "".join(f"<td>{escape(cell)}</td>" for cell in row) in written
        assert all(cell in said for cell in row)
    assert all(escape(cell) in written for cell in head)
    rest = [line for line in said.splitlines() if line.startswith(("covariance", "unpredicted: "))]
    assert all(escape(line) in written for line in rest)


def test_upgrades_are_those_of_theory(written: str, results: Path) -> None:
    found = contributions(Results.of(results).measured["walk-access"])
    assert found is not None
    assert found.independent is not None
    gain = found.own - found.independent
    best = int(gain.argmax())
    after = found.scale * (found.own.sum() - gain[best])
    row = (
        f"<td>walk-access</td><td>{best}</td><td>srw</td>"
        f"<td>{found.own[best] / found.own.sum():.1%}</td>"
        f"<td>{found.own[best] / found.independent[best]:.3g}</td>"
        f"<td>{found.scale * found.own.sum():.3e}</td><td>{after:.3e}</td>"
    )
    assert row in written
    assert written.index(row) < written.index("<td>walk-access</td><td>0</td><td>iid</td>")


def test_agents_errors_are_means_over_trials(results: Path) -> None:
    errors = read_agent_errors(results)
    assert list(errors) == ["walk-access"]
    found = errors["walk-access"]
    with h5py.File(results) as file:
        run = file["runs/walk-access"]
        squares = ((run["theta"][:] - run["minimizer"][:]) ** 2).sum(axis=-1).mean(axis=1)
        rows = np.isin(run["step"][:], found.step)
    np.testing.assert_allclose(found.values, squares[rows], rtol=1e-12)
    assert found.step[-1] == 60


def test_several_files_are_in_one_page(results: Path, tmp_path: Path) -> None:
    target = tmp_path / "both.html"
    other = tmp_path / "other.h5"
    other.write_bytes(results.read_bytes())
    assert main(["report", str(results), str(other), "--html", "--page", str(target)]) == 0
    found = check_stands_alone(target.read_text())
    assert found.headings.count(2) == 2
    assert "Unified Distributed SGD: x.h5, other.h5" in found.words
    assert str(tmp_path) not in target.read_text()
    assert sum(each.startswith("#") for each in found.fetched) == 2
    target.write_text("mine")
    assert main(["report", str(other), "--html", "--page", str(target)]) == 2
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--show", "mse", "--html"], "--show mse: expected it without --html"),
        (["--style", "screen", "--html"], "--style screen: expected it without --html"),
        (["--page", "x.html"], "--page x.html: it names the page of --html; add --html"),
        (["other.h5"], "expected one FILE without --html, got 2"),
    ],
)
def test_flags_that_do_not_go_together(
    flags: list[str], said: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(results), *flags]) == 2
    assert said in capsys.readouterr().err


def test_a_single_trial_and_an_unfinished_variant_are_shown(results: Path) -> None:
    whole = Results.of(results)
    one = {
        name: replace(
            each,
            measures={key: values[:, :1] for key, values in each.measures.items()},
            trials=each.trials[:1],
            last_theta=None if each.last_theta is None else each.last_theta[:1],
            complete=False,
        )
        for name, each in whole.measured.items()
    }
    text = page({"x.h5": replace(whole, measured=one, telemetry={}, agent_errors={})})
    words = " ".join(check_stands_alone(text).words)
    assert "not complete yet" in words
    assert 'record.detail = "iterates"' in words


@pytest.mark.parametrize(
    "topology", [Ring(), pytest.param(Complete(), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_a_thousand_agents_stay_small(topology: Ring | Complete, results: Path) -> None:
    """On a ring, and on a complete graph with its half a million edges."""
    whole, N = Results.of(results), 1000
    name = "walk-access"
    traces = np.random.default_rng(1).exponential(size=N)
    measured = replace(
        whole.measured[name],
        samplers=["iid", "srw"] * (N // 2),
        groups=["access", "walkers"] * (N // 2),
        agent_traces=traces,
        independent_traces=0.3 * traces,
        points=np.full(N, 3),
        shares=np.ones(N),
    )
    experiment = replaced(whole.experiments[name], agents=N, topology=topology)
    errors = whole.agent_errors[name]._replace(values=np.tile(traces, (4, 1)))
    text = page(
        {
            "x.h5": replace(
                whole,
                measured={name: measured},
                experiments={name: experiment},
                agent_errors={name: errors},
            )
        }
    )
    check_stands_alone(text)
    assert ("Of many edges some 3,000 are drawn" in text) == isinstance(topology, Complete)
    assert len(text) < _LARGEST


def test_figures_are_coarser_where_they_would_be_large() -> None:
    def noisy() -> Figure:
        drawn = Figure(figsize=(5, 5))
        drawn.add_subplot().imshow(np.random.default_rng(1).random((400, 400)))
        return drawn

    def plain() -> Figure:
        drawn = Figure(figsize=(5, 5))
        drawn.add_subplot().plot([1, 2])
        return drawn

    assert "data:image/svg+xml;" in figure(plain, "a line", "A line.")
    large = figure(noisy, "noise", "Noise.")
    assert "data:image/png;" in large
    assert len(large) < 200_000


def test_cells_are_broken_by_what_is_seen_of_them() -> None:
    """What marks words up takes no room, but a cell of many words is as wide as a column may be."""
    short = '<strong class="holds"><span aria-hidden="true">✓</span> holds &amp; more</strong>'
    text = table("Claims", ["verdict", "claim"], [[short, "word " * 20]])
    assert f"<td>{short}</td>" in text
    assert text.count('<td class="words">') == 1
