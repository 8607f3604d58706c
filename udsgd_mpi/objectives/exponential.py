"""The exponential function of the local steps."""

import numpy as np

from udsgd_mpi.kernels.compiled import inlined

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93145751953125e-1
_LN2_LOW = 1.42860682030941723212e-6
_TO_NEAREST = 1.5 * 2.0**52  # added to a small number, it leaves the nearest integer in its bits
_LARGEST = 708.0


@inlined
def exp(x: float) -> float:
    """e^x to 4e-16, for x clipped to ±708: Cephes' rational approximation (Moshier, 1989).

    Unlike that of the C library it is compiled side by side for several x, and gives the same bits
    whatever the C library.
    """
    x = min(max(x, -_LARGEST), _LARGEST)
    shifted = x * _LOG2_E + _TO_NEAREST
    power = shifted - _TO_NEAREST
    r = (x - power * _LN2_HIGH) - power * _LN2_LOW
    rr = r * r
    p = r * (
        (1.26177193074810590878e-4 * rr + 3.02994407707441961300e-2) * rr
        + 9.99999999999999999910e-1
    )
    q = (
        (3.00198505138664455042e-6 * rr + 2.52448340349684104192e-3) * rr
        + 2.27265548208155028766e-1
    ) * rr + 2.00000000000000000005e0
    significand = np.float64(1 + 2 * (p / (q - p)))
    exponent = np.float64(shifted).view(np.int64) << np.int64(52)
    return np.int64(significand.view(np.int64) + exponent).view(np.float64)
