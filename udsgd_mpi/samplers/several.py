"""The paths of agents with different samplers."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.samplers.base import Indices, SamplePaths, Sampler, Streams


class PathsOfSeveral(SamplePaths):
    """Paths of agents, those of one sampler drawn together.

    Parameters
    ----------
    samplers, points, graphs
        Of each agent.
    """

    def __init__(
        self,
        samplers: Sequence[Sampler],
        points: Sequence[int],
        graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        alike: dict[Sampler, list[int]] = {}
        for k, sampler in enumerate(samplers):
            alike.setdefault(sampler, []).append(k)
        self._members = list(alike.values())
        self._place = {
            k: (part, place)
            for part, members in enumerate(self._members)
            for place, k in enumerate(members)
        }
        self._parts = [
            sampler.start_all(
                [points[k] for k in members],
                [graphs[k] for k in members],
                streams._replace(agents=streams.agents[members]),
            )
            for sampler, members in alike.items()
        ]

    def draw(self, out: Indices) -> None:
        for members, paths in zip(self._members, self._parts, strict=True):
            first, last = members[0], members[-1]
            if last - first < len(members):
                paths.draw(out[:, first : last + 1])
            else:
                own = out[:, members]  # a copy
                paths.draw(own)
                out[:, members] = own
        self.n += len(out)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        part, place = self._place[k]
        return self._parts[part].memory(place)

    def recall(self, n: int, memories: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        for members, paths in zip(self._members, self._parts, strict=True):
            paths.recall(n, [memories[k] for k in members])
        self.n = n
