"""The network: a transformer as llama has it, with a tied embedding."""

import dataclasses

import numpy as np

import layers
import tokenizer


@dataclasses.dataclass(frozen=True)
class Shape:
    """What the file's header states."""
    width: int = 128
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    vocabulary: int = 768
    context: int = 256

    @property
    def head(self):
        """Numbers of a head."""
        return self.width // self.heads


def parameter_shapes(shape):
    """name -> shape of every parameter. Matrices are [outputs, inputs]."""
    width, kv_width = shape.width, shape.kv_heads * shape.head
    found = {"embedding": (shape.vocabulary, width)}
    for i in range(shape.layers):
        found |= {f"{i}.attention_norm": (width,), f"{i}.q": (width, width),
                  f"{i}.k": (kv_width, width), f"{i}.v": (kv_width, width),
                  f"{i}.o": (width, width), f"{i}.ffn_norm": (width,),
                  f"{i}.gate": (shape.hidden, width), f"{i}.up": (shape.hidden, width),
                  f"{i}.down": (width, shape.hidden)}
    return found | {"final_norm": (width,)}


def initial(shape, random, dtype=np.float32):
    """Random parameters; norms begin as ones, what adds to the residual stream smaller."""
    parameters = {}
    for name, dims in parameter_shapes(shape).items():
        if name.endswith("norm"):
            parameters[name] = np.ones(dims, dtype)
            continue
        scale = 0.05 / (2 * shape.layers) ** 0.5 if name.endswith((".o", ".down")) else 0.05
        parameters[name] = (random.standard_normal(dims) * scale).astype(dtype)
    return parameters


class Network:
    """Every story of a row is read by itself: no token sees one before its story's BOS.

    parameters: name -> array, read on every call; whoever trains may replace them."""

    def __init__(self, shape, parameters):
        self.shape, self.parameters = shape, parameters
        self.grads = {}

    def logits(self, tokens):
        """tokens [B, T] -> [B * T, vocabulary]."""
        return self._forward(tokens)[0]

    def loss(self, tokens, targets):
        """tokens, targets [B, T] -> the mean loss; fills `grads`."""
        logits, kept = self._forward(tokens)
        loss, dlogits = layers.cross_entropy(logits, targets.reshape(-1))
        self._backward(dlogits, tokens, kept)
        return loss

    def _forward(self, tokens):
        p, kept = self.parameters, []
        x = p["embedding"][tokens.reshape(-1)]
        angles = layers.rotary_angles(tokens.shape[1], self.shape.head, x.dtype)
        hidden = layers.hidden_places(tokens, tokenizer.BOS)
        for i in range(self.shape.layers):
            y, attention = self._attention(x, i, angles, hidden)
            x = x + y
            y, ffn = self._ffn(x, i)
            x = x + y
            kept.append((attention, ffn))
        x, norm = layers.rms_norm(x, p["final_norm"])
        logits, head = layers.linear(x, p["embedding"])
        return logits, (kept, norm, head)

    def _backward(self, dlogits, tokens, kept):
        blocks, norm, head = kept
        self.grads = {}
        dx, dhead = layers.linear_back(dlogits, head)
        dx, self.grads["final_norm"] = layers.rms_norm_back(dx, norm)
        for i in reversed(range(self.shape.layers)):
            attention, ffn = blocks[i]
            dx = dx + self._ffn_back(dx, i, ffn)
            dx = dx + self._attention_back(dx, i, attention)
        self.grads["embedding"] = dhead + layers.sum_by_token(dx, tokens.reshape(-1),
                                                              self.shape.vocabulary)

    def _ffn(self, x, i):
        p = self.parameters
        normal, norm = layers.rms_norm(x, p[f"{i}.ffn_norm"])
        gate, kept_gate = layers.linear(normal, p[f"{i}.gate"])
        up, kept_up = layers.linear(normal, p[f"{i}.up"])
        product, kept_product = layers.swiglu(gate, up)
        y, kept_down = layers.linear(product, p[f"{i}.down"])
        return y, (norm, kept_gate, kept_up, kept_product, kept_down)

    def _ffn_back(self, dy, i, kept):
        norm, kept_gate, kept_up, kept_product, kept_down = kept
        dproduct, self.grads[f"{i}.down"] = layers.linear_back(dy, kept_down)
        dgate, dup = layers.swiglu_back(dproduct, kept_product)
        dnormal, self.grads[f"{i}.gate"] = layers.linear_back(dgate, kept_gate)
        dnormal2, self.grads[f"{i}.up"] = layers.linear_back(dup, kept_up)
        dx, self.grads[f"{i}.ffn_norm"] = layers.rms_norm_back(dnormal + dnormal2, norm)
        return dx

    def _attention(self, x, i, angles, hidden):
        p, shape = self.parameters, self.shape
        batch = hidden.shape[0], hidden.shape[3]
        normal, norm = layers.rms_norm(x, p[f"{i}.attention_norm"])
        projections = [layers.linear(normal, p[f"{i}.{name}"]) for name in "qkv"]
        q, k, v = [_heads(y, batch, shape.head) for y, _ in projections]
        q, k = layers.rotate(q, *angles), layers.rotate(k, *angles)
        grouped = q.reshape(batch[0], shape.kv_heads, -1, shape.head)
        y, kept_attention = layers.attention(grouped, k, v, hidden)
        y, kept_o = layers.linear(_rows(y.reshape(q.shape)), p[f"{i}.o"])
        return y, (norm, [kept for _, kept in projections], angles, kept_attention, kept_o)

    def _attention_back(self, dy, i, kept):
        norm, kept_qkv, (cos, sin), kept_attention, kept_o = kept
        shape = self.shape
        dy, self.grads[f"{i}.o"] = layers.linear_back(dy, kept_o)
        length = cos.shape[0]
        dy = _heads(dy, (len(dy) // length, length), shape.head)
        grouped = dy.reshape(dy.shape[0], shape.kv_heads, -1, shape.head)
        dq, dk, dv = layers.attention_back(grouped, kept_attention)
        dq, dk = layers.rotate(dq.reshape(dy.shape), cos, -sin), layers.rotate(dk, cos, -sin)
        dnormal = 0
        for name, d, kept_linear in zip("qkv", (dq, dk, dv), kept_qkv):
            dinput, self.grads[f"{i}.{name}"] = layers.linear_back(_rows(d), kept_linear)
            dnormal = dnormal + dinput
        dx, self.grads[f"{i}.attention_norm"] = layers.rms_norm_back(dnormal, norm)
        return dx


def _heads(x, batch, head):
    """[B * T, H * D] -> [B, H, T, D]."""
    return np.ascontiguousarray(x.reshape(*batch, -1, head).swapaxes(1, 2))


def _rows(x):
    """[B, H, T, D] -> [B * T, H * D]."""
    return x.swapaxes(1, 2).reshape(x.shape[0] * x.shape[2], -1)
