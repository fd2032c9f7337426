"""Arithmetic whose result does not depend on the BLAS, the CPU or the order of a sum.

Training amplifies a difference in the last bit until the weights have nothing in
common. So every long sum here is *exact*: the operands are rounded to a fixed-point
grid so coarse that float64 holds each product and every partial sum without rounding.
Then any order, any number of threads, fused or not, gives the same bits. What is left
(element-wise + - * / sqrt) IEEE 754 already fixes.
"""

import numpy as np

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01  # fdlibm's split of ln 2: low 32 bits are zero
_LN2_LOW = 1.90821492927058770002e-10
_EXP_TERMS = 14  # |r| <= ln2/2, so the 14th Taylor term is below 2^-53


def to_grid(x, bits):
    """Rounds x (any shape, float64) to multiples of 2^(e-bits), 2^e > max|x|.

    The integers x / 2^(e-bits) have at most `bits` bits and a sign.
    """
    largest = np.max(np.abs(x))
    if largest == 0.0:
        return x
    _, exponent = np.frexp(largest)
    return np.ldexp(np.rint(np.ldexp(x, bits - exponent)), exponent - bits)


def matmul(a, b):
    """a [M, K] @ b [K, N] -> [M, N] float64, exact for the rounded operands.

    2 * bits + ceil(log2 K) <= 53, so no partial sum of K products can round.
    """
    bits = (53 - int(a.shape[1]).bit_length()) // 2
    return to_grid(a, bits) @ to_grid(b, bits)


def column_sum(x):
    """x [R, C] -> [C]: the exact sum over the rows of the rounded x."""
    return np.sum(to_grid(x, 53 - int(x.shape[0]).bit_length()), axis=0)


def exp(x):
    """exp(x), any shape, -700 <= x <= 700: from + and * alone, about 1 ULP."""
    n = np.rint(x * _LOG2_E)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    total = np.ones_like(r)
    for k in range(_EXP_TERMS, 0, -1):
        total = 1.0 + total * r / k
    return np.ldexp(total, n.astype(np.int32))
