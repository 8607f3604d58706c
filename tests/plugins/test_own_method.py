"""A user's method is tried before the first step, and refused with what it got wrong."""

import numpy as np
import pytest

from udsgd_mpi.engine.states import states_of
from udsgd_mpi.methods import CustomMethod
from udsgd_mpi.objectives import Ridge
from udsgd_mpi.support.errors import ConfigurationError


def method(name: str) -> CustomMethod:
    return CustomMethod(path=f"tests.own_method:{name}")


@pytest.mark.parametrize("name", ["HeavyBall", "Plain"])
def test_right_methods_are_taken(name: str) -> None:
    method(name).check(4)


def test_what_w_mixes_is_of_the_type_of_theta() -> None:
    single = np.dtype(np.float32)
    kept, mixed = states_of(method("Tracking"), Ridge(), 4, single)
    assert (kept.name, kept.mixed, kept.dtype) == ("own_velocity", False, np.dtype(np.float64))
    assert (mixed.name, mixed.mixed, mixed.dtype) == ("own_tracked", True, single)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Missing", 'expected "module:Class" that Python can import'),
        ("NoStep", r"expected a class with the method step\(theta, slope, gamma, n, "),
        ("InPlace", "leave its arguments as they are, got another theta after the call"),
        ("Nothing", r"expected theta of real numbers of shape \(3, 4\) from step, got object"),
        ("OneTrial", r"expected theta of real numbers of shape \(3, 4\) from step, got .*\(4,\)"),
        ("Counting", "the same step from the same arguments, got two"),
        ("OverTrials", "the same step of a trial alone and among others"),
        ("Forgetful", "return theta and a mapping with velocity, got ndarray"),
        ("OtherName", "return theta and a mapping with velocity, got theta and {'speed'"),
        ("OtherShape", r"expected velocity of real numbers of shape \(3, 4\).*got .*\(3, 1\)"),
        ("NoMapping", r"expected states such as .*, got \('velocity',\)"),
        ("NoKind", "expected states such as .*, got {'velocity': 'shared'}"),
        ("NoName", "expected states such as .*, got {'gamma': 'local'}"),
        ("Raising", r"own_method.py:\d+: KeyError: 2"),
    ],
)
def test_wrong_methods_are_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        method(name).check(4)
