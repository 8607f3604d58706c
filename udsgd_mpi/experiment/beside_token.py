"""What goes with models that walk from agent to agent, and what does not."""

from typing import TYPE_CHECKING

from udsgd_mpi.methods import SGD
from udsgd_mpi.objectives import Network

if TYPE_CHECKING:
    from udsgd_mpi.experiment.schema import Experiment


def check_beside_token(experiment: "Experiment") -> None:
    """Refuse what is not defined, or not done, beside ``communication = "token"``.

    Raises
    ------
    ValueError
        Says what, and why.
    """
    method, record = experiment.method, experiment.record
    plain = isinstance(method, SGD) and method.weight_decay == 0
    found = {
        'method = "sgd" without weight_decay, got another one': not plain,
        "no activation, as a model would wait for an agent that is away": experiment.activation,
        "no table [timing], as models of each trial take ways and times of their own": (
            experiment.timing is not None
        ),
        "no record.polyak, as an average would have to go with each model": record.polyak,
        'no record.detail = "iterates", as no agent has a model of its own': (
            record.detail == "iterates"
        ),
        "no network, whose gradients are computed for all models of an agent together": isinstance(
            experiment.objective, Network
        ),
    }
    for what, is_there in found.items():
        if is_there:
            raise ValueError(
                f'expected beside communication = "token" {what}; leave one of them out'
            )
