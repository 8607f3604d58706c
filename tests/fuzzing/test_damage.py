"""Any damage to a file is noticed, and never hangs or crashes a reader.

The slow tests print how many files had which outcome; see them with ``-s``.
"""

import os
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.damage import damaged, endless, flipped
from tests.fuzzing.test_files import results
from tests.test_checkpoint import MEASURES, STATES, write
from udsgd_mpi.cli.main import main
from udsgd_mpi.storage.checkpoint import Checkpoint, read_checkpoint
from udsgd_mpi.storage.guard import check_safe
from udsgd_mpi.storage.measured import read_measures
from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.storage.seal import SEAL_BYTES, is_whole
from udsgd_mpi.storage.telemetry_group import read_telemetry
from udsgd_mpi.storage.write import write_results
from udsgd_mpi.support.errors import ConfigurationError

BITS = (0, 3, 5, 7)


class TestCheckpoints:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.npz"
        write(path, 5)
        write(path, 6)
        return path

    def outcome(self, path: Path, content: bytes) -> str:
        path.write_bytes(content)
        found = read_checkpoint(path)
        assert found is not None
        assert_equal(found)
        return {6: "harmless", 5: "fell back"}[found.n]

    def outcomes(self, path: Path, contents: Iterable[bytes]) -> Counter[str]:
        return Counter(self.outcome(path, content) for content in contents)

    def test_a_flipped_bit(self, path: Path) -> None:
        whole = path.read_bytes()
        places = range(0, len(whole), 17)
        found = self.outcomes(path, (flipped(whole, p, BITS[p % 4]) for p in places))
        assert found == {"fell back": len(places)}

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    def test_every_byte(self, path: Path) -> None:
        whole = path.read_bytes()
        flips = [(place, bit) for place in range(len(whole)) for bit in BITS]
        found = self.outcomes(path, (flipped(whole, *flip) for flip in flips))
        say("checkpoints, flipped bits", found)
        assert found == {"fell back": len(flips)}

    def test_a_cut(self, path: Path) -> None:
        whole = path.read_bytes()
        lengths = range(0, len(whole), 29)
        assert self.outcomes(path, (whole[:n] for n in lengths)) == {"fell back": len(lengths)}

    def test_other_damage(self, path: Path) -> None:
        whole = path.read_bytes()
        for seed in range(100):
            kind, content = damaged(whole, seed)
            expected = "harmless" if content == whole else "fell back"
            assert self.outcome(path, content) == expected, (seed, kind)

    def test_all_damaged(self, path: Path) -> None:
        for file in path.parent.iterdir():
            file.write_bytes(flipped(file.read_bytes(), 100, 1))
        with pytest.raises(ConfigurationError, match=r"checksum.*checksum.*remove it to restart"):
            read_checkpoint(path)

    @pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.slow)])
    @pytest.mark.timeout(900)
    def test_one_without_a_seal(self, every: int, tmp_path: Path) -> None:
        """As version 1 wrote them: what can't be told is at least refused without a traceback."""
        path = tmp_path / "a.npz"
        whole = of_version_1(path)
        found: Counter[str] = Counter()
        for place in range(0, len(whole), every):
            for bit in BITS if every == 1 else BITS[:1]:
                path.write_bytes(flipped(whole, place, bit))
                try:
                    read_checkpoint(path)
                    found["read"] += 1
                except ConfigurationError:
                    found["refused"] += 1
        say("checkpoints of version 1, flipped bits", found)
        assert found["refused"] > found["read"]


def of_version_1(path: Path) -> bytes:
    """A checkpoint without a seal, and its content."""
    write(path)
    with zipfile.ZipFile(path) as new:
        members = {name: new.read(name) for name in new.namelist()}
    header = members["checkpoint.json"]
    with zipfile.ZipFile(path, "w") as old:
        for name, content in members.items():
            old.writestr(name, content)
    with pytest.raises(ConfigurationError, match="checksum is missing"):
        read_checkpoint(path)
    members["checkpoint.json"] = header.replace(b'"format_version": 2', b'"format_version": 1')
    with zipfile.ZipFile(path, "w") as old:
        for name, content in members.items():
            old.writestr(name, content)
    found = read_checkpoint(path)
    assert found is not None
    assert_equal(found)
    return path.read_bytes()


def assert_equal(found: Checkpoint) -> None:
    for got, expected in zip(
        [found.recording(), *(found.state(agent) for agent in range(2))],
        [MEASURES, *STATES],
        strict=True,
    ):
        assert got.keys() == expected.keys()
        for name in got:
            np.testing.assert_array_equal(got[name], expected[name])


class TestResults:
    @pytest.fixture
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        results(tmp_path / "a.h5")
        return Path("a.h5")

    def outcome(self, path: Path, content: bytes) -> str:
        path.write_bytes(content)
        os.utime(path, ns=(0, time.monotonic_ns()))
        try:
            read_measures(path)
            read_runs(path)
            read_telemetry(path)
        except ConfigurationError:
            code = 2
        else:
            code = 0
        for command in (("inspect",), ("watch", "--once")):
            assert main([*command, str(path)]) in ((0, 2) if code else (0,))
        return "caught" if code else "read"

    def outcomes(self, path: Path, whole: bytes, seeds: range) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for seed in seeds:
            kind, content = damaged(whole, seed)
            outcome = "whole" if content == whole else self.outcome(path, content)
            if content.startswith(whole[:-SEAL_BYTES]) and outcome == "read":
                outcome = "harmless"
            found[kind, outcome] += 1
        return found

    @pytest.mark.parametrize("files", [20, pytest.param(500, marks=pytest.mark.slow)])
    @pytest.mark.timeout(900)
    def test_damaged(self, files: int, path: Path) -> None:
        found = self.outcomes(path, path.read_bytes(), range(files))
        say("results", found)
        assert {outcome for _, outcome in found} <= {"whole", "harmless", "caught"}

    @pytest.mark.parametrize("files", [4, pytest.param(500, marks=pytest.mark.slow)])
    @pytest.mark.timeout(1800)
    def test_damaged_without_a_seal(self, files: int, path: Path) -> None:
        """As older versions wrote them: damage to numbers can't be told, all else is caught."""
        whole = path.read_bytes()[:-SEAL_BYTES]
        found = self.outcomes(path, whole, range(files))
        say("results without a seal", found)
        assert sum(found.values()) == files

    def test_opens_elsewhere(self, path: Path) -> None:
        assert is_whole(path)
        assert list(read_measures(path)) == ["a"]
        with h5py.File(path) as file:
            assert list(file) == ["runs", "telemetry"]
        import xarray

        with xarray.open_dataset(path, group="runs/a") as run:
            assert run.squared_error.shape == (2, 2)

    def test_changed_by_its_user(self, path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file["notes"] = "mine"
            file["runs/a/squared_error"][0, 0] = 3
            file["runs/a/mine"] = np.arange(3)
        assert is_whole(path) is None
        assert read_measures(path)["a"].measures["squared_error"][0, 0] == 3
        assert main(["inspect", str(path)]) == 0

    @pytest.mark.slow
    def test_of_many_variants_changed_by_its_user(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time that reading it takes grows with their number, not with its square."""
        monkeypatch.setattr("udsgd_mpi.storage.guard._CPU_SECONDS", 2)
        attributes, runs = read_runs(path)
        names = [f"v{k}" for k in range(200)]
        settings = "".join(f"[variant.{name}]\nsteps = 2\n" for name in names)
        many = attributes | {"configuration": settings}
        write_results(path, many, dict.fromkeys(names, runs["a"]))
        with h5py.File(path, "r+") as file:
            file["notes"] = "mine"
        check_safe(path)
        found = read_runs(path)[1]["v199"]["squared_error"]
        np.testing.assert_array_equal(found, runs["a"]["squared_error"])

    def test_with_a_link_to_what_holds_it(self, path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file["runs/a/again"] = file["runs"]
            file["runs/again"] = file["runs"]
        with pytest.raises(ConfigurationError):
            read_runs(path)
        with pytest.raises(ConfigurationError):
            read_measures(path)

    def test_that_claim_to_be_huge(self, path: Path) -> None:
        with h5py.File(path, "r+") as file:
            file["runs/a"].create_dataset("huge", shape=(2**20, 2**20), dtype="f8")
        with pytest.raises(ConfigurationError, match="claims to be larger than it can be"):
            check_safe(path)

    def test_on_which_hdf5_loops(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("udsgd_mpi.storage.guard._CPU_SECONDS", 1)
        path.write_bytes(endless(path.read_bytes()[:-SEAL_BYTES]))
        with pytest.raises(ConfigurationError, match="reading it does not end"):
            read_measures(path)

    def test_a_probe_that_is_stopped(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with h5py.File(path, "r+"):
            pass
        probe = Path("probe.py")
        monkeypatch.setattr("udsgd_mpi.storage.guard._PROBE", probe)
        endings = {
            "raise OSError": "ended with 1",
            "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)": "does not end",
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "ends with signal 11",
        }
        for second, (code, reason) in enumerate(endings.items()):
            probe.write_text(code)
            os.utime(path, (0, second))
            with pytest.raises(ConfigurationError, match=reason):
                check_safe(path)


def say(what: str, found: Counter[str] | Counter[tuple[str, str]]) -> None:
    sys.stdout.write(f"\n{what}: {sum(found.values())} in all, {dict(found)}\n")
