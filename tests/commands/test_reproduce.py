"""The shipped experiments run, and their report is one page that needs nothing else."""

import re
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import udsgd_mpi
from tests.launch import udsgd
from tests.reading_aloud import check_stands_alone
from udsgd_mpi import open_results
from udsgd_mpi.analysis.claims import AnyClaim, Claim
from udsgd_mpi.cli.arguments import parse
from udsgd_mpi.cli.main import main
from udsgd_mpi.cli.settings import requested
from udsgd_mpi.communication.activation import Traced
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.experiment.shipped import Shipped, names
from udsgd_mpi.support.errors import ConfigurationError

pytestmark = pytest.mark.launcher
ROOT = Path(__file__).parents[2]
SMALL = ("--set", "trials=8", "--set", "steps=60")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reproduced")
    done = udsgd(
        *("reproduce", "fig2c", "--quick", *SMALL, "--markdown", "claims.md"), ranks=2, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)
    return folder


def test_the_issue_s_experiments_are_there() -> None:
    figures = {*(f"fig2{letter}" for letter in "abcdef"), "fig3a", "fig3b", "fig3c"}
    others = "speedup network_independence upgrade sampling_tradeoffs markov_vs_iid stragglers"
    of_time = "intervals", "latency"
    deployments = "ablation", "deploy_hospitals", "deploy_patients", "deploy_stations"
    of_waiting = "asynchrony", "away"
    more = {"compression", "federated", "methods", "subgraphs", *of_time, *of_waiting, *deployments}
    assert {*figures, *others.split(), *more} == set(names())
    assert (ROOT / "launch/experiments/fig2a.toml").is_file()


def test_networks_are_told_apart() -> None:
    """They are not among ``all``, as they need PyTorch, and days."""
    networks = [name for name in names() if Shipped(name).of_networks]
    assert networks == ["fig3a", "fig3b", "fig3c"]


def test_a_file_beside_an_experiment_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    away = Shipped("away").variants({})["away-none"]
    assert isinstance(away.activation, Traced)
    assert Path(away.activation.path).samefile(ROOT / "launch/experiments/away.csv")


@pytest.mark.parametrize("name", names())
def test_experiments_are_whole(name: str) -> None:
    """Settings are right at both sizes, claims name variants, and the comment says what it must."""
    shipped = Shipped(name)
    full = shipped.variants({})
    for size in ("middle", "quick") if shipped.of_networks else ("quick",):
        smaller = shipped.variants({}, size=size)
        assert list(full) == list(smaller)
        assert all(each.steps < full[variant].steps for variant, each in smaller.items())
    for raw in shipped.claims:
        claim: Claim = one_of(AnyClaim, raw, "claim")
        assert set(claim.variants or []) <= set(full)
    assert all(word in shipped.about for word in ("Claim: ", "One sees: "))
    assert re.search("[Pp]aper", shipped.about)


def test_literal_weights_are_asked_for_by_a_flag() -> None:
    chosen = Shipped("fig2a").variants({"weight": "literal"})
    assert {each.weight for each in chosen.values()} == {"literal"}


@pytest.mark.parametrize("command", ["run", "predict", "plan", "tune", "submit"])
def test_other_commands_take_their_names(command: str) -> None:
    flags = ("--steps", "70")
    assert requested(parse([command, "fig2c", *flags])) == Shipped("fig2c").variants({"steps": 70})


def test_a_file_comes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fig2c").write_text("groups.all = { share = 1.0, sampler = 'iid' }")
    assert list(requested(parse(["run", "fig2c"]))) == ["main"]


@pytest.mark.parametrize("command", ["run", "predict", "plan", "tune"])
def test_what_is_neither_a_file_nor_a_name_is_refused(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, "fig3z"]) == 2
    said = capsys.readouterr().err
    assert "unknown experiment 'fig3z': did you mean 'fig3" in said
    assert "or the path of a TOML file" in said
    assert main([command, "fig3a.toml"]) == 2
    assert "experiment file fig3a.toml: cannot be read" in capsys.readouterr().err


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "fig2g"]) == 2
    assert "unknown experiment 'fig2g': did you mean 'fig2" in capsys.readouterr().err
    with pytest.raises(ConfigurationError):
        Shipped("fig2g")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("trials=1", r"expected at least two trials of [a-z0-9-]*, got 1; use more"),
        ("record.predict=false", r"expected a prediction of [a-z0-9-]*, got none; run it with"),
    ],
)
def test_what_could_not_decide_a_claim_is_refused_before_it_runs(
    setting: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    flags = ("--quick", "--set", setting, "--output-dir", str(tmp_path))
    assert main(["reproduce", "fig2c", *flags]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not [*tmp_path.iterdir()]


def test_sizes_that_an_experiment_lacks_are_refused_before_any_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert (
        main(["reproduce", "fig3a", "fig2c", "--middle", "--output-dir", str(tmp_path / "x")]) == 2
    )
    assert (
        "fig2c: expected one of the experiment's sizes, full, quick, got middle"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "x").exists()
    assert main(["reproduce", "fig3a", "--middle", "--quick"]) == 2
    with pytest.raises(ConfigurationError, match="size: expected the name of an experiment"):
        udsgd_mpi.load({"agents": 2}, size="middle")
    rounds = udsgd_mpi.load("fig3a", size="middle")["srrw"]
    assert (rounds.steps, rounds.trials, rounds.objective) == (
        10_000,
        5,
        udsgd_mpi.load("fig3a")["srrw"].objective,
    )


def test_verdicts_follow_from_the_file(results: Path) -> None:
    said = (results / "said.txt").read_text()
    outcomes = "holds|does not hold|not decided at this size"
    assert re.search(f"^({outcomes}): Ten SRRW", said, re.MULTILINE)
    with h5py.File(results / "results/fig2c-quick.h5") as file:
        few, many = (file[f"runs/{name}/squared_error"][-1] for name in ("srrw-10", "nbrw-50"))
    ratio = few.mean() / many.mean()
    assert f"srrw-10 / nbrw-50 = {ratio:.3f} [" in said
    spread = np.std(few / few.mean() - many / many.mean(), ddof=1) / np.sqrt(8)
    reach = 2.3646 * spread  # Student's t with 7 degrees of freedom, 97.5 %
    interval = f"[{ratio * np.exp(-reach):.3f}, {ratio * np.exp(reach):.3f}]"
    assert interval in said
    text = (results / "claims.md").read_text()
    assert interval in text
    assert "`udsgd reproduce fig2c --quick --set trials=8 --set steps=60`" in text


def test_existing_results_are_not_computed_again(results: Path) -> None:
    file = results / "results/fig2c-quick.h5"
    before = file.stat().st_mtime_ns
    again = udsgd("reproduce", "fig2c", "--quick", *SMALL, cwd=results)
    assert again.returncode == 0, again.stderr
    assert file.stat().st_mtime_ns == before
    other = udsgd("reproduce", "fig2c", "--quick", "--set", "trials=9", cwd=results)
    assert other.returncode == 2
    assert "expected the settings of" in other.stderr


def test_the_page_stands_alone_and_can_be_read_aloud(results: Path) -> None:
    page = check_stands_alone((results / "results/report.html").read_text())
    assert len(page.described) == 6


def test_a_browser_shows_every_figure(results: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium to look at the page with")
    count = (
        "<script>onload = () => { document.title = 'seen ' + [...document.images].filter("
        "i => i.complete && i.naturalWidth > 300).length + ' of ' + document.images.length"
        " + ', overflow ' + (document.body.scrollWidth > innerWidth); }</script>"
    )
    page = tmp_path / "report.html"
    page.write_text((results / "results/report.html").read_text() + count)
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"),
            *("--window-size=1000,800", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    title = re.search("<title>(.*)</title>", done.stdout)
    assert title
    assert title[1] == "seen 6 of 6, overflow false"


def test_the_experiments_are_part_of_the_package() -> None:
    folder = Path(udsgd_mpi.__file__).parent / "experiments"
    assert {path.stem for path in folder.glob("*.toml")} == set(names())


# What is wrong with variants on purpose: the hospital, and the slow ways to exchange, that claims
# of their experiments are about.
WRONG: dict[tuple[str, str], list[tuple[str, list[int]]]] = {
    **{("deploy_hospitals", name): [("speed-up", [1])] for name in ("srw", "nbrw", "others")},
    **{
        ("latency", f"{exchange}-{upgrade}"): [("exchanges", [])]
        for exchange in ("uniform-average", "regions-average", "slow-average", "slow-clusters")
        for upgrade in ("few", "nbrw")
    },
}


def signs_in(file: Path, name: str) -> dict[tuple[str, str], list[tuple[str, list[int]]]]:
    found = udsgd_mpi.signs_of_trouble(file)
    every = {(name, each): [(s.sign, s.agents) for s in those] for each, those in found.items()}
    return {key: those for key, those in every.items() if those}


def test_signs_of_trouble_are_no_false_alarms(results: Path) -> None:
    assert signs_in(results / "results/fig2c-quick.h5", "fig2c") == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_quick_size_runs_without_false_alarms(name: str, tmp_path: Path) -> None:
    done = udsgd("reproduce", name, "--quick", ranks=2, cwd=tmp_path, timeout=230)
    assert done.returncode == 0, done.stderr
    assert "results/report.html" in done.stdout
    wrong = {key: those for key, those in WRONG.items() if key[0] == name}
    assert signs_in(tmp_path / f"results/{name}-quick.h5", name) == wrong


ALIKE = """
agents = 4
steps = 200
trials = 3
data = { source = "breast_cancer", standardize = true }
[groups.walkers]
share = 1
sampler = "srw"
graph = "small_world"
[variant.first]
title = "one"
[variant.alike]
title = "other"
timing = { compute = { kind = "constant", mean = 1.0 } }
[variant.other-pattern]
communication = "centralized"
[variant.other-seed]
seed = 2
[variant.other-sampler]
groups.walkers.sampler = "nbrw"
"""


@pytest.mark.launcher
def test_variants_with_the_same_numbers_are_run_once(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(ALIKE)
    done = udsgd("x.toml", "--quiet", ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    taken = [line for line in done.stderr.splitlines() if "reused" in line]
    said = "[variant.alike] has the same numbers as first of udsgd.h5: reused"
    assert taken == [f"udsgd: {said}"]
    runs = open_results(tmp_path / "udsgd.h5")

    def same(one: xarray.Dataset, other: xarray.Dataset) -> bool:
        measures = ["theta_mean", "squared_error", "consensus_error", "predicted_mse"]
        return all(np.array_equal(one[x], other[x]) for x in measures)

    first = runs.sel(variant="first")
    for name in ["alike", "other-pattern", "other-seed", "other-sampler"]:
        assert same(first, runs.sel(variant=name)) == (name == "alike")
    assert not runs.simulated_time.sel(variant="alike").isnull().any()
    alike = ("--only", "alike", "--output", "alone.h5", "--quiet")
    alone = udsgd("x.toml", *alike, ranks=2, cwd=tmp_path)
    assert "reused" not in alone.stderr
    assert same(first, open_results(tmp_path / "alone.h5").sel(variant="alike"))
