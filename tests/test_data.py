"""Data sets by name come from a folder, a mirror or a cache, or are asked for clearly."""

import bz2
import gzip
import hashlib
import io
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from udsgd_mpi.data.archive import DATA_SETS, GRAPHS, Remote, fetch
from udsgd_mpi.data.datasets import BUNDLED, load
from udsgd_mpi.data.tables.sets import TABLES
from udsgd_mpi.support.errors import ConfigurationError

_OF_TABLES = [remote for table in TABLES.values() for remote in table.files]
TEXT = b"+1 1:0.5 3:2\n-1 2:1.5\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_sets_have_two_classes(name: str) -> None:
    features, labels, _ = load(name)
    assert len(features) == len(labels) > 500
    assert len(np.unique(labels)) == 2


def test_a_name_is_looked_for_in_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w8a").write_bytes(TEXT)
    monkeypatch.setenv("UDSGD_DATA", str(tmp_path))
    features, labels, _ = load("w8a")
    np.testing.assert_array_equal(features, [[0.5, 0, 2], [0, 1.5, 0]])
    np.testing.assert_array_equal(labels, [1, -1])


def test_a_mirror_is_asked_once(
    cache: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = mirror
    (folder / "w8a").write_bytes(TEXT)
    monkeypatch.setenv("UDSGD_DATA", address)
    assert load("w8a").labels.tolist() == [1, -1]
    (folder / "w8a").unlink()
    assert fetch(DATA_SETS["w8a"]).is_relative_to(cache)
    assert load("w8a").labels.tolist() == [1, -1]


def test_wrong_content_is_refused_and_not_kept(
    cache: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = mirror
    monkeypatch.setenv("UDSGD_DATA", address)
    (folder / "cifar-10-python.tar.gz").write_bytes(gzip.compress(TEXT))
    with pytest.raises(
        ConfigurationError, match=r"content with SHA-256 6d958be.*, got [0-9a-f]{64}"
    ):
        load("cifar10")
    for content in (bz2.compress(TEXT), TEXT):
        (folder / "ijcnn1.bz2").write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"ijcnn1\.bz2: expected content with SHA-256"):
            load("ijcnn1")
    assert not list(cache.rglob("ijcnn1.bz2"))


def test_files_of_an_archive_are_unpacked_once_and_checked(
    cache: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = mirror
    archive, member = folder / "all.zip", "inner/a.csv"
    digest = hashlib.sha256(TEXT).hexdigest()
    remote = Remote("a.csv", f"{address}/", digest, group="set", archive="all.zip", member=member)
    monkeypatch.delenv("UDSGD_DATA", raising=False)
    for content in (b"no archive", zipped({member: b"1 1:1"}), zipped({"other.csv": TEXT})):
        archive.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"^a\.csv: expected "):
            fetch(remote)
        assert not list(cache.rglob("*.zip"))
    archive.write_bytes(zipped({member: TEXT, "other.csv": b""}))
    assert fetch(remote).read_bytes() == TEXT
    archive.unlink()
    assert fetch(remote).is_relative_to(cache)
    assert not list(cache.rglob("other.csv"))
    (folder / "set").mkdir()
    (folder / "set/a.csv").write_bytes(TEXT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "of mirror"))
    monkeypatch.setenv("UDSGD_DATA", address)
    assert fetch(remote).read_bytes() == TEXT


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.usefixtures("cache")
def test_without_a_network_the_message_says_what_to_put_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UDSGD_DATA", "http://127.0.0.1:9")
    with pytest.raises(ConfigurationError) as error:
        load("ijcnn1")
    for part in ("ijcnn1.bz2: expected it in", "http://127.0.0.1:9", "UDSGD_DATA"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    "remote", [*DATA_SETS.values(), *GRAPHS.values(), *_OF_TABLES], ids=lambda r: r.name
)
def test_every_name_has_an_address(remote: Remote) -> None:
    assert remote.folder.startswith("https://")
    assert remote.folder.endswith("/")
    assert remote.sha256 is None or len(remote.sha256) == 64
