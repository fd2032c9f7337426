"""The parts of the network, each forward and backward, by hand.

Forward returns (output, what backward needs). Backward takes the gradient of the output and that,
and returns the gradients of what forward took, in its order. Arrays keep their dtype: float32 to
train, float64 to check the gradients. N is batch * length, B the batch, T the length.
"""

import numpy as np

EPSILON = 1e-5
ROTARY_BASE = 10000.0


def linear(x, weight):
    """x [N, K], weight [M, K] -> x weight^T [N, M]."""
    return x @ weight.T, (x, weight)


def linear_back(dy, kept):
    x, weight = kept
    return dy @ weight, dy.T @ x


def rms_norm(x, weight):
    """x [N, K], weight [K] -> x / sqrt(mean(x^2) + EPSILON) * weight."""
    inverse = 1 / np.sqrt(np.mean(x * x, axis=1, keepdims=True) + x.dtype.type(EPSILON))
    normal = x * inverse
    return normal * weight, (normal, inverse, weight)


def rms_norm_back(dy, kept):
    normal, inverse, weight = kept
    dnormal = dy * weight
    along = np.mean(dnormal * normal, axis=1, keepdims=True)
    return inverse * (dnormal - normal * along), np.sum(dy * normal, axis=0)


def swiglu(gate, up):
    """gate, up [N, K] -> gate / (1 + exp(-gate)) * up."""
    sigmoid = 1 / (1 + np.exp(-gate))
    return gate * sigmoid * up, (gate, up, sigmoid)


def swiglu_back(dy, kept):
    gate, up, sigmoid = kept
    silu = gate * sigmoid
    return dy * up * (sigmoid + silu * (1 - sigmoid)), dy * silu


def rotary_angles(length, head, dtype):
    """cos and sin [T, head / 2] of position * ROTARY_BASE^(-2 i / head)."""
    frequencies = ROTARY_BASE ** (-np.arange(0, head, 2) / head)
    angles = np.arange(length)[:, None] * frequencies
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


def rotate(x, cos, sin):
    """Turns the pairs (2 i, 2 i + 1) of x [..., T, D]. With -sin it is its own backward."""
    even, odd = x[..., 0::2], x[..., 1::2]
    y = np.empty_like(x)
    y[..., 0::2] = even * cos - odd * sin
    y[..., 1::2] = even * sin + odd * cos
    return y


def hidden_places(tokens, begin):
    """[B, T] -> [B, 1, 1, T, T]: -infinity where a token (row) must not see another (column): one
    that comes later, or that is before the last `begin` token."""
    story = np.cumsum(tokens == begin, axis=1)
    length = np.arange(tokens.shape[1])
    hidden = (length[:, None] < length) | (story[:, :, None] != story[:, None, :])
    return np.where(hidden, np.float32(-np.inf), np.float32(0))[:, None, None]


def attention(q, k, v, hidden):
    """Attention of grouped heads: q [B, H, G * T, D] (G query heads for each of the H key heads, one
    behind the other), k, v [B, H, T, D], hidden of `hidden_places` -> as q."""
    length, head = k.shape[2:]
    scores = np.matmul(q, k.swapaxes(2, 3))
    scores *= scores.dtype.type(head ** -0.5)
    grid = scores.reshape(*q.shape[:2], -1, length, length)
    grid += hidden
    scores -= scores.max(axis=3, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=3, keepdims=True)
    return np.matmul(scores, v), (q, k, v, scores)


def attention_back(dy, kept):
    q, k, v, weights = kept
    dv = np.matmul(weights.swapaxes(2, 3), dy)
    dscores = np.matmul(dy, v.swapaxes(2, 3))
    dscores -= np.einsum("bhqk,bhqk->bhq", dscores, weights)[..., None]
    dscores *= weights
    dscores *= dscores.dtype.type(k.shape[3] ** -0.5)
    return np.matmul(dscores, k), np.matmul(dscores.swapaxes(2, 3), q), dv


def cross_entropy(logits, targets):
    """logits [N, V], targets [N] -> (the mean of -log probability, its gradient [N, V])."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    sums = weights.sum(axis=1, keepdims=True)
    rows = np.arange(len(targets))
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, targets])
    weights /= sums
    weights[rows, targets] -= 1
    weights /= len(targets)
    return float(loss), weights


def sum_by_token(dy, tokens, vocabulary):
    """The gradient of an embedding: dy [N, K], tokens [N] -> [vocabulary, K]."""
    order = np.argsort(tokens, kind="stable")
    found, begins = np.unique(tokens[order], return_index=True)
    out = np.zeros((vocabulary, dy.shape[1]), dy.dtype)
    out[found] = np.add.reduceat(dy[order], begins, axis=0)
    return out
