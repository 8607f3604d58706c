"""What a run cost each rank."""

from msgspec import Struct


class Telemetry(Struct, frozen=True):
    """What one rank did in one part of a run, from its first step to its last.

    Attributes
    ----------
    part
        A run that is resumed has parts 0, 1, …
    first_agent, agents
        Which agents the rank hosts, and how many.
    sampling, gradient, mixing
        Seconds of computing; those of mixing without the wait.
    waiting
        Seconds inside exchanges of half-steps, for others and for the transfer.
    recording
        Seconds of gathering measures, with the wait for others, and of writing files.
    messages, bytes_sent
        Half-steps given to other ranks, in messages or in memory that they share; a collective
        counts as one message to each other rank.
    peak_memory
        Largest resident memory of the process up to the end of the part, in bytes.
    """

    part: int
    rank: int
    host: str
    first_agent: int
    agents: int
    sampling: float
    gradient: float
    mixing: float
    waiting: float
    recording: float
    messages: int
    bytes_sent: int
    peak_memory: int

    @property
    def computing(self) -> float:
        """Seconds that are the rank's own work."""
        return self.sampling + self.gradient + self.mixing

    @property
    def seconds(self) -> float:
        """All seconds together."""
        return self.computing + self.waiting + self.recording
