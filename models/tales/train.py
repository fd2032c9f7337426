#!/usr/bin/python3
"""Learns the vocabulary, trains the network and writes tokenizer.bin and tales.bin.

    OPENBLAS_NUM_THREADS=1 /usr/bin/python3 train.py [--out FOLDER] [--state FILE]

With --state it writes what it has to FILE now and then, and goes on from there if FILE exists.
The same bits on every run with the same BLAS on the same kind of processor; stopping and going on
does not change them.
"""

import argparse
import math
import pathlib
import time

import numpy as np

import batches
import checkpoint
import network

SEED = 7
STEPS = 4000
ROWS = 8  # of Shape.context tokens each
WARM_UP = 100
DECAY_FROM = 0.75  # of all steps: the rate is constant until then, then falls as a half cosine
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
CLIP = 1.0  # norm of the whole gradient
LOG_EVERY = 25
SAVE_EVERY = 200


class Adam:
    """Adam with decoupled weight decay on matrices."""

    BETA1, BETA2, EPSILON = 0.9, 0.98, 1e-8

    def __init__(self, parameters):
        self.first = {n: np.zeros_like(p) for n, p in parameters.items()}
        self.second = {n: np.zeros_like(p) for n, p in parameters.items()}

    def update(self, parameters, grads, step, rate):
        """Changes `parameters` in place; `step` counts from 0."""
        norm = math.sqrt(sum(float(np.vdot(g, g)) for g in grads.values()))
        clip = np.float32(min(1.0, CLIP / (norm + 1e-12)))
        correct1, correct2 = 1 - self.BETA1 ** (step + 1), 1 - self.BETA2 ** (step + 1)
        for name, value in parameters.items():
            grad = grads[name] * clip
            first, second = self.first[name], self.second[name]
            first += np.float32(1 - self.BETA1) * (grad - first)
            second += np.float32(1 - self.BETA2) * (grad * grad - second)
            change = first / np.float32(correct1) / (
                np.sqrt(second / np.float32(correct2)) + np.float32(self.EPSILON))
            if value.ndim == 2:
                change += np.float32(WEIGHT_DECAY) * value
            value -= np.float32(rate) * change


def learning_rate(step, steps):
    """The rate of a step."""
    warm = min(1.0, (step + 1) / WARM_UP)
    decaying = max(0.0, (step / steps - DECAY_FROM) / (1 - DECAY_FROM))
    return LEARNING_RATE * warm * 0.5 * (1 + math.cos(math.pi * decaying))


def save(path, parameters, adam, step):
    """What `load` needs to go on with `step`."""
    arrays = {"step": np.array(step)}
    for kind, group in (("p", parameters), ("m", adam.first), ("v", adam.second)):
        arrays |= {f"{kind}:{name}": value for name, value in group.items()}
    partial = path.with_name(path.name + ".part.npz")
    np.savez(partial, **arrays)
    partial.replace(path)


def load(path, parameters, adam):
    """Fills parameters and moments; returns the step to go on with."""
    with np.load(path) as arrays:
        for kind, group in (("p", parameters), ("m", adam.first), ("v", adam.second)):
            for name in group:
                group[name] = arrays[f"{kind}:{name}"]
        return int(arrays["step"])


def train(cutter, shape=network.Shape(), steps=STEPS, until=None, state=None, log=print):
    """Returns the parameters after `steps` steps; after `until` of them, if that is given."""
    parameters = network.initial(shape, np.random.RandomState(SEED))
    adam, first = Adam(parameters), 0
    if state and state.exists():
        first = load(state, parameters, adam)
    net, losses = network.Network(shape, parameters), []
    started = time.monotonic()
    for step in range(first, until or steps):
        inputs, targets = batches.training_batch(cutter, step, ROWS, shape.context)
        losses.append(net.loss(inputs, targets))
        adam.update(parameters, net.grads, step, learning_rate(step, steps))
        if (step + 1) % LOG_EVERY == 0:
            log(f"step {step + 1:5d}/{steps}  loss {np.mean(losses):.4f}  "
                f"{time.monotonic() - started:.0f} s")
            losses = []
        if state and ((step + 1) % SAVE_EVERY == 0 or step + 1 == until):
            save(state, parameters, adam, step + 1)
    return parameters


def main():
    """Trains and writes the files."""
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=here)
    parser.add_argument("--state", type=pathlib.Path)
    args = parser.parse_args()
    cutter = batches.vocabulary()
    cutter.write(args.out / "tokenizer.bin")
    parameters = train(cutter, state=args.state,
                       log=lambda line: print(line, flush=True))
    checkpoint.write(args.out / "tales.bin", network.Shape(), parameters)


if __name__ == "__main__":
    main()
