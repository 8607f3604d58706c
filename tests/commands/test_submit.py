"""A batch script asks Slurm for what the user meant, and runs what the user asked for."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.scripts import command, directives
from udsgd_mpi.cli.main import main
from udsgd_mpi.cluster.slurm import parse_states
from udsgd_mpi.cluster.tasks import shares
from udsgd_mpi.cluster.times import seconds_of, slurm_time
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.storage.write import write_results
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.progress import last_line

ROOT = Path(__file__).parents[2]


def what_runs(script: str, **variables: str) -> list[str]:
    """The arguments that a script leaves to the job, by the shell itself."""
    prologue = script.partition("# ---- the job")[0]
    done = subprocess.run(
        ["/bin/bash", "-c", f"{prologue}\nprintf '%s\\0' \"$@\""],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
        env=variables,
    )
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize(("trials", "parts"), [(64, 7), (64, 64), (5, 1), (120, 8)], ids=str)
def test_shares_follow_each_other_and_differ_by_one_at_most(trials: int, parts: int) -> None:
    found = shares(10, trials, parts)
    covered = [t for first, count in found for t in range(first, first + count)]
    assert covered == list(range(10, 10 + trials))
    assert len(found) == parts
    counts = [count for _, count in found]
    assert max(counts) - min(counts) <= 1


def test_more_parts_than_trials() -> None:
    with pytest.raises(ConfigurationError, match="at most one part for each of 3 trials"):
        shares(0, 3, 4)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2:00:00", 7200), ("1-00:00:01", 86_401), ("00:00:30", 30), ("90", None), ("1:2:3", None)],
)
def test_times(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds
    if seconds is not None:
        assert seconds_of(slurm_time(seconds)) == seconds


def test_states_of_tasks() -> None:
    found = parse_states("7_0|RUNNING|None\n7_1|PENDING|Resources\n8|FAILED|NonZeroExitCode\n")
    assert found["7_0"].reason == ""
    assert found["7_1"] == ("PENDING", "Resources")
    assert [number for number, state in found.items() if state.has_ended] == ["8"]


def test_the_last_line_of_progress_counts() -> None:
    text = "a: step 1,000 of 9,000, 250 steps/s, 32 s left\nnoise\nb-2: step 7 of 9, 0 steps/s, inf"
    assert last_line(text) == ("b-2", 7, 0.0)
    assert last_line("nothing") is None


def test_the_script_asks_for_what_was_asked(printed: Callable[..., str]) -> None:
    script = printed(
        "--agents", 100, "--nodes", 4, "--time", "2h", "--partition", "big", "--seed", 7
    )
    assert {
        *("--ntasks=100", "--nodes=4", "--time=02:00:00", "--partition=big"),
        *("--signal=B:USR1@120", "--requeue", "--open-mode=append", "--job-name=udsgd"),
    } <= set(directives(script))
    assert what_runs(script)[:5] == ["run", "--agents", "100", "--seed", "7"]
    assert what_runs(script)[-2:] == ["--output", "udsgd.h5"]
    assert f"UDSGD_VENV={shlex.quote(sys.prefix)}" in script


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--agents", 100, "--ranks", 10), {"--ntasks=10"}),
        (
            ("--agents", 100, "--nodes", 3, "--tasks-per-node", 8),
            {"--ntasks=24", "--ntasks-per-node=8"},
        ),
        (("--agents", 10, "--nodes", 4), {"--nodes=4", "--ntasks-per-node=3"}),
        (("--ranks", 6), {"--ntasks=6"}),
        (("--agents", 4, "--time", "1-02:00:00"), {"--time=1-02:00:00"}),
        (("--agents", 4, "--time", "2m"), {"--signal=B:USR1@30"}),
    ],
)
def test_resources(
    flags: tuple[object, ...], expected: set[str], printed: Callable[..., str]
) -> None:
    assert expected <= set(directives(printed(*flags)))


def test_words_of_the_user_reach_the_run_as_they_were(printed: Callable[..., str]) -> None:
    title = 'title="it\'s; exit 3; $HOME; `ls` \\\\ ü"'
    script = printed("--agents", 4, "--set", title, "--output", "a b.h5", "--max-time", "2h")
    words = what_runs(script, HOME="/wrong")
    assert words[words.index("--set") + 1] == title
    assert words[words.index("--max-time") + 1] == "7200s"
    assert words[-1] == "a b.h5"
    assert "--output='a b.h5.slurm/%j.log'" in directives(script)


def test_tasks_of_an_array(printed: Callable[..., str]) -> None:
    script = printed("--agents", 4, "--trials", 5, "--array", "variants", "--array", "trials=2")
    job, _, merge = script.partition("\n#!/bin/bash\n")
    assert "--array=0-5" in directives(job)
    tasks = [what_runs(job, SLURM_ARRAY_TASK_ID=str(k)) for k in range(6)]
    variants = [task[task.index("--only") + 1] for task in tasks]
    assert variants == [name for name in ("all-srw", "all-nbrw", "some-srrw") for _ in range(2)]
    ranges = [task[-6:-2] for task in tasks]
    halves = [
        ["--set", "first_trial=0", "--trials", "2"],
        ["--set", "first_trial=2", "--trials", "3"],
    ]
    assert ranges == halves * 3
    files = [task[-1] for task in tasks]
    assert len(set(files)) == 6
    assert what_runs(merge) == ["merge", "--force", "udsgd.h5", *files]


def test_a_site(home: Path, printed: Callable[..., str]) -> None:
    (home / "udsgd").mkdir()
    (home / "udsgd" / "sites.toml").write_text(
        '[default]\naccount = "p1"\n[big]\nmodules = ["gcc/12", "mpich"]\nlauncher = "mpirun"\n'
        'mpi = "cray_shasta"\ndirectives = ["--constraint=ib"]\npartition = "long"\n'
    )
    assert "--account=p1" in directives(printed("--agents", 4))
    script = printed("--agents", 4, "--site", "big", "--partition", "short")
    assert {"--constraint=ib", "--partition=short"} <= set(directives(script))
    assert "--account=p1" not in script
    assert "\nmodule load gcc/12 mpich\n" in script
    assert "UDSGD_LAUNCHER=mpirun UDSGD_MPI_TYPE=cray_shasta" in script


@pytest.mark.parametrize(
    ("text", "site", "message"),
    [
        ('[big]\nacount = "x"', "big", "unknown key 'sites.toml: big.acount': did you mean"),
        ('[big]\nlauncher = "mpi"', "big", "big: expected launcher srun or mpirun, got 'mpi'"),
        ("[big]", "bg", "unknown site 'bg': did you mean 'big'?"),
        ("big = 3", "big", "big: expected a table, got 3"),
        ("[big", "big", "expected TOML"),
        ("[big]", "none.toml", "site file none.toml: cannot be read (No such file"),
    ],
)
def test_refused_sites(
    text: str, site: str, message: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "udsgd").mkdir()
    (home / "udsgd" / "sites.toml").write_text(text)
    assert main(["submit", "--print", "--agents", "4", "--site", site]) == 2
    said = capsys.readouterr().err.replace(f"{home / 'udsgd'}/", "")
    assert message in said


@pytest.mark.usefixtures("home")
def test_a_rank_for_each_agent_of_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wards.csv").write_text("ward,outcome\n" + "a,1\na,0\nb,1\nb,0\nc,0\n")
    (tmp_path / "x.toml").write_text(
        "data = { kind = 'table', path = 'wards.csv', agent = 'ward', label = 'outcome' }\n"
        "groups.all = { share = 1, sampler = 'stream' }\n"
    )
    assert main(["submit", "--print", str(tmp_path / "x.toml")]) == 0
    assert "#SBATCH --ntasks=3\n" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "expected a number of agents or of ranks"),
        (("--agents", "4", "--ranks", "5"), "at least one agent for each of 5 ranks, got 4 agents"),
        (("--agents", "4", "--nodes", "5"), "at most one for each of 4 ranks, got 5"),
        (("--agents", "4", "--nodes", "0"), "expected a number from 1 on, got '0'"),
        (("--agents", "4", "--restarts", "-1"), "expected a number from 0 on, got '-1'"),
        (("--agents", "4", "--time", "soon"), "expected a time such as 90s, 5m, 2h or 1h30m"),
        (("--agents", "4", "--array", "trial=7"), "expected trials=K or variants, got 'trial=7'"),
        (("--agents", "4", "--array", "trials=65"), "at most one part for each of 64 trials"),
        (("--agents", "4", "--array", "trials=2", "--array", "trials=3"), "trials=K once"),
        (
            ("--agents", "4", "--only", "all-sw"),
            "unknown variant 'all-sw': did you mean 'all-srw'?",
        ),
        (("--agents", "4", "--output", "no/x.h5"), "expected an existing folder"),
        (("--agents", "4"), "expected Slurm's sbatch on PATH, got none"),
    ],
)
def test_refusals(flags: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", *flags]) == 2
    said = capsys.readouterr().err
    assert said.startswith("udsgd: error: ")
    assert message in said


def test_a_refusal_of_sbatch_is_passed_on(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full = "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed"
    command(home, "sbatch", f"printf '{full}\\n' >&2; exit 1")
    assert main(["submit", "--agents", "4"]) == 2
    said = capsys.readouterr().err
    assert "sbatch refuses udsgd.h5.slurm/job.sbatch: QOSMaxSubmitJobPerUserLimit Batch" in said
    assert not (home / "udsgd.h5.slurm" / "submission.json").exists()


def test_an_array_whose_merge_job_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse = 'case "$*" in *merge*) echo "sbatch: error: full" >&2; exit 1 ;; esac; echo "12;far"'
    command(home, "sbatch", refuse)
    assert main(["submit", "--agents", "4", "--array", "variants"]) == 2
    assert "full; job 12 is submitted, so sbatch" in capsys.readouterr().err
    assert json.loads((home / "udsgd.h5.slurm" / "submission.json").read_text())["job"] == "12"


def test_status_from_the_queue_and_from_files(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(home, "sbatch", 'case "$*" in *merge*) echo 13 ;; *) echo 12 ;; esac')
    small = ["--agents", "2", "--steps", "40", "--only", "all-srw", "--array", "trials=2"]
    assert main(["submit", *small]) == 0
    assert "job 12 of 2 tasks\njob 13 merges" in capsys.readouterr().out
    step = Variable(np.array([1, 40]), ("step",), "")
    part = Run({"complete": True}, {"step": step})
    write_results(home / "udsgd.h5.slurm/part-0.h5", {"status": "complete"}, {"all-srw": part})
    (home / "udsgd.h5.slurm" / "12_1.log").write_text(
        "all-srw: step 10 of 40, 5 steps/s, 6 s left\n"
    )
    command(
        home,
        "squeue",
        "printf '12_0|COMPLETED|None\\n12_1|RUNNING|None\\n13|PENDING|Dependency\\n'",
    )
    capsys.readouterr()
    assert main(["status", "udsgd.h5"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows[0][:6] == ["12_0", "COMPLETED", "40", "40", "–", "–"]
    assert rows[1][:7] == ["12_1", "RUNNING", "10", "40", "5", "6", "s"]
    assert rows[2][:3] == ["13", "PENDING", "(Dependency)"]
    command(home, "squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert main(["status", "udsgd.h5"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[1] for row in rows] == ["complete", "ended", "ended"]
    command(home, "squeue", "exit 1")
    assert main(["status", "udsgd.h5"]) == 0
    assert "squeue does not answer here" in capsys.readouterr().out


def test_a_second_submission(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(home, "sbatch", "echo 12")
    command(home, "squeue", "echo '12|PENDING|Resources'")
    assert main(["submit", "--agents", "4"]) == 0
    assert main(["submit", "--agents", "4"]) == 2
    assert "output udsgd.h5: job 12 for it has not ended" in capsys.readouterr().err
    command(home, "squeue", "echo '12|TIMEOUT|TimeLimit'")
    assert main(["submit", "--agents", "4"]) == 0


def test_results_of_other_settings_are_refused_at_once(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(home, "sbatch", "echo 12")
    small = ["--agents", "2", "--trials", "2", "--only", "all-srw"]
    small += ["--data", "breast_cancer", "--set", "record.predict=false"]
    assert main([*small, "--steps", "40"]) == 0
    assert main(["submit", *small, "--steps", "50"]) == 2
    assert "+variant.all-srw.steps = 50" in capsys.readouterr().err
    assert main(["submit", *small, "--steps", "40"]) == 0
    assert main(["submit", *small, "--steps", "50", "--force"]) == 0
    assert main(["submit", *small, "--steps", "40", "--array", "trials=2"]) == 2
    assert "udsgd.h5 already exists; use --force" in capsys.readouterr().err


def test_status_of_what_was_not_submitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "udsgd.h5"]) == 2
    assert "expected a run that udsgd submit submitted" in capsys.readouterr().err


def test_the_script_in_launch_is_the_one_that_is_rendered(printed: Callable[..., str]) -> None:
    by_hand = (ROOT / "launch" / "slurm.sbatch").read_text()
    body = by_hand.partition("# ---- the job\n")[2]
    assert len(body) > 1000
    assert printed("--agents", 4).endswith(body)


@pytest.mark.launcher
def test_this_machine_by_script(tmp_path: Path) -> None:
    script = str(ROOT / "launch" / "local.sh")

    def call(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/bash", script, *words],
            cwd=tmp_path,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    small = ("2", "--steps", "20", "--trials", "2", "--only", "all-srw")
    done = call(*small, UDSGD_VENV=sys.prefix)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "udsgd.h5") as file:
        assert file.attrs["ranks"] == 2
    for words, variables, message in (
        (("my.toml",), {"UDSGD_VENV": sys.prefix}, "expected a number of ranks"),
        (small, {"UDSGD_VENV": "/nowhere"}, "no udsgd in /nowhere"),
    ):
        done = call(*words, **variables)
        assert done.returncode == 2
        assert message in done.stderr
