"""No command replaces a file that it did not make, an input, or what is no file."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from udsgd_mpi.analysis.image import figure_of
from udsgd_mpi.cli.main import main
from udsgd_mpi.storage.checkpoint import checkpoint_folder, write_checkpoint
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError, OutputError

SMALL = ("--steps", "4", "--trials", "2", "--agents", "2", "--set", "record.predict=false")

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str]:
        try:
            code = int(main(arguments))
        except OutputError as error:  # as for the entry point
            return 74, str(error)
        return code, capsys.readouterr().err

    return call


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path: (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Content of a result file."""
    path = tmp_path_factory.mktemp("run") / "x.h5"
    assert main([*SMALL, "--output", str(path)]) == 0
    return path.read_bytes()


class TestCheckingDestinations:
    def test_known_by_a_mark_at_either_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        for content in (b"mark" + bytes(10**6), bytes(10**6) + b"mark", b"mark"):
            path.write_bytes(content)
            check_destinations([Destination("a", path, b"mark")], {}, force=False)
        for content in (bytes(10**6), b"", b"mar"):
            path.write_bytes(content)
            with pytest.raises(ConfigurationError, match="did not make it; use --force"):
                check_destinations([Destination("a", path, b"mark")], {}, force=False)
            check_destinations([Destination("a", path, b"mark")], {}, force=True)

    def test_one_file_by_two_names(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "real").touch()
        os.link(tmp_path / "folder" / "real", tmp_path / "hard")
        (tmp_path / "soft").symlink_to("folder/real")
        (tmp_path / "to folder").symlink_to("folder")
        for other in ("hard", "soft", "folder/real", "to folder/../folder/real"):
            with pytest.raises(ConfigurationError, match="the same as input"):
                check_destinations(
                    [Destination("a", tmp_path / "soft")], {"input": tmp_path / other}, force=True
                )
        new = [Destination(f"a {name}", tmp_path / name) for name in ("new", "to folder/../new")]
        with pytest.raises(ConfigurationError, match="the same as a to folder"):
            check_destinations(new, {}, force=True)

    def test_no_place_for_a_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "null").symlink_to("/dev/null")
        for name in ("fifo", "null", ".", "nowhere/a"):
            with pytest.raises(ConfigurationError, match="expected a"):
                check_destinations([Destination("a", tmp_path / name)], {}, force=True)
        for name in ("a" * 300, "a" * 250, "a\0b"):
            with pytest.raises(OutputError, match="cannot be written"):
                check_destinations([Destination("a", tmp_path / name)], {}, force=True)


class TestOutputOfARun:
    @pytest.fixture
    def inputs(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text(
            'data = { source = "x.svm", standardize = false }\n'
            'objective = { kind = "custom", path = "mine:Ridge" }\n'
            '[groups.a]\nshare = 1\nsampler = "srw"\ngraph = { kind = "file", path = "g{agent}" }\n'
            '[variant.v]\ncommunication = { kind = "dsgd", weights = "w.txt" }\n'
        )
        for name in ("x.svm", "mine.py", "g1", "w.txt"):
            (tmp_path / name).write_text("mine\n")
        (tmp_path / "link").symlink_to("x.svm")

    @pytest.mark.usefixtures("inputs")
    @pytest.mark.parametrize("output", ["x.toml", "x.svm", "link", "mine.py", "g1", "w.txt"])
    def test_is_no_input(self, output: str, command: Command, tmp_path: Path) -> None:
        before = contents(tmp_path)
        for subcommand in ("run", "submit"):
            code, said = command(subcommand, "x.toml", *SMALL, "--force", "--output", output)
            assert code == 2
            assert f"output {output}: expected a file of its own" in said
        assert contents(tmp_path) == before

    @pytest.mark.parametrize("output", ["fifo", "null", "folder", "loop"])
    def test_is_a_file(self, output: str, command: Command, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "null").symlink_to("/dev/null")
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "folder").mkdir()
        before = contents(tmp_path)
        code, said = command(*SMALL, "--force", "--output", output)
        assert code == (74 if output == "loop" else 2)
        assert said.removeprefix("udsgd: error: ").startswith(f"output {output}: ")
        assert contents(tmp_path) == before
        assert not Path("/dev/null").is_file()

    def test_goes_where_a_link_leads(self, command: Command, tmp_path: Path) -> None:
        (tmp_path / "scratch").mkdir()
        (tmp_path / "x.h5").symlink_to("scratch/real.h5")
        for force in ([], ["--force"]):
            assert command(*SMALL, *force, "--keep-checkpoints", "--output", "x.h5")[0] == 0
            assert (tmp_path / "x.h5").is_symlink()
            with h5py.File(tmp_path / "scratch" / "real.h5") as file:
                assert file.attrs["status"] == "complete"
        assert {path.name for path in (tmp_path / "scratch").iterdir()} == {
            "real.h5",
            "real.h5.checkpoints",
        }
        assert command(*SMALL, "--output", "scratch/real.h5")[0] == 2
        assert command("extend", "x.h5", "--steps", "6", "--trials", "+1")[0] == 0
        assert (tmp_path / "x.h5").is_symlink()
        with h5py.File(tmp_path / "scratch" / "real.h5") as file:
            assert file["runs/all-srw/squared_error"].shape == (file["runs/all-srw/step"].len(), 3)

    def test_leaves_what_others_keep_beside_checkpoints(
        self, command: Command, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        folder = checkpoint_folder(tmp_path / "x.h5")
        folder.symlink_to("elsewhere")
        for name in ("notes.txt", "mine.npz"):
            (folder / name).write_text("mine")
        before = contents(tmp_path / "elsewhere")
        for name in ("all-srw", "of-another-experiment"):
            write_checkpoint(folder / f"{name}.npz", 1, "", {}, [])
        assert command(*SMALL, "--output", "x.h5")[0] == 2
        assert command(*SMALL, "--force", "--output", "x.h5")[0] == 0
        assert contents(tmp_path / "elsewhere") == before
        assert folder.is_symlink()

    def test_has_a_folder_for_checkpoints(self, command: Command, tmp_path: Path) -> None:
        checkpoint_folder(tmp_path / "x.h5").write_text("mine")
        code, said = command(*SMALL, "--force", "--output", "x.h5")
        assert code == 2
        assert "expected a folder for checkpoints" in said
        assert checkpoint_folder(tmp_path / "x.h5").read_text() == "mine"


class TestOtherOutputs:
    """Each command is refused before it works."""

    @pytest.fixture(autouse=True)
    def mine(self, tmp_path: Path) -> dict[Path, tuple[int, bytes]]:
        for name in ("a.h5", "b.h5", "mine"):
            (tmp_path / name).write_text("mine")
        (tmp_path / "link").symlink_to("a.h5")
        os.mkfifo(tmp_path / "fifo")
        for folder, name in (("results", "report.html"), ("udsgd.h5.slurm", "job.sbatch")):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / name).write_text("mine")
        return contents(tmp_path)

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ("merge a.h5 a.h5 b.h5 --force", "the same as the part a.h5"),
            ("merge link b.h5 a.h5 --force", "the same as the part a.h5"),
            ("merge mine a.h5 b.h5", "mine already exists; use --force"),
            ("merge fifo a.h5 b.h5 --force", "got a FIFO"),
            ("reproduce fig2c --quick", "report.html already exists, and this command did not"),
            ("reproduce fig2c --quick --output-dir x --markdown mine", "mine already exists"),
            ("reproduce fig2c --quick --output-dir . --markdown fig2c-quick.h5", "the results fig"),
            ("reproduce fig2c --output-dir . --markdown report.html", "the same as"),
            ("reproduce fig2c --quick --output-dir mine", "--output-dir mine: cannot be made"),
            ("report a.h5 --figure a.h5 --force", "the same as the results a.h5"),
            ("report a.h5 --csv link --force", "the same as the results a.h5"),
            ("report a.h5 --figure x.png --csv x.png", "the same as --csv x.png"),
            ("report a.h5 --csv mine", "--csv mine already exists, and this command did not"),
            ("report a.h5 --csv fifo --force", "got a FIFO"),
            ("topology ring -n 4 --save mine", "--save mine already exists"),
            ("topology ring -n 4 --figure mine", "figure mine already exists"),
            ("topology ring -n 4 --figure x.png --save x.png", "the same as"),
            ("topology ./mine --save mine --force", "the same as the graph file ./mine"),
            ("submit --agents 2", "job.sbatch already exists, and this command did not"),
        ],
    )
    def test_refused(
        self,
        typed: str,
        said: str,
        mine: dict[Path, tuple[int, bytes]],
        command: Command,
        tmp_path: Path,
    ) -> None:
        code, message = command(*typed.split())
        assert code == (74 if "output-dir mine" in typed else 2)
        assert said in message
        (tmp_path / "x").rmdir() if "x" in typed.split() else None
        assert contents(tmp_path) == mine


class TestFigures:
    @pytest.fixture(autouse=True)
    def here(self, command: Command, finished: bytes, tmp_path: Path) -> None:
        for name in ("a.h5", "b.h5"):
            (tmp_path / name).write_bytes(finished)

    @pytest.mark.parametrize(
        ("results", "figure"),
        {
            "udsgd.h5": "udsgd.png",
            "a.H5": "a.png",
            "a.hdf5": "a.png",
            "run_a0.5": "run_a0.5.png",
            "run_a0.5.h5": "run_a0.5.png",
            "run_a0.7": "run_a0.7.png",
            "run": "run.png",
            "out.png": "out.png.png",
            ".h5": ".h5.png",
        }.items(),
    )
    def test_has_a_name_of_its_own(self, results: str, figure: str) -> None:
        assert figure_of(Path("folder", results)).path == Path("folder", figure)

    @pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
    def test_replaces_an_earlier_one_of_the_same_results(
        self, suffix: str, command: Command, tmp_path: Path
    ) -> None:
        name = f"f.{suffix}"
        for show in ("mse", "last"):
            assert command("report", "a.h5", "--figure", name, "--show", show)[0] == 0
        before = (tmp_path / name).read_bytes()
        code, said = command("report", "b.h5", "--figure", name)
        assert code == 2
        assert f"figure {name} already exists, and this command did not make it" in said
        assert (tmp_path / name).read_bytes() == before
        assert command("report", "b.h5", "--figure", name, "--force")[0] == 0
        assert (tmp_path / name).read_bytes() != before

    def test_does_not_fail_a_run(self, command: Command, tmp_path: Path) -> None:
        (tmp_path / "x.png").write_text("mine")
        code, said = command(*SMALL, "--output", "x.h5")
        assert code == 0
        assert "the results are in x.h5" in said
        assert "figure x.png already exists, and this command did not make it" in said
        assert (tmp_path / "x.png").read_text() == "mine"
        code, said = command("extend", "x.h5", "--trials", "+1")
        assert code == 0
        assert (tmp_path / "x.png").read_text() == "mine"
        assert command(*SMALL, "--output", "x.h5", "--force")[0] == 0
        assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")

    def test_never_takes_the_place_of_results(self, command: Command, tmp_path: Path) -> None:
        assert command(*SMALL, "--output", "x.png")[0] == 0
        with h5py.File(tmp_path / "x.png") as file:
            assert file.attrs["status"] == "complete"
        assert (tmp_path / "x.png.png").exists()

    def test_numbers_and_edges_are_replaced_by_later_ones(
        self, command: Command, tmp_path: Path
    ) -> None:
        for _ in range(2):
            assert command("report", "a.h5", "--csv", "c.csv")[0] == 0
            assert command("topology", "ring", "-n", "4", "--save", "edges")[0] == 0
        before = contents(tmp_path)[tmp_path / "edges"]
        code, said = command("topology", "ring", "-n", "5", "--save", "edges")
        assert (code, contents(tmp_path)[tmp_path / "edges"]) == (2, before), said
        assert command("topology", "ring", "-n", "5", "--save", "edges", "--force")[0] == 0
        assert command("topology", "edges")[0] == 0
