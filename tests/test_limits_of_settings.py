"""Settings that no machine can hold, and text that is no name, are refused at once, by name."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.communication import DSGD
from udsgd_mpi.experiment import sizes
from udsgd_mpi.experiment.schema import Experiment, Record
from udsgd_mpi.experiment.sizes import require_room
from udsgd_mpi.support.agent_lists import parse_agents
from udsgd_mpi.support.durations import seconds_of
from udsgd_mpi.support.errors import ConfigurationError, OutputError
from udsgd_mpi.support.progress import Progress, last_line
from udsgd_mpi.support.units import in_duration

SMALL = ("--agents", "4", "--steps", "30", "--trials", "4", "--only", "all-srw")
BILLION = str(10**9)

# What is asked for, and the setting that the message must name.
TOO_LARGE = {
    "trials": (("--agents", "4", "--trials", BILLION), "trials = 1,000,000,000 at"),
    "agents": (("--agents", BILLION, "--trials", "1"), "agents = 1,000,000,000 on 1 ranks"),
    "agents of shared data": (
        ("--agents", BILLION, "--set", "partition=shared"),
        "agents = 1,000,000,000 on 1 ranks",
    ),
    "iterates": (
        (
            *("--agents", "4", "--steps", str(2**31 - 1), "--set", "record.detail=iterates"),
            *("--trials", "1000000", "--set", "record.points=100000"),
        ),
        "record.detail = 'iterates' of 4 agents",
    ),
    "points": ((*SMALL, "--set", f"record.points={10**12}"), "record.points: expected int <="),
    "fewer points": ((*SMALL, "--set", f"record.points={2**31 - 1}"), "record.points = 2,147,"),
    "per decade": ((*SMALL, "--set", f"record.per_decade={2**31 - 1}"), "record.per_decade = 2,"),
    "points to predict": (
        ("predict", *SMALL, "--set", f"record.points={2**31 - 1}"),
        "record.points = 2,",
    ),
    "points of a plan of a run": (
        (*SMALL, "--dry-run", "--set", f"record.points={2**31 - 1}"),
        "record.points = 2,",
    ),
    "step size": ((*SMALL, "--set", "step_size.gamma=1e308"), "step_size.gamma: expected float"),
    "repulsion": (
        (*SMALL, "--set", 'groups.upgraded.sampler={kind="srrw", alpha=1e308}'),
        "alpha: expected float <= 1000000",
    ),
    "paths": (
        ("predict", *SMALL, "--by", "paths", "--paths", "999999999"),
        "--paths = 999,999,999: expected numbers that fit",
    ),
    "nodes": (("topology", "ring", "-n", "999999999"), "--agents = 999,999,999: expected"),
    "more nodes": (("topology", "ring", "-n", BILLION), "--agents: expected a number up to"),
    "trials of walks": (
        ("diagnose", "srw", "ring", "-n", "50", "--trials", "999999999"),
        "--trials = 999,999,999 on 50 points: expected numbers that fit",
    ),
    "points of a graph": (("diagnose", "srw", "ring", "-n", "999999999"), "--points = 999,999,999"),
    "tasks": (("submit", "--print", *SMALL, "--array", f"trials={BILLION}"), "up to 100,000"),
    "levels": ((*SMALL, "--set", f"{'.a' * 9999}=1"), "nested too deeply"),
    "levels of a value": ((*SMALL, "--set", f"title={'[' * 9999}"), "nested too deeply"),
    "levels of a file": (("run", "deep.toml"), "deep.toml: expected TOML of a few levels"),
    "a range of agents": (
        (*SMALL, "--set", f'timing={{stragglers="0-{10**8}"}}'),
        "timing.stragglers: expected agents 0-3, got 4",
    ),
    "a title": ((*SMALL, "--set", f"title={'x' * 200_000}"), "title: expected str of length"),
    "an output": ((*SMALL, "--output", f"{'x' * 300}.h5"), "output: expected at most 200 bytes"),
    "a variant": (("run", "long.toml"), "a name in variant: expected at most 100 bytes"),
    "a group": (("run", "group.toml"), "a name in groups: expected at most 100 bytes"),
}
NO_NAMES = {
    "NUL": ((*SMALL, "--set", r'title="a\u0000b"'), r"title: expected one line of text", "'\\x00'"),
    "a line": ((*SMALL, "--output", "a\nb.h5"), "argument: expected one line", "'\\n'"),
    "a group": (("run", "control.toml"), "a name in groups: expected one line", "'\\x1b'"),
    "bytes": ((*SMALL, "--output", "\udcff.h5"), "argument: expected one line", "'\\udcff'"),
    "kind list": (
        (*SMALL, "--set", "objective.kind=[1]"),
        "objective.kind: expected a name",
        "[1]",
    ),
    "kind table": (
        (*SMALL, "--set", "communication.kind={a=1}"),
        "communication.kind: expected a name",
        "{'a': 1}",
    ),
    "a subcommand": (("reprot", "x.h5"), "unknown subcommand 'reprot'", "did you mean 'report'?"),
    "nobody's subcommand": (("frobnicate",), "unknown subcommand 'frobnicate'", "Known: check"),
    "ranks": ((*SMALL, "--dry-run", "--ranks", "-1"), "expected a number from 1 on", "'-1'"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    iid = 'share = 1\nsampler = "iid"\n'
    files = {
        "deep.toml": "a = " + "[" * 9999 + "]" * 9999,
        "long.toml": f"[groups.all]\n{iid}[variant.{'x' * 300}]\n",
        "group.toml": f"[groups.{'x' * 300}]\n{iid}",
        "control.toml": f'[groups."a\\u001b[2J"]\n{iid}',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("case", TOO_LARGE)
def test_too_much_is_refused_by_name(
    case: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.iterdir())
    arguments, message = TOO_LARGE[case]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("udsgd: error: ")
    assert message in said
    assert len(said) < 1000
    assert set(folder.iterdir()) == before


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("case", NO_NAMES)
def test_what_is_no_name(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, *message = NO_NAMES[case]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in message), said


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", [("status",), ("merge", "x.h5"), ("report",)])
def test_a_path_that_no_file_can_have(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    if command != ("merge", "x.h5"):  # which says which part it can't read
        with pytest.raises(OutputError, match="File name too long"):
            main([*command, "x" * 5000])
    else:
        assert main([*command, "x" * 5000]) == 2
        assert "File name too long" in capsys.readouterr().err


def test_a_file_may_be_called_like_a_subcommand_almost(folder: Path) -> None:
    (folder / "reprot").write_text('[groups.all]\nshare = 1\nsampler = "iid"\n')
    assert main(["reprot", "--agents", "2", "--dry-run"]) == 0


@pytest.mark.parametrize("text", ["5-1", "0-3,2-1"])
def test_ranges_ascend(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r'agents: expected ascending ranges such as "\d-\d'
    ):
        parse_agents(text, "agents", 10)
    assert parse_agents("1-3, 5", "agents", 10) == [1, 2, 3, 5]


@pytest.mark.parametrize(("points", "last"), list(itertools.product((1, 2, 5), (1, 2, 1000))))
def test_the_last_step_is_always_recorded(points: int, last: int) -> None:
    steps = Record(points=points).at(last)
    assert steps[-1] == last
    assert len(steps) <= Record(points=points).most(last)
    assert (np.diff(steps) > 0).all()


def test_no_time_left_is_given_without_a_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr("udsgd_mpi.support.progress.time.monotonic", lambda: next(clock))
    progress = Progress("a", 1000)
    progress(100)
    assert (said := capsys.readouterr().err) == "a: step 100 of 1,000\n"
    assert last_line(said) == ("a", 100, None)
    progress(300)
    assert (said := capsys.readouterr().err) == "a: step 300 of 1,000, 20 steps/s, 35 s left\n"
    assert last_line(said) == ("a", 300, 20.0)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (7300, "2 h 1 min")]
)
def test_durations_have_their_units(seconds: float, words: str) -> None:
    assert in_duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1.5m", 90), ("2h", 7200), ("1h30m", 5400), ("1d1h1m1s", 90_061)],
)
def test_a_time_has_its_units_from_the_largest_down(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5x", "30m1h", "0s", "-1s", "1.2.3s", "1 h", "infs"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        seconds_of(text)


def test_there_is_room_for_half_steps_that_others_read_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Besides the two copies of θ, staleness + 1 of them."""
    experiment = Experiment(
        groups={},
        steps=1,
        trials=1000,
        record=Record(steps=[1]),
        communication=DSGD(staleness=4),
    )
    iterates = 50 * 1000 * 20 * 8
    monkeypatch.setattr(sizes, "memory_of_this_machine", lambda: 7 * iterates + iterates // 5)
    require_room(experiment, agents=100, d=20, ranks=2)
    monkeypatch.setattr(sizes, "memory_of_this_machine", lambda: 7 * iterates)
    with pytest.raises(ConfigurationError, match="agents = 100 on 2 ranks"):
        require_room(experiment, agents=100, d=20, ranks=2)


@pytest.mark.parametrize(("polyak", "copies"), [(False, 2), (True, 3)])
def test_there_is_room_for_iterates_before_mixing_after_it_and_for_their_sum(
    polyak: bool, copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record(steps=[1], polyak=polyak)
    experiment = Experiment(groups={}, steps=1, trials=1000, record=record)
    iterates = 50 * 1000 * 20 * 8
    for there, fits in ((copies * iterates + iterates // 5, True), (copies * iterates, False)):
        monkeypatch.setattr(sizes, "memory_of_this_machine", lambda there=there: there)
        if fits:
            require_room(experiment, agents=100, d=20, ranks=2)
        else:
            with pytest.raises(ConfigurationError, match="agents = 100 on 2 ranks"):
                require_room(experiment, agents=100, d=20, ranks=2)
