"""Where agents may read what others had some aggregations ago."""

from udsgd_mpi.communication import DSGD
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.methods import SGD
from udsgd_mpi.objectives import Objective
from udsgd_mpi.support.errors import ConfigurationError


def check_staleness(experiment: Experiment, objective: Objective) -> None:
    """Refuse stale reads beside settings for which they are not defined, or not known.

    Raises
    ------
    ConfigurationError
        Says why, and what is left.
    """
    communication, method = experiment.communication, experiment.method
    if not isinstance(communication, DSGD) or communication.staleness is None:
        return
    refused = {
        "activation": (
            experiment.activation is not None,
            "agents that are always there, as one that is away makes no half-step",
        ),
        "communication.compression": (
            communication.compression is not None,
            "whole messages, as what is public of an agent is what it told last",
        ),
        'communication.precision = "single"': (
            communication.precision == "single",
            'messages in double precision, or dtype = "float32" for all numbers',
        ),
        f"method = {method.__struct_config__.tag!r}": (
            not isinstance(method, SGD),
            'method = "sgd", as others are not defined for θ that others had',
        ),
        'batch_norm_statistics = "averaged"': (
            objective.mixes_statistics and len(objective.initial_statistics()) > 0,
            "an objective of which θ alone is sent",
        ),
        "timing": (
            experiment.timing is not None,
            "no virtual clock, on which agents wait for what is new",
        ),
    }
    for setting, (found, expected) in refused.items():
        if found:
            raise ConfigurationError(
                f"communication.staleness: expected beside it {expected}; got {setting}; leave one"
                " of them out"
            )
