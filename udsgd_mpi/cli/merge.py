"""``udsgd merge``."""

from argparse import Namespace

from udsgd_mpi.cluster.slurm import has_ended
from udsgd_mpi.storage.digests import digests_in
from udsgd_mpi.storage.inputs import not_compared
from udsgd_mpi.storage.lock import locked
from udsgd_mpi.storage.merge import Part, merge_parts
from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.storage.write import write_results
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.progress import say


def command(arguments: Namespace) -> None:
    """Join result files of trials or variants that were run separately."""
    output = Destination(f"output {arguments.output}", arguments.output)
    inputs = {f"the part {path}": path for path in arguments.parts}
    check_destinations([output], inputs, force=arguments.force)
    parts = [Part(str(path), *read_runs(path)) for path in arguments.parts]
    if warning := not_compared(
        f"{part.name} [variant.{name}]"
        for part in parts
        for name, run in part.runs.items()
        if digests_in(run) is None
    ):
        say(warning)
    with locked(arguments.output, has_ended):
        write_results(arguments.output, *merge_parts(parts, str(arguments.output)))
