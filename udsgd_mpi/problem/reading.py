"""How data became points."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.images.pixels import ImageFormat

Floats = NDArray[np.float64]

INTERCEPT = "intercept"  # what the feature that is 1 is called


class Scaling(NamedTuple):
    """How features were standardised: (x − mean) / scale, both of shape (features,)."""

    mean: Floats
    scale: Floats

    def __call__(self, features: Floats) -> Floats:
        """Features as they are to be."""
        return (features - self.mean) / self.scale


class Reading(NamedTuple):
    """How data became points, as test data are to.

    Attributes
    ----------
    classes
        Distinct labels of all agents, ascending; none where the objective does not classify.
    scaling
        How features were standardised, where they were.
    image
        What the rows mean where they were read from images.
    features
        Names of the features, where the data have any.
    """

    classes: Floats
    scaling: Scaling | None
    image: ImageFormat | None
    features: tuple[str, ...] | None = None
