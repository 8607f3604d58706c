"""Latencies and bandwidths are those that the settings say, or are refused by row and column."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.clock import Clock, Regions, latency_of
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.groups import assign
from udsgd_mpi.experiment.timing import clock_of
from udsgd_mpi.support.errors import ConfigurationError

GROUPS = {
    "near": {"agents": "0-1", "sampler": "iid"},
    "far": {"agents": "2-3", "sampler": "iid"},
}
BOTH = {"north": "0, 2-3", "south": "1"}
SECONDS = {"north": {"north": 0.1, "south": 0.2}, "south": {"north": 0.3, "south": 0.4}}
MATRIX = "0, 1, 2\n# from agent 1\n 3, 0, 4.5\n\n5, 6e-1, 0\n"


def clock(timing: dict[str, Any], groups: dict[str, Any] | None = None) -> Clock:
    """That of four agents."""
    experiment = check({"groups": groups or GROUPS, "timing": timing})
    found = clock_of(experiment, assign(experiment.groups, 4))
    assert found is not None
    return found


def all_pairs(found: Clock) -> list[list[float]]:
    i, j = np.indices((4, 4))
    between: list[list[float]] = found.latency.between(i, j).tolist()
    return between


def test_regions_have_a_table() -> None:
    got = all_pairs(clock({"latency": {"regions": BOTH, "seconds": SECONDS}}))
    row = [0.1, 0.2, 0.1, 0.1]
    assert got == [row, [0.3, 0.4, 0.3, 0.3], row, row]
    assert all_pairs(clock({"latency": 0.25})) == [[0.25] * 4] * 4
    assert all_pairs(clock({})) == [[0.0] * 4] * 4


def test_bandwidths_are_one_or_of_each_agent_or_of_groups() -> None:
    assert clock({}).bandwidth.tolist() == [np.inf] * 4
    assert clock({"bandwidth": 5}).bandwidth.tolist() == [5.0] * 4
    assert clock({"bandwidth": [1, 2, 3, 4]}).bandwidth.tolist() == [1, 2, 3, 4]
    of_group = GROUPS | {"far": GROUPS["far"] | {"bandwidth": 7.5}}
    assert clock({"bandwidth": [1, 2, 3, 4]}, of_group).bandwidth.tolist() == [1, 2, 7.5, 7.5]
    assert clock({}, of_group).messages(15).busy.tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        ({"latency": -1.0}, "timing.latency"),
        ({"latency": {"regions": BOTH, "seconds": {"north": {}}}}, "none for 'south'"),
        (
            {"latency": {"regions": BOTH, "seconds": SECONDS | {"south": {"north": 1.0}}}},
            "expected in seconds.south a latency for each region, got none for 'south'",
        ),
        (
            {"latency": {"regions": BOTH, "seconds": SECONDS | {"sooth": {}}}},
            "unknown region 'sooth' in seconds: did you mean 'south'",
        ),
        ({"latency": {"regions": {"a": "0-2"}, "seconds": {"a": {"a": 1}}}}, "none for agent 3"),
        (
            {"latency": {"regions": {"a": "0-3", "b": "2"}, "seconds": {"a": {}, "b": {}}}},
            "none for 'a'",
        ),
        ({"latency": {"regions": {}, "seconds": {}}}, "length >= 1"),
        ({"bandwidth": [1.0, 2.0]}, "expected a number for each of the 4 agents, got 2"),
        ({"bandwidth": [1.0, 2.0, 0.0, 1.0]}, r"timing.bandwidth\[2\]"),
    ],
)
def test_what_fits_no_agents_is_refused(timing: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        clock(timing)


def test_a_groups_bandwidth_needs_a_clock() -> None:
    groups = GROUPS | {"far": GROUPS["far"] | {"bandwidth": 7.5}}
    with pytest.raises(ConfigurationError, match=r"\[timing\] beside groups.far.bandwidth"):
        check({"groups": groups})


def test_a_file_has_a_row_for_each_sender(tmp_path: Path) -> None:
    path = tmp_path / "latencies.csv"
    path.write_text(MATRIX)
    got = latency_of(str(path), 3)
    assert got.seconds.tolist() == [[0, 1, 2], [3, 0, 4.5], [5, 0.6, 0]]
    assert got.between(np.array([1]), np.array([2])).tolist() == [4.5]
    path.write_text(f"\t\n{MATRIX} # to 0, 1 and 2\n  \n".replace("\n", "\r\n"))
    assert latency_of(str(path), 3).seconds.tolist() == got.seconds.tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,1\n1,0\n", "expected 3 rows, one for each agent that sends, got 2"),
        ("0,1,1\n1,0\n1,1,0\n", "row 2, column 3: .* from agent 1 to agent 2, got nothing"),
        ("0,1,1\n1,0,\n1,1,0\n", "row 2, column 3: .* got nothing"),
        ("0,1,1\n1,0,1,9\n1,1,0\n", "row 2, column 4: expected 3 columns"),
        ("0,1,1\n-1,0,1\n1,1,0\n", "row 2, column 1: .* from agent 1 to agent 0, got '-1'"),
        ("0,1,1\n1,0,1\n1,nan,0\n", "row 3, column 2: .* got 'nan'"),
        ("0,1,1\n1,0,1\n1,inf,0\n", "row 3, column 2: .* got 'inf'"),
        ("0,1,1\n1,0,1\n1,1,0.5\n", "row 3, column 3: expected 0 from agent 2 to itself"),
        ("a,b,c\n0,1,1\n1,0,1\n", "row 1, column 1: expected 0 from agent 0 to itself, got 'a'"),
        ("", "expected 3 rows, one for each agent that sends, got 0"),
        ("\ufeff0,1,1\n1,0,1\n1,1,x\n", "row 3, column 3: .* got 'x'"),
        (f"0,1,1\n1,0,{'1' * 140_000}\n1,1,0\n", "line 2: field larger than"),
    ],
)
def test_a_file_that_is_no_matrix_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "latencies.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"timing.latency {path}: {said}"):
        latency_of(str(path), 3)


def test_regions_are_made_in_python_too() -> None:
    found = latency_of(Regions(BOTH, SECONDS), 4)
    assert found.seconds.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    with pytest.raises(ValueError, match="none for 'south'"):
        Regions(BOTH, {"north": SECONDS["north"]})


def test_a_file_is_found_beside_the_experiment_and_noticed_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sub").mkdir()
    matrix = tmp_path / "sub" / "links.csv"
    matrix.write_text("0,2,2\n2,0,2\n2,2,0\n")
    (tmp_path / "sub" / "x.toml").write_text(
        'agents = 3\nsteps = 4\ntrials = 2\ncommunication = "centralized"\n'
        'timing = { latency = "links.csv" }\nrecord = { predict = false }\n'
        '[groups.all]\nsampler = "iid"\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["run", "sub/x.toml", "--quiet"]) == 0
    with h5py.File("udsgd.h5") as file:
        # Four levels of 2 s after each step of 1 s.
        assert file["runs/main/simulated_time"][-1].tolist() == [36.0] * 3
    capsys.readouterr()
    matrix.write_text("0,3,2\n2,0,2\n2,2,0\n")
    again = ("--steps", "8", "--resume", "--allow-changes", "steps")
    assert main(["run", "sub/x.toml", "--quiet", *again]) == 2
    said = capsys.readouterr().err
    assert "matrix of latencies, timing.latency" in said
    assert "Traceback" not in said
