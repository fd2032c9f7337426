#!/usr/bin/python3
"""Trains the digit network and writes every file that follows from it.

    /usr/bin/python3 train.py [--out FOLDER]

The same bits on every run, also with another BLAS (see exact.py).
"""

import argparse
import pathlib
import time

import numpy as np

import data
import export
from layers import softmax
from network import Network

TRAIN_SEED = 7
EPOCHS = 40
BATCH = 64
SHIFT = 2  # pixels; the canvas has a margin of 2, so hardly any ink is lost
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
# Keeps the probabilities away from 0 and 1, so that comparing them with another
# engine's says something.
LABEL_SMOOTHING = 0.1


class Adam:
    """Adam with decoupled weight decay; the rate falls linearly to zero."""

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, layers, steps):
        self._layers = layers
        self._steps = steps
        self._step = 0
        self._decayed1 = self._decayed2 = 1.0  # BETA^step, by multiplication: exact rule
        self._moments = {}

    def update(self):
        """Applies every layer's `grads` to its `params`."""
        rate = LEARNING_RATE * (self._steps - self._step) / self._steps
        self._step += 1
        self._decayed1 *= self.BETA1
        self._decayed2 *= self.BETA2
        for layer_name, layer in self._layers.items():
            for name, grad in layer.grads.items():
                key = (layer_name, name)
                first, second = self._moments.get(key, (0.0, 0.0))
                first = self.BETA1 * first + (1 - self.BETA1) * grad
                second = self.BETA2 * second + (1 - self.BETA2) * (grad * grad)
                self._moments[key] = (first, second)
                step = (first / (1 - self._decayed1)) / (
                    np.sqrt(second / (1 - self._decayed2)) + self.EPSILON)
                if name == "weight":
                    step = step + WEIGHT_DECAY * layer.params[name]
                layer.params[name] = layer.params[name] - rate * step


def smooth_targets(labels):
    """labels [N] uint8 -> [N, 10], one-hot, smoothed."""
    one_hot = np.eye(data.CLASSES)[labels]
    return one_hot * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / data.CLASSES


def accuracy(network, part):
    """The share of `part` (a data.Part) whose most probable class is its label."""
    logits = network.forward(data.preprocess(part.images))
    return float(np.mean(np.argmax(logits, axis=1) == part.labels))


def train(training, validation, epochs=EPOCHS, log=print):
    """Returns the trained Network. The last partial batch of an epoch is dropped."""
    random = np.random.RandomState(TRAIN_SEED)
    network = Network(random)
    batches = len(training.labels) // BATCH
    adam = Adam(network.layers, epochs * batches)
    started = time.monotonic()
    for epoch in range(epochs):
        order = random.permutation(len(training.labels))
        loss = 0.0
        for b in range(batches):
            pick = order[b * BATCH:(b + 1) * BATCH]
            images = data.shift_randomly(training.images[pick], random, SHIFT)
            targets = smooth_targets(training.labels[pick])
            found = softmax(network.forward(data.preprocess(images), train=True))
            network.backward((found - targets) / BATCH)
            adam.update()
            loss -= float(np.sum(targets * np.log(found))) / (BATCH * batches)
        log(f"epoch {epoch + 1:2d}/{epochs}  loss {loss:.4f}  validation "
            f"{accuracy(network, validation):.4f}  {time.monotonic() - started:.0f} s")
    return network


def main():
    """Trains, reports the accuracies, writes the files."""
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=here)
    out = parser.parse_args().out
    training, validation, test = data.load_split()
    network = train(training, validation)
    for name, part in (("train", training), ("validation", validation), ("test", test)):
        print(f"{name}: {accuracy(network, part):.4f} of {len(part.labels)}")
    print(f"sha256 of the weights: {export.write_all(network, test, out)}")


if __name__ == "__main__":
    main()
