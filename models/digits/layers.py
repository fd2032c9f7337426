"""Layers with forward and backward passes, in plain numpy.

Activations are float64 [N, H, W, C] (channels last: a convolution is then one matrix
product); weights keep ONNX's order [O, I, kH, kW]. A layer is an object with `params`
(trained), `state` (kept, not trained), and after backward() `grads`, each a dict from
a short name to an array.
"""

import numpy as np

import exact


def uniform(random, limit, shape):
    """Uniform in [-limit, limit), rounded at each step by numpy, not by a C compiler."""
    return limit * (2.0 * random.random_sample(shape) - 1.0)


class Layer:
    """A layer without parameters; the others fill the dicts."""

    def __init__(self):
        self.params = {}
        self.state = {}
        self.grads = {}


class Conv(Layer):
    """Convolution k x k, stride 1, padding k // 2. x [N,H,W,I] -> y [N,H,W,O]."""

    def __init__(self, inputs, outputs, kernel, bias, random):
        super().__init__()
        self.kernel = kernel
        limit = np.sqrt(6.0 / (inputs * kernel * kernel))  # He, uniform
        shape = (outputs, inputs, kernel, kernel)
        self.params["weight"] = uniform(random, limit, shape)
        if bias:
            self.params["bias"] = np.zeros(outputs)

    def forward(self, x, train):
        weight = self.params["weight"]
        self._in_shape = x.shape
        self._rows = self._windows(x)  # [N*H*W, I*k*k]
        y = exact.matmul(self._rows, weight.reshape(len(weight), -1).T)
        if "bias" in self.params:
            y = y + self.params["bias"]
        return y.reshape(x.shape[:3] + (len(weight),))

    def backward(self, dy):
        weight = self.params["weight"]
        dy = dy.reshape(-1, len(weight))
        self.grads["weight"] = exact.matmul(dy.T, self._rows).reshape(weight.shape)
        if "bias" in self.params:
            self.grads["bias"] = exact.column_sum(dy)
        return self._scatter(exact.matmul(dy, weight.reshape(len(weight), -1)))

    def _windows(self, x):
        """x [N, H, W, I] -> one row per output pixel, [N*H*W, I*k*k]."""
        k, pad = self.kernel, self.kernel // 2
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        view = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))
        return view.reshape(-1, x.shape[3] * k * k)

    def _scatter(self, rows):
        """The adjoint of _windows: [N*H*W, I*k*k] -> [N, H, W, I]."""
        n, h, w, c = self._in_shape
        k, pad = self.kernel, self.kernel // 2
        rows = rows.reshape(n, h, w, c, k, k)
        dx = np.zeros((n, h + 2 * pad, w + 2 * pad, c))
        for i in range(k):
            for j in range(k):
                dx[:, i:i + h, j:j + w] += rows[..., i, j]
        return dx[:, pad:pad + h, pad:pad + w]


class BatchNorm(Layer):
    """Batch normalisation over N, H, W. x, y [N,H,W,C].

    Inference: y = scale * (x - mean) / sqrt(var + EPSILON) + bias.
    """

    EPSILON = 1e-5
    MOMENTUM = 0.1  # share of the new batch in the running mean and variance

    def __init__(self, channels):
        super().__init__()
        self.params = {"scale": np.ones(channels), "bias": np.zeros(channels)}
        self.state = {"mean": np.zeros(channels), "var": np.ones(channels)}

    def forward(self, x, train):
        mean, var = self.state["mean"], self.state["var"]
        if train:
            rows = x.reshape(-1, x.shape[-1])
            mean = exact.column_sum(rows) / len(rows)
            var = exact.column_sum((rows - mean) ** 2) / len(rows)
            self._update("mean", mean)
            self._update("var", var)
        self._inverse = 1.0 / np.sqrt(var + self.EPSILON)
        self._normal = (x - mean) * self._inverse
        return self._normal * self.params["scale"] + self.params["bias"]

    def backward(self, dy):
        rows = dy.reshape(-1, dy.shape[-1])
        normal = self._normal.reshape(rows.shape)
        self.grads["bias"] = exact.column_sum(rows)
        self.grads["scale"] = exact.column_sum(rows * normal)
        spread = self.grads["bias"] + normal * self.grads["scale"]
        dx = (rows - spread / len(rows)) * (self.params["scale"] * self._inverse)
        return dx.reshape(dy.shape)

    def _update(self, name, batch_value):
        old = self.state[name]
        self.state[name] = old + self.MOMENTUM * (batch_value - old)


class Relu(Layer):
    """y = max(x, 0). Any shape."""

    def forward(self, x, train):
        self._alive = x > 0
        return np.where(self._alive, x, 0.0)

    def backward(self, dy):
        return np.where(self._alive, dy, 0.0)


class MaxPool(Layer):
    """2x2, stride 2, even H and W. x [N,H,W,C] -> y [N,H/2,W/2,C]."""

    def forward(self, x, train):
        n, h, w, c = x.shape
        tiles = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
        tiles = tiles.reshape(n, h // 2, w // 2, c, 4)
        self._winner = np.argmax(tiles, axis=-1)[..., np.newaxis]
        return np.take_along_axis(tiles, self._winner, axis=-1)[..., 0]

    def backward(self, dy):
        n, h, w, c = dy.shape
        tiles = np.zeros(dy.shape + (4,))
        np.put_along_axis(tiles, self._winner, dy[..., np.newaxis], axis=-1)
        tiles = tiles.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3)
        return tiles.reshape(n, 2 * h, 2 * w, c)


class GlobalAveragePool(Layer):
    """Mean over H and W, flattened. x [N,H,W,C] -> y [N,C]."""

    def forward(self, x, train):
        n, h, w, c = x.shape
        self._in_shape = x.shape
        by_pixel = x.transpose(1, 2, 0, 3).reshape(h * w, n * c)
        return (exact.column_sum(by_pixel) / (h * w)).reshape(n, c)

    def backward(self, dy):
        _, h, w, _ = self._in_shape
        return np.broadcast_to((dy / (h * w))[:, np.newaxis, np.newaxis],
                               self._in_shape)


class Gemm(Layer):
    """Fully connected. x [N,I] -> y [N,O]; weight [O,I] (ONNX: transB = 1)."""

    def __init__(self, inputs, outputs, random):
        super().__init__()
        limit = np.sqrt(3.0 / inputs)
        self.params["weight"] = uniform(random, limit, (outputs, inputs))
        self.params["bias"] = np.zeros(outputs)

    def forward(self, x, train):
        self._x = x
        return exact.matmul(x, self.params["weight"].T) + self.params["bias"]

    def backward(self, dy):
        self.grads["weight"] = exact.matmul(dy.T, self._x)
        self.grads["bias"] = exact.column_sum(dy)
        return exact.matmul(dy, self.params["weight"])


def softmax(x):
    """x [N, C] -> [N, C], rows sum to 1."""
    e = exact.exp(np.maximum(x - np.max(x, axis=1, keepdims=True), -700.0))
    return e / exact.column_sum(e.T)[:, np.newaxis]
