"""NumPy's warnings of overflows and the like, whose outcome is looked at."""

import sys
import warnings


def hide_overflows() -> None:
    """Ignore them where our own code computes: there is no line that the user could change.

    Not where the user has asked Python for warnings of their own choice.
    """
    if not sys.warnoptions:
        ours = r"(udsgd_mpi|numpy|scipy)(\.|$)"
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=ours)
