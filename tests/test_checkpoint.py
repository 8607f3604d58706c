"""Checkpoints are read as they were written, and damaged ones are noticed."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.storage.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.telemetry import Telemetry

STATES = [
    {"theta": np.arange(6.0).reshape(2, 3), "path/next": np.array([1, 2], dtype=np.int32)},
    {"theta": np.full((2, 3), np.nan), "path/scale": np.array(0.5)},
]
MEASURES = {"step": np.array([1, 2, 5]), "squared_error": np.random.default_rng(1).random((3, 2))}

COST = [Telemetry(0, 1, "host", 5, 2, 0.1, 0.2, 0.3, 0.4, 0.5, 6, 7, 8)]


def write(path: Path, n: int = 5) -> None:
    write_checkpoint(path, n, "[variant.a]\n", MEASURES, iter(STATES), COST)


def equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.npz")
    found = read_checkpoint(tmp_path / "a.npz")
    assert found is not None
    assert (found.n, found.configuration) == (5, "[variant.a]\n")
    assert found.telemetry == COST
    equal(found.recording(), MEASURES)
    for agent, state in enumerate(STATES):
        equal(found.state(agent), state)


def test_states_of_many_agents_take_one_look_at_the_list_of_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is as long as the agents are many."""
    states = [{"theta": np.full(2, agent), "path/next": np.array(agent)} for agent in range(50)]
    write_checkpoint(tmp_path / "a.npz", 5, "", MEASURES, iter(states))
    found = read_checkpoint(tmp_path / "a.npz")
    assert found is not None
    looks = []
    archive = zipfile.ZipFile.__init__
    monkeypatch.setattr(
        zipfile.ZipFile, "__init__", lambda *args, **how: looks.append(1) or archive(*args, **how)
    )
    for agent in (3, 30, 49, 0):
        equal(found.state(agent), states[agent])
    assert len(looks) == 1
    assert found.state(50) == {}


def test_numpy_opens_it(tmp_path: Path) -> None:
    write(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["agents/0/theta"], STATES[0]["theta"])


def test_the_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for n in (5, 6):
        write(path, n)
    assert (found := read_checkpoint(path)) is not None
    assert found.n == 6
    path.write_bytes(path.read_bytes()[:-30])
    assert (found := read_checkpoint(path)) is not None
    assert found.n == 5


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "folder" / "a.npz") is None


def test_removing_the_last_takes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b"):
        write(folder / f"{name}.npz")
        write(folder / f"{name}.npz")
    remove_checkpoint(folder / "a.npz")
    assert {path.name for path in folder.iterdir()} == {"b.npz", "b.previous.npz"}
    remove_checkpoint(folder / "b.npz")
    assert not folder.exists()


@given(data=st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_changed_file_is_refused_or_reads_the_same(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.npz"
    remove_checkpoint(path) if path.exists() else None
    tmp_path.mkdir(exist_ok=True)
    write(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        found = read_checkpoint(path)
        assert found is not None
        arrays = [found.recording(), *(found.state(agent) for agent in range(2))]
    except ConfigurationError:
        return
    for got, expected in zip(arrays, [MEASURES, *STATES], strict=True):
        for name in got.keys() & expected.keys():
            np.testing.assert_array_equal(got[name], expected[name])


class TestFillingARecording:
    def recording(self, step: list[int]) -> Recording:
        room = {
            name: np.full((len(step), *values.shape[1:]), np.nan)
            for name, values in self.measures(0).items()
        }
        return Recording(np.array(step), room)

    def measures(self, rows: int) -> dict[str, Any]:
        numbers = np.arange(rows, dtype=np.float64)
        return {
            "theta_mean": np.tile(numbers[:, None, None], (1, 2, 1)),
            "squared_error": np.tile(numbers[:, None], (1, 2)),
            "consensus_error": np.tile(numbers[:, None], (1, 2)),
        }

    def test_takes_the_steps_that_it_records(self) -> None:
        recording = self.recording([1, 5, 8])
        recording.fill(5, np.array([1, 2, 5]), self.measures(3))
        assert recording["squared_error"][:2, 0].tolist() == [0, 2]
        assert np.isnan(recording["squared_error"][2]).all()

    def test_misses_a_step(self) -> None:
        with pytest.raises(ValueError, match="step 3 was not recorded"):
            self.recording([1, 3, 8]).fill(5, np.array([1, 2, 5]), self.measures(3))
