"""Agents hold pixels of 8 bits where their objective reads images, else numbers."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from msgspec import structs

from tests.image_files import by_class, random_images, write_folder, write_zip
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.data.datasets import load, load_test_part
from udsgd_mpi.data.partition import ByLabel, Dirichlet, Even, Partition, Shared
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.schema import Data
from udsgd_mpi.objectives.softmax import Softmax
from udsgd_mpi.preflight.memory import peak_memory
from udsgd_mpi.problem import LoneTeam, Problem, held_out_points, pose
from udsgd_mpi.problem.local_data import hold
from udsgd_mpi.samplers.iid import IID
from udsgd_mpi.storage.result import run_of
from udsgd_mpi.support.errors import ConfigurationError

AGENTS = 5


class OfImages(Softmax, frozen=True, tag="of_images"):
    """An objective that is given pixels."""

    reads_images: ClassVar[bool] = True


def problem(**data: Any) -> Problem:
    experiment = check(
        {
            "agents": AGENTS,
            "data": {"source": "digit_images", **data},
            "objective": "softmax",
            "groups": {"all": {"share": 1, "sampler": "srw", "graph": "ring", "batch": 25}},
        }
    )
    return pose(experiment, LoneTeam(AGENTS))


@pytest.mark.parametrize("partition", [Even(), ByLabel(), Dirichlet(minimum=20), Shared()])
def test_pixels_of_all_kinds_of_shares(partition: Partition) -> None:
    all_of_them = load("digit_images")
    held = hold(Data("digit_images"), partition, 3, LoneTeam(AGENTS), as_images=True)
    shares = partition.share(all_of_them.labels, AGENTS, 3)
    for rows, share in zip(held.rows, shares.rows, strict=True):
        assert rows.features.dtype == np.uint8
        np.testing.assert_array_equal(rows.features, all_of_them.features[share])
        np.testing.assert_array_equal(rows.labels, all_of_them.labels[share])
    floats = hold(Data("digit_images"), partition, 3, LoneTeam(AGENTS))
    assert floats.digests == held.digests
    np.testing.assert_array_equal(
        floats.rows[1].features, all_of_them.features[shares.rows[1]] / 255
    )


def test_pixels_are_normalised_by_the_channel_in_the_batch() -> None:
    image = hold(
        Data("digit_images", standardize=True), Even(), 1, LoneTeam(AGENTS), as_images=True
    ).image
    assert image is not None
    pixels = load("digit_images").features
    batch = image.normalized(pixels)
    assert batch.shape == (1500, 1, 8, 8)
    assert batch.dtype == np.float32
    expected = (pixels - pixels.mean()) / pixels.std()
    np.testing.assert_allclose(batch.reshape(1500, -1), expected, rtol=1e-5, atol=1e-6)
    plain = hold(Data("digit_images"), Even(), 1, LoneTeam(AGENTS), as_images=True).image
    assert plain is not None
    np.testing.assert_allclose(plain.normalized(pixels[:2]).ravel(), pixels[:2].ravel() / 255)


def test_batches_of_images_are_nodes_of_data_graphs() -> None:
    posed = problem()
    agent = posed.agents[2]
    assert agent.batches == 1500 // AGENTS // 25 == len(agent.graph)
    assert agent.points.image is None
    assert agent.points.features.dtype == np.float64
    assert posed.reading.image is not None
    assert posed.reading.classes.tolist() == list(range(10))


def test_an_objective_of_images_is_given_pixels_and_what_they_mean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        sys.modules["udsgd_mpi.problem.pose"], "find_optimum", lambda *_: (64, None)
    )
    monkeypatch.setattr(sys.modules["udsgd_mpi.problem.digests"], "plugins", lambda _: {})
    monkeypatch.setattr(sys.modules["udsgd_mpi.problem.digests"], "files_beside_data", lambda _: {})
    experiment = structs.replace(problem().experiment, objective=OfImages())
    posed = pose(experiment, LoneTeam(AGENTS))
    points = posed.points
    assert points.features.dtype == np.uint8
    assert points.features.shape == (1500, 64)
    assert points.image == posed.reading.image == posed.agents[0].expectation.image
    assert points.image is not None
    assert points.image.classes == tuple("0123456789")
    assert posed.agents[0].with_sampler(IID(), "none", None).points.image == points.image
    test = held_out_points(posed)
    assert test is not None
    assert test.image == points.image
    assert test.features.dtype == np.uint8


def test_the_names_of_classes_and_what_pixels_are_normalised_by_are_recorded() -> None:
    posed = problem(standardize=True)
    experiment = posed.experiment
    recording = Recording.empty(experiment, AGENTS, posed.d, tested=True)
    found = run_of(posed, recording, measured=True, complete=True)
    assert found["class"].tolist() == list("0123456789")
    assert "channel" not in found.variables
    of_images = replace(posed, experiment=structs.replace(experiment, objective=OfImages()))
    found = run_of(of_images, recording, measured=True, complete=True)
    pixels = load("digit_images").features
    np.testing.assert_allclose(found["channel_mean"], [pixels.mean()])
    np.testing.assert_allclose(found["channel_deviation"], [pixels.std()])


def test_what_rank_0_reads_and_sends_counts_as_bytes_of_pixels() -> None:
    posed = problem()
    as_numbers = replace(posed, reading=posed.reading._replace(image=None))
    layout = Layout.even(AGENTS, 2)
    few, many = (peak_memory(p, layout, 0, one_host=True) for p in (posed, as_numbers))
    pixels = load("digit_images").features.size
    assert 7 * pixels <= many - few <= 3 * 7 * pixels
    few, many = (peak_memory(p, layout, 1, one_host=True) for p in (posed, as_numbers))
    assert few == many


def test_test_points_are_read_as_those_of_training() -> None:
    posed = problem(standardize=True)
    test = held_out_points(posed)
    training, raw = load("digit_images"), load_test_part("digit_images")
    assert test is not None
    assert raw is not None
    scale = training.features.std(axis=0) + (training.features.std(axis=0) == 0)
    expected = (raw.features - training.features.mean(axis=0)) / scale
    np.testing.assert_allclose(test.features, expected, atol=1e-9)
    np.testing.assert_array_equal(test.labels, raw.labels)
    np.testing.assert_allclose(test.weights.sum(), 1)
    scores = test.features @ posed.minimizer.reshape(10, -1).T
    assert (scores.argmax(axis=1) == test.labels).mean() > 0.8


def test_data_without_a_test_part_have_no_test_points(tmp_path: Path) -> None:
    assert held_out_points(problem(source="digits")) is None
    x, y = random_images(260, 4, 4)
    source = write_folder(tmp_path / "pets", by_class(x, y))
    assert held_out_points(problem(source=str(source))) is None


def test_a_test_part_with_classes_that_nobody_trains_on_is_refused() -> None:
    posed = problem()
    fewer = posed.reading._replace(classes=np.arange(9.0))
    object.__setattr__(posed, "reading", fewer)
    with pytest.raises(ConfigurationError, match="test part of data digit_images: expected the cl"):
        held_out_points(posed)


def test_folders_and_archives_are_found_beside_the_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udsgd_mpi.experiment.read import read_experiment, variants

    x, y = random_images(6, 4, 4)
    write_folder(tmp_path / "there/pets", by_class(x, y))
    write_zip(tmp_path / "there/pets.zip", by_class(x, y))
    file = tmp_path / "there/a.toml"
    monkeypatch.chdir(tmp_path)
    for name in ("pets", "pets.zip"):
        file.write_text(f'data.source = "{name}"\ngroups.all = {{ share = 1, sampler = "iid" }}\n')
        (found,) = variants(read_experiment(file), {}, file.parent).values()
        assert found.data.source == f"there/{name}"
        assert len(load(found.data.source).labels) == 6


def own(tmp_path: Path, *of_agents: dict[str, bytes]) -> Data:
    for i, files in enumerate(of_agents):
        write_folder(tmp_path / f"hospital-{i}", files)
    return Data(path=str(tmp_path / "hospital-{agent}"), standardize=True)


def test_own_images_have_the_classes_and_moments_of_all_agents(tmp_path: Path) -> None:
    x, y = random_images(12, 4, 4)
    first, second = by_class(x[:6], y[:6]), by_class(x[6:], y[6:])
    second = {name.replace("cat", "wolf"): content for name, content in second.items()}
    held = hold(own(tmp_path, first, second), Even(), 1, LoneTeam(2), as_images=True)
    assert held.image is not None
    assert held.image.classes == ("cat", "dog", "frog", "wolf")
    np.testing.assert_allclose(held.image.mean, [x.mean()])
    np.testing.assert_allclose(held.image.deviation, [x.std()])
    for rows, pixels, labels in zip(
        held.rows, (x[:6], x[6:]), (y[:6], np.where(y[6:] == 0, 3, y[6:])), strict=True
    ):
        order = np.argsort(labels, kind="stable")
        np.testing.assert_array_equal(rows.features, pixels[order].reshape(6, -1))
        np.testing.assert_array_equal(rows.labels, labels[order])


def test_own_images_of_another_size_name_the_agent(tmp_path: Path) -> None:
    files = [by_class(*random_images(6, size, size)) for size in (4, 5)]
    with pytest.raises(ConfigurationError, match=r"agent 1: data .*hospital-1: expected images of"):
        hold(own(tmp_path, *files), Even(), 1, LoneTeam(2))
    files[1] = {"cat/1.png": b""}
    (tmp_path / "more").mkdir()
    with pytest.raises(ConfigurationError, match=r"agent 1: data .*got cat; sort the images"):
        hold(own(tmp_path / "more", *files), Even(), 1, LoneTeam(2))
