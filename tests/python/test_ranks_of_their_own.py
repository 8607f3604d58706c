"""Ranks that Python starts: their failures are exceptions, and lost ones are started again.

A script stands for ``mpirun``; faults/test_python.py has the real one.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

import udsgd_mpi
from tests.python.typed import typed
from udsgd_mpi.api import launched

SCRIPT = f"""#!{sys.executable}
import json, os, shutil, signal, sys, time
from pathlib import Path

calls = Path("calls.json")
before = json.loads(calls.read_text()) if calls.exists() else []
calls.write_text(json.dumps([*before, sys.argv[1:]]))
act, *rest = json.loads(Path("acts.json").read_text())[len(before)]
if act == "complete":
    print("a: step 5 of 10", file=sys.stderr)
    shutil.copy("done.h5", "a.h5")
elif act == "fail":
    Path(os.environ["UDSGD_FAILURE"]).write_text(json.dumps(rest))
    sys.exit(rest[0])
elif act == "be lost":
    print("BAD TERMINATION", file=sys.stderr)
    if rest:
        Path("a.h5").write_text("begun")
    os.kill(os.getpid(), signal.SIGKILL)
elif act == "wait":
    signal.signal(signal.SIGUSR1, lambda *_: (Path("asked").touch(), sys.exit(75)))
    Path("waits").touch()
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("done") / "done.h5"
    udsgd_mpi.run(typed(), output=file)
    return file


@pytest.fixture
def folder(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(done, tmp_path / "done.h5")
    script = tmp_path / "mpirun"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    monkeypatch.setattr(launched, "_mpirun", lambda: str(script))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def acts(folder: Path, *each: object) -> None:
    (folder / "acts.json").write_text(json.dumps(each))


def calls(folder: Path) -> list[list[str]]:
    found: list[list[str]] = json.loads((folder / "calls.json").read_text())
    return found


def test_complete_results_are_opened(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    acts(folder, ["complete"])
    results = udsgd_mpi.run(typed(), output="a.h5", ranks=3, max_time="1h")
    assert results.equals(udsgd_mpi.open_results("done.h5"))
    assert capfd.readouterr().err == "a: step 5 of 10\n"
    (words,) = calls(folder)
    assert words[:6] == ["-n", "3", sys.executable, "-m", "udsgd_mpi", "run"]
    assert words[words.index("--max-time") + 1] == "3600.0s"
    assert not Path(words[6]).exists()  # the experiment's temporary file


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (2, udsgd_mpi.ConfigurationError),
        (74, udsgd_mpi.OutputError),
        (75, udsgd_mpi.Stopped),
    ],
)
def test_reasons_are_exceptions_of_the_same_text(
    code: int, kind: type[Exception], folder: Path
) -> None:
    acts(folder, ["fail", code, "data: expected α,\ngot β"])
    with pytest.raises(kind) as raised:
        udsgd_mpi.run(typed(), output="a.h5", ranks=3, restarts=5)
    assert str(raised.value) == "data: expected α,\ngot β"
    assert len(calls(folder)) == 1  # to start again would change nothing


def test_lost_ranks_are_started_again_from_their_checkpoint(folder: Path) -> None:
    acts(
        folder, ["be lost", "after writing"], ["fail", 70, "a rank saw the other go"], ["complete"]
    )
    udsgd_mpi.run(typed(), output="a.h5", ranks=3, restarts=2, force=True)
    first, *others = calls(folder)
    assert "--force" in first
    assert "--resume" not in first
    for words in others:
        assert "--force" not in words
        assert words[words.index("--resume") + 1] == "auto"


def test_what_is_to_be_replaced_is_not_resumed(folder: Path) -> None:
    (folder / "a.h5").write_text("an older run's")
    acts(folder, ["be lost"], ["complete"])
    udsgd_mpi.run(typed(), output="a.h5", ranks=3, restarts=1, force=True)
    assert ["--force" in words for words in calls(folder)] == [True, True]
    assert not any("--resume" in words for words in calls(folder))


def test_ranks_that_are_lost_too_often_fail_the_job(folder: Path) -> None:
    acts(folder, ["be lost"], ["be lost"])
    with pytest.raises(udsgd_mpi.JobFailed, match=r"exit code -9 \(after 1 restarts\)(.|\n)*BAD"):
        udsgd_mpi.run(typed(), output="a.h5", ranks=3, restarts=1)
    acts(folder, *[["fail", 70, "Traceback"]] * 3)
    with pytest.raises(udsgd_mpi.JobFailed, match=r"code 70 \(restarts=K resumes(.|\n)*Traceback"):
        udsgd_mpi.run(typed(), output="a.h5", ranks=3)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_asks_the_ranks_to_stop(folder: Path) -> None:
    acts(folder, ["wait"])

    def interrupt() -> None:
        while not Path("waits").exists():
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        udsgd_mpi.run(typed(), output="a.h5", ranks=3, restarts=1)
    thread.join(10)
    assert Path("asked").exists()
    assert len(calls(folder)) == 1


def test_a_rank_starts_no_ranks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    with pytest.raises(udsgd_mpi.ConfigurationError, match="got one of several ranks"):
        udsgd_mpi.run(typed(), output="a.h5", ranks=3)
    monkeypatch.delenv("PMI_SIZE")
    monkeypatch.setenv("SLURM_NTASKS", "2")  # of a batch script, in which mpirun is as it should be
    acts(folder, ["complete"])
    udsgd_mpi.run(typed(), output="a.h5", ranks=3)


def test_the_launcher_is_that_of_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(udsgd_mpi.ConfigurationError, match="expected an mpirun beside"):
        launched._mpirun()
    for file in (tmp_path / "bin/mpirun", tmp_path / "mpirun"):
        file.parent.mkdir(exist_ok=True)
        file.touch(0o755)
        assert launched._mpirun() == str(file)
    assert os.access(file, os.X_OK)
