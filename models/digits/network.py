"""The network: a stem, one SqueezeNet-like fire module, a mixing stage, a head.

The README has the table of shapes. Names of parameters here are the names of the
initializers in digits.onnx.
"""

import numpy as np

from data import CLASSES
from layers import BatchNorm, Conv, Gemm, GlobalAveragePool, MaxPool, Relu, softmax

STEM, SQUEEZE, EXPAND, MIX = 16, 16, 32, 64


class Network:
    """images [N, 1, 20, 20] -> logits [N, 10]."""

    def __init__(self, random):
        """Draws the initial weights from `random`, a numpy RandomState."""
        fire = 2 * EXPAND
        self._trunk = {
            "stem_conv": Conv(1, STEM, 3, False, random),
            "stem_bn": BatchNorm(STEM),
            "stem_relu": Relu(),
            "stem_pool": MaxPool(),
            "squeeze_conv": Conv(STEM, SQUEEZE, 1, True, random),
            "squeeze_relu": Relu(),
        }
        self._expand1 = {
            "expand1_conv": Conv(SQUEEZE, EXPAND, 1, False, random),
            "expand1_bn": BatchNorm(EXPAND),
            "expand1_relu": Relu(),
        }
        self._expand3 = {
            "expand3_conv": Conv(SQUEEZE, EXPAND, 3, False, random),
            "expand3_bn": BatchNorm(EXPAND),
            "expand3_relu": Relu(),
        }
        self._tail = {
            "fire_pool": MaxPool(),
            "mix_conv": Conv(fire, MIX, 3, False, random),
            "mix_bn": BatchNorm(MIX),
            "mix_relu": Relu(),
            "head_conv": Conv(MIX, MIX, 1, True, random),
            "head_relu": Relu(),
            "pool": GlobalAveragePool(),
            "classify": Gemm(MIX, CLASSES, random),
        }
        self.layers = {**self._trunk, **self._expand1, **self._expand3, **self._tail}

    def forward(self, x, train=False):
        """x [N, 1, H, W] preprocessed -> logits [N, 10]."""
        x = _run(self._trunk, x.transpose(0, 2, 3, 1), train)
        branches = [_run(b, x, train) for b in (self._expand1, self._expand3)]
        return _run(self._tail, np.concatenate(branches, axis=-1), train)

    def backward(self, dlogits):
        """dlogits [N, 10]; afterwards every layer's `grads` are set."""
        d = _run_back(self._tail, dlogits)
        d = (_run_back(self._expand1, d[..., :EXPAND])
             + _run_back(self._expand3, d[..., EXPAND:]))
        _run_back(self._trunk, d)

    def probabilities(self, x):
        """x [N, 1, H, W] preprocessed -> [N, 10]."""
        return softmax(self.forward(x))

    def tensors(self):
        """Every stored tensor, "layer.name" -> float64 array, in a fixed order."""
        return {f"{layer_name}.{name}": value
                for layer_name, layer in self.layers.items()
                for name, value in {**layer.params, **layer.state}.items()}

    def load(self, tensors):
        """The inverse of tensors(); KeyError or ValueError if it does not fit."""
        for key, old in self.tensors().items():
            layer_name, name = key.split(".")
            layer = self.layers[layer_name]
            value = np.asarray(tensors[key], dtype=np.float64)
            if value.shape != old.shape:
                raise ValueError(f"{key}: {value.shape}, expected {old.shape}")
            (layer.params if name in layer.params else layer.state)[name] = value


def _run(layers, x, train):
    for layer in layers.values():
        x = layer.forward(x, train)
    return x


def _run_back(layers, d):
    for layer in reversed(list(layers.values())):
        d = layer.backward(d)
    return d
