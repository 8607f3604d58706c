"""Run udsgd, and list what its ranks have sent each other and whether rows were in it.

    mpirun -n 4 python listen.py run consortium.toml

Every rank takes itself for the only one on its host, so that nothing goes through shared memory.
All that it hands to MPI is read: buffers as they are, objects as they are pickled. In it are looked
for the cells of files in ``sites/`` (as text and as numbers) and the numbers that points are made
of, all but those with few digits, which are anywhere. The list goes to standard error; the exit
code is 1 where something was found.
"""

import csv
import pickle
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from udsgd_mpi.support.launcher import before_mpi

before_mpi()

from mpi4py import MPI  # noqa: E402 - after what has an effect before it alone

from udsgd_mpi.cli.main import main  # noqa: E402
from udsgd_mpi.parallel import watched  # noqa: E402
from udsgd_mpi.parallel.exchanges import sparse  # noqa: E402
from udsgd_mpi.problem.agent import Agent  # noqa: E402
from udsgd_mpi.support.ending import end_for  # noqa: E402

OBJECTS = ("allgather", "allreduce", "alltoall", "bcast", "gather", "scatter", "send")
BUFFERS = ("Allgatherv", "Allreduce", "Alltoallv", "Gatherv", "Iallreduce", "Isend")
PACKAGE = str(Path(watched.__file__).parents[1])
BETWEEN = ("parallel/watched", "parallel/collective", "parallel/team", "parallel/average")
MOST_SHOWN = 20
FEWEST_DIGITS = 6  # of a number that is nowhere by chance


class Ear:
    """What this rank has sent, by who asked for it, and which cells were in it."""

    def __init__(self) -> None:
        self.messages: Counter[tuple[str, str]] = Counter()
        self.bytes: Counter[tuple[str, str]] = Counter()
        self.found: set[str] = set()
        self._texts: set[bytes] = set()
        self._numbers = np.empty(0, np.uint64)

    def know_cells(self, folder: Path) -> None:
        """Look for the cells of all files of a folder from now on."""
        for path in sorted(folder.glob("*.csv")):
            with path.open(newline="") as file:
                for row in csv.reader(file):
                    rare = [cell for cell in row if _is_rare(cell)]
                    self._texts |= {cell.encode() for cell in rare}
                    self.know_numbers(np.array(rare, dtype=np.float64))

    def know_numbers(self, values: np.ndarray[Any, Any]) -> None:
        """Look for these numbers, too."""
        rare = [value for value in np.unique(values).tolist() if _is_rare(repr(value))]
        bits = np.array(rare, dtype=np.float64).view(np.uint64)
        self._numbers = np.union1d(self._numbers, bits)

    def hear(self, call: str, sent: bytes) -> None:
        """Note one message."""
        key = _who(), call
        self.messages[key] += 1
        self.bytes[key] += len(sent)
        for shift in range(8):  # numbers may begin anywhere
            whole = (len(sent) - shift) // 8
            if whole > 0:
                words = np.frombuffer(sent, np.uint64, whole, shift)
                for word in words[np.isin(words, self._numbers)]:
                    self.found.add(f"{word.view(np.float64)!r} by {key[0]}")
        self.found |= {f"{text.decode()} by {key[0]}" for text in self._texts if text in sent}


def _is_rare(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return sum(letter.isdigit() for letter in cell.lstrip("-0.")) >= FEWEST_DIGITS


def _who() -> str:
    """The function of the package that sends, rather than what sends for all."""
    frame = sys._getframe(1)  # noqa: SLF001 - there is no other way
    while frame.f_back:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        place = file.removeprefix(PACKAGE).strip("/").removesuffix(".py")
        if file.startswith(PACKAGE) and not place.startswith(BETWEEN) and "<" not in name:
            return f"{place}: {name}"
        frame = frame.f_back
    return "outside"


def listen(ear: Ear) -> None:
    """Hear all that ranks hand to MPI from now on, and learn what points are made of."""
    for name in OBJECTS:
        _hear(ear, name, pickle.dumps)
    for name in BUFFERS:
        _hear(ear, name, _content)
    _hear_persistent_sends(ear)

    def alone(comm: Any, *_: Any) -> watched.Watched:
        return watched.Watched(MPI.Intracomm.Split(comm, comm.rank))

    watched.Watched.Split_type = alone
    plain = Agent.of

    @wraps(plain)
    def agent(*args: Any, **kwargs: Any) -> Agent:
        made = plain(*args, **kwargs)
        ear.know_numbers(np.asarray(made.points.features))
        ear.know_numbers(np.asarray(made.points.labels))
        return made

    Agent.of = agent  # type: ignore[method-assign]


def _hear(ear: Ear, name: str, read: Callable[[Any], bytes]) -> None:
    plain = getattr(watched.Watched, name)

    @wraps(plain)
    def call(comm: Any, what: Any = None, *args: Any, **kwargs: Any) -> Any:
        ear.hear(name, read(what))
        return plain(comm, what, *args, **kwargs)

    setattr(watched.Watched, name, call)


def _hear_persistent_sends(ear: Ear) -> None:
    """Read the buffers of sends that are planned once as often as they are started."""
    going: dict[int, Any] = {}

    def send_init(comm: Any, what: Any, *args: Any) -> Any:
        request = MPI.Intracomm.Send_init(comm, what, *args)
        going[id(request)] = what
        return request

    def start_all(requests: list[MPI.Prequest]) -> None:
        for request in requests:
            if id(request) in going:
                ear.hear("Send_init", _content(going[id(request)]))
        MPI.Prequest.Startall(requests)

    starting = SimpleNamespace(Startall=start_all)
    sparse.MPI = SimpleNamespace(Request=MPI.Request, Prequest=starting)  # type: ignore[misc]
    watched.Watched.Send_init = send_init  # type: ignore[method-assign]


def _content(buffer: Any) -> bytes:
    return np.ascontiguousarray(buffer[0] if isinstance(buffer, list | tuple) else buffer).tobytes()


def tell(ear: Ear) -> bool:
    """List on rank 0 what all ranks have sent; whether nothing was found, on all."""
    parts = MPI.COMM_WORLD.allgather((ear.messages, ear.bytes, ear.found))
    found = set().union(*(part[2] for part in parts))
    if MPI.COMM_WORLD.rank == 0:
        messages, sizes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for part in parts:
            messages += part[0]
            sizes += part[1]
        print(f"{'messages':>9} {'bytes':>11}  call        for", file=sys.stderr)
        for (who, call), number in sorted(messages.items()):
            print(f"{number:9,} {sizes[who, call]:11,}  {call:11} {who}", file=sys.stderr)
        print(f"cells and numbers of points in them: {len(found)}", file=sys.stderr)
        print(*sorted(found)[:MOST_SHOWN], sep="\n", end="", file=sys.stderr, flush=True)
    return not found


if __name__ == "__main__":
    ear = Ear()
    ear.know_cells(Path("sites"))
    listen(ear)
    try:
        code = main(sys.argv[1:])
        silent = tell(ear)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the other ranks must not wait
        end_for(error)
    sys.exit(code or not silent)
