"""What may be sent in compressed messages."""

from udsgd_mpi.communication import Schedule, Weights
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.objectives import Objective
from udsgd_mpi.support.errors import ConfigurationError


def check_compression(experiment: Experiment, schedule: Schedule, objective: Objective) -> None:
    """Refuse compression where W, the method or the objective asks for whole messages.

    Raises
    ------
    ConfigurationError
        Says why, and what is left.
    """
    if experiment.communication.compression is None:
        return
    pattern, method = (
        each.__struct_config__.tag for each in (experiment.communication, experiment.method)
    )
    beside = " beside activation" if experiment.activation else ""
    if len(schedule.forms) > 1 or not isinstance(schedule.forms[0], Weights):
        raise ConfigurationError(
            "communication.compression: expected the same weights along a topology at each"
            f" aggregation, as of dsgd and dfl, got {pattern}{beside}: who mixes what is public of"
            " an agent must have heard all that it told; use dsgd or dfl, or leave compression out"
        )
    if experiment.method.needs_whole_messages:
        raise ConfigurationError(
            "communication.compression: expected a method that sends nothing but θ and takes what"
            f" W makes of it, such as sgd, got {method}, which is defined for whole messages; use"
            " another method, or leave compression out"
        )
    if objective.mixes_statistics and len(objective.initial_statistics()):
        raise ConfigurationError(
            "communication.compression: expected an objective of which θ alone is sent, got"
            ' batch_norm_statistics = "averaged", which are sent, too; keep them local, or leave'
            " compression out"
        )
