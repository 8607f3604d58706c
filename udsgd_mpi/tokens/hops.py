"""How often models go from one agent to another."""

from typing import NoReturn

from udsgd_mpi.communication import Form


class Hops(Form):
    """What stands where other patterns have a W: each trial's models go ways of their own.

    Parameters
    ----------
    rate
        Mean number of models that change their agent at a step of a trial.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def at(self, number: int) -> NoReturn:
        message = "models that walk are mixed by no W: expected to be asked for no matrix"
        raise TypeError(message)

    def second_moment(self, agents: int) -> None:
        return None

    def sent(self, agents: int, begin: int, end: int) -> int:
        """How many messages, in the mean over trials and in the long run."""
        return round(self.rate * end) - round(self.rate * begin)
