"""Gathering what a run cost each rank."""

import resource
import sys
from collections.abc import Sequence

from mpi4py import MPI
from msgspec.structs import replace

from udsgd_mpi.communication import Layout
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.meter import Activity, Meter
from udsgd_mpi.support.telemetry import Telemetry


def gather_telemetry(
    comm: MPI.Intracomm, layout: Layout, meter: Meter, part: int
) -> list[Telemetry]:
    """One row for each rank on rank 0, nothing elsewhere; collective."""
    hosted = layout.hosted(comm.rank)
    mine = Telemetry(
        part=part,
        rank=comm.rank,
        host=MPI.Get_processor_name(),
        first_agent=hosted.start,
        agents=len(hosted),
        **{each.name.lower(): meter.seconds[each] for each in Activity},
        messages=meter.messages,
        bytes_sent=meter.bytes_sent,
        peak_memory=peak_resident_memory(),
    )
    with waiting("rank 0"):
        return comm.gather(mine) or []


def after_writing(rows: Sequence[Telemetry]) -> list[Telemetry]:
    """The same rows once this rank, the first of each part, has written its results."""
    last = max((row.part for row in rows), default=0)
    return [
        replace(row, peak_memory=max(row.peak_memory, peak_resident_memory()))
        if (row.part, row.rank) == (last, 0)
        else row
        for row in rows
    ]


def peak_resident_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    kibibytes_or_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes_or_bytes * (1 if sys.platform == "darwin" else 1024)
