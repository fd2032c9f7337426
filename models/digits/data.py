"""The handwritten digits: canvas, preprocessing, and the fixed split."""

from collections import namedtuple

import numpy as np
from sklearn.datasets import load_digits

SIDE = 20  # the network's input is SIDE x SIDE
CLASSES = 10
SPLIT_SEED = 20250101
TEST_PER_CLASS = 36
VALIDATION_PER_CLASS = 18
LABELS = ("zero", "one", "two", "three", "four",
          "five", "six", "seven", "eight", "nine")

# value = (pixel - mean) * scale. The scale is a power of two and the mean an integer:
# the value is exact in float32, whatever the implementation.
PREPROCESS = {
    "version": 1,
    "color": "GRAY",
    "resize": None,
    "crop": None,
    "mean": [128.0],
    "scale": [0.0078125],
}

# images [N, 1, SIDE, SIDE] uint8, labels [N] uint8
Part = namedtuple("Part", "images labels")


def draw_on_canvas(small):
    """small [N, 8, 8] with values 0..16 -> [N, SIDE, SIDE] uint8 with values 0..255.

    One background pixel is put around the digit, then the 10x10 picture is doubled
    bilinearly (pixel centres at half integers: weights 3/4 and 1/4). In integers, so
    that it is exact.
    """
    x = np.pad(small.astype(np.int64), ((0, 0), (1, 1), (1, 1)))
    for axis in (1, 2):
        x = _double(x, axis)
    return ((x * 255 + 128) // 256).astype(np.uint8)  # 16 * 4 * 4 = 256 is white


def _double(x, axis):
    """Bilinear doubling along one axis, times 4: [.., S, ..] -> [.., 2S, ..]."""
    x = np.moveaxis(x, axis, -1)
    edged = np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="edge")
    out = np.empty(x.shape[:-1] + (2 * x.shape[-1],), dtype=np.int64)
    out[..., 0::2] = edged[..., :-2] + 3 * x
    out[..., 1::2] = edged[..., 2:] + 3 * x
    return np.moveaxis(out, -1, axis)


def load_split():
    """Returns (train, validation, test), each a Part.

    Per class, a seeded shuffle; the first 36 images are test, the next 18 validation,
    the rest training: 1257 / 180 / 360. RandomState is numpy's frozen generator.
    """
    digits = load_digits()
    images = draw_on_canvas(digits.images)[:, np.newaxis]
    labels = digits.target.astype(np.uint8)
    random = np.random.RandomState(SPLIT_SEED)
    picks = ([], [], [])
    for label in range(CLASSES):
        members = random.permutation(np.flatnonzero(labels == label))
        ends = (TEST_PER_CLASS, TEST_PER_CLASS + VALIDATION_PER_CLASS)
        test, validation, train = np.split(members, ends)
        for chosen, part in zip((train, validation, test), picks):
            part.append(chosen)
    # In the data set's own order, so that the classes are mixed.
    orders = [np.sort(np.concatenate(part)) for part in picks]
    return tuple(Part(images[order], labels[order]) for order in orders)


def preprocess(images, rule=None):
    """images uint8, any shape -> float64 of the same shape, by PREPROCESS."""
    rule = rule or PREPROCESS
    return (images.astype(np.float64) - rule["mean"][0]) * rule["scale"][0]


def shift_randomly(images, random, reach):
    """Moves each image [N, 1, H, W] by -reach..reach pixels in x and y, black fill."""
    count, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    offsets = random.randint(0, 2 * reach + 1, size=(count, 2))
    out = np.empty_like(images)
    for i, (dy, dx) in enumerate(offsets):
        out[i] = padded[i, :, dy:dy + height, dx:dx + width]
    return out
