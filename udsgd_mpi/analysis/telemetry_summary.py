"""Where the time of a run went, in two lines."""

from collections.abc import Sequence

from udsgd_mpi.support.telemetry import Telemetry
from udsgd_mpi.support.units import in_bytes


def summary(rows: Sequence[Telemetry]) -> str:
    """Seconds, the rank with the most work and its agents, the share of exchanges, and memory."""
    total = sum(row.seconds for row in rows) or 1.0
    slowest = max(rows, key=lambda row: row.computing)
    last = slowest.first_agent + slowest.agents - 1
    agents = f"agents {slowest.first_agent}-{last}" if slowest.agents > 1 else f"agent {last}"
    parts = max(row.part for row in rows) + 1
    longest = sum(max(row.seconds for row in rows if row.part == k) for k in range(parts))
    in_parts = f" in {parts} parts" if parts > 1 else ""
    waiting, mixing, recording = (
        sum(getattr(row, name) for row in rows) / total
        for name in ("waiting", "mixing", "recording")
    )
    return (
        f"{longest:.3g} s{in_parts}; most work on rank {slowest.rank} ({agents}):"
        f" {slowest.sampling:.3g} s sampling, {slowest.gradient:.3g} s gradients,"
        f" {slowest.mixing:.3g} s mixing\n"
        f"  communication {waiting + mixing:.0%} of all ranks' time ({waiting:.0%} waiting),"
        f" recording {recording:.0%}; {sum(row.messages for row in rows):,} messages,"
        f" {in_bytes(sum(row.bytes_sent for row in rows))}; at most"
        f" {in_bytes(max(row.peak_memory for row in rows))} of memory a rank"
    )
