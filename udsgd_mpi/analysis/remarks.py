"""What is to be said of a result file beside its table."""

from collections.abc import Iterator, Mapping

from udsgd_mpi.analysis.covariance import CovarianceTest, against_limit, in_words
from udsgd_mpi.storage.measured import Measured


def remarks(measured: Mapping[str, Measured]) -> Iterator[str]:
    """Variants that are not complete, trials that diverged, and whether limits are reached."""
    for name, variant in measured.items():
        if not variant.complete:
            yield f"{name}: not complete yet; use udsgd run --resume to complete it"
        if variant.diverged:
            trials = variant.diverged + len(variant.trials)
            yield f"{name}: {variant.diverged} of {trials} trials diverged and are left out"
    if found := _against_limits(measured):
        yield in_words(found)


def _against_limits(measured: Mapping[str, Measured]) -> dict[str, CovarianceTest]:
    found = {}
    for name, variant in measured.items():
        V, gamma = variant.covariance_over_trials, float(variant.step_size[-1])
        if V is None or variant.last_theta is None:
            continue
        if test := against_limit(variant.last_theta, V, gamma):
            found[name] = test
    return found
