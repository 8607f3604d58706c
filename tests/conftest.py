"""Fixtures that several modules share."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from udsgd_mpi.cli.main import main


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """What a run in this process blocks, ranks that later tests start would inherit."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, without Slurm and without a site."""
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("SLURM_CONF", "/dev/null")
    return tmp_path


@pytest.fixture
def printed(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What ``udsgd submit --print`` prints, in that folder."""
    assert Path.cwd() == home

    def call(*arguments: object) -> str:
        code = main(["submit", "--print", *map(str, arguments)])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return call


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For plain loops, which sum in the order of one thread."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT interrupt, which Python ignores where it began in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
