"""``udsgd doctor``."""

import sys
from argparse import Namespace

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import before_mpi, launched_rank


def command(arguments: Namespace) -> None:
    """Look at this machine, alone or under a launcher, and say how to fix what is wrong."""
    before_mpi()
    from udsgd_mpi.parallel.doctor import findings, leftovers
    from udsgd_mpi.parallel.watched import world

    if arguments.clean and launched_rank() == 0:
        for path in leftovers():
            path.unlink(missing_ok=True)
    found = findings(world())
    if launched_rank() > 0:
        return
    width = max(len(finding.name) for finding in found)
    for finding in found:
        sys.stdout.write(
            f"{'ok ' if finding.well else 'BAD'} {finding.name:{width}}  {finding.seen}\n"
        )
        if not finding.well:
            sys.stdout.write(f"{'':{width + 5}}fix: {finding.remedy}\n")
    sys.stdout.flush()
    wrong = [finding.name for finding in found if not finding.well]
    if wrong:
        raise ConfigurationError(f"doctor: expected no problems, got {', '.join(wrong)}")
