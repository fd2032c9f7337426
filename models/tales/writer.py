"""Runs the stored model as an engine does: one token at a time, with a cache of keys and values.

Written apart from network.py, so that each is a check of the other.
"""

import numpy as np

import tokenizer

_BLOCK = 32  # numbers that a quantised row has one scale for


def quantized_row(x):
    """x [K] as engines round it before an 8-bit product: signed bytes with one scale per block."""
    blocks = x.reshape(-1, _BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    numbers = np.rint(blocks / np.where(scales == 0, np.float32(1), scales))
    return (numbers * scales).reshape(-1)


class Writer:
    """shape, parameters: of checkpoint.read. With `eight_bit` the inputs of every matrix are
    rounded to 8 bits, as SmartZone's q8_0 kernels (and llama2.c's runq) do; else all is float32."""

    def __init__(self, shape, parameters, eight_bit):
        self.context = shape.context
        self._shape, self._parameters = shape, parameters
        self._round = quantized_row if eight_bit else lambda x: x
        self._frequencies = 10000.0 ** (-np.arange(0, shape.head, 2) / shape.head)
        self._keys = self._values = self._position = None
        self.start()

    def start(self):
        """Forgets the text."""
        shape = self._shape
        self._keys, self._values = np.zeros(
            (2, shape.layers, shape.context, shape.kv_heads, shape.head), np.float32)
        self._position = 0

    def step(self, token):
        """Takes the next token; returns the logits [vocabulary] of the one after."""
        p = self._parameters
        x = p["embedding"][token]
        for i in range(self._shape.layers):
            normal = self._round(_normal(x, p[f"{i}.attention_norm"]))
            q, k, v = [p[f"{i}.{name}"] @ normal for name in "qkv"]
            x = x + p[f"{i}.o"] @ self._round(self._attend(i, q, k, v))
            normal = self._round(_normal(x, p[f"{i}.ffn_norm"]))
            gate = p[f"{i}.gate"] @ normal
            product = gate / (1 + np.exp(-gate)) * (p[f"{i}.up"] @ normal)
            x = x + p[f"{i}.down"] @ self._round(product)
        self._position += 1
        return p["embedding"] @ self._round(_normal(x, p["final_norm"]))

    def _attend(self, layer, q, k, v):
        shape, at = self._shape, self._position
        turn = np.exp(1j * at * self._frequencies)
        self._keys[layer, at] = _turned(k.reshape(shape.kv_heads, -1), turn)
        self._values[layer, at] = v.reshape(shape.kv_heads, -1)
        heads = []
        for h, query in enumerate(_turned(q.reshape(shape.heads, -1), turn)):
            group = h * shape.kv_heads // shape.heads
            scores = self._keys[layer, :at + 1, group] @ query / np.float32(shape.head ** 0.5)
            weights = np.exp(scores - scores.max())
            heads.append(weights / weights.sum() @ self._values[layer, :at + 1, group])
        return np.concatenate(heads)


def _normal(x, weight):
    return x / np.sqrt(np.mean(x * x) + np.float32(1e-5)) * weight


def _turned(x, turn):
    """x [H, D]: its pairs are complex numbers, times `turn` [D / 2]."""
    y = (x[:, 0::2] + 1j * x[:, 1::2]) * turn
    return np.stack([y.real, y.imag], axis=2).reshape(x.shape).astype(np.float32)


def greedy(writer, cutter, prompt):
    """Goes on from the prompt with the likeliest token until the story ends or the context is full.

    Returns the tokens after BOS and the prompt, without the end; and the smallest lead that a
    chosen token had over the next one, in logits: how close another engine came to another text.
    """
    writer.start()
    given = [tokenizer.BOS, *cutter.encode(prompt)]
    for token in given[:-1]:
        writer.step(token)
    token, written, lead = given[-1], [], np.inf
    for _ in range(len(given), writer.context):
        logits = writer.step(token)
        second, first = np.partition(logits, -2)[-2:]
        lead = min(lead, float(first - second))
        token = int(np.argmax(logits))
        if token in (tokenizer.BOS, tokenizer.EOS):
            break
        written.append(token)
    return written, lead
