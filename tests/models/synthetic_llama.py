"""Language models of well-known shapes with made-up weights: for memory, speed, and where reference values are known,
for correctness. NOT trained: they write nonsense.

    tests/models/synthetic_llama.py --shape 15m --format q8_0 -o build/synth-15m-q8_0.gguf
    tests/models/synthetic_llama.py --weights DIR/weights.json -o build/synth-llama-15m.bin

The first makes a GGUF file (f32, f16, q8_0, q4_0) or a llama2.c file (--format bin) with reproducible numbers; the vocabulary
is a plain one of bytes and made-up words, unless --tokenizer names a llama2.c tokenizer.bin. The second fills in the weights that a
weights.json describes (a llama2.c legacy .bin).
"""

import argparse
import dataclasses
import json
import pathlib
import struct

import numpy as np


@dataclasses.dataclass(frozen=True)
class Shape:
    """Of a llama: width, hidden width, layers, heads, key-value heads, vocabulary, context."""
    dim: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    context: int


SHAPES = {
    "260k": Shape(64, 172, 5, 8, 4, 512, 512),
    "15m": Shape(288, 768, 6, 6, 6, 32000, 256),
    "42m": Shape(512, 1376, 8, 8, 8, 32000, 1024),
    "110m": Shape(768, 2048, 12, 12, 12, 32000, 1024),
}
GGUF_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8}


def fnv1a(text):
    """FNV-1a, 64 bits."""
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 % (1 << 64)
    return value


def numbers(seed_name, count, low, high):
    """`count` f32 in [low, high) by SplitMix64 from the hash of a name."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(seed_name)) + (np.arange(1, count + 1, dtype=np.uint64)
                                           * np.uint64(0x9E3779B97F4A7C15))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(40)).astype(np.float64) / 2.0 ** 24
    return (low + (high - low) * unit).astype(np.float32)


def header_bytes(header):
    """Of a llama2.c legacy file."""
    return struct.pack("<7i", header["dim"], header["hidden_dim"], header["n_layers"], header["n_heads"],
                       header["n_kv_heads"], header["vocab_size"], header["seq_len"])


def fill(weights_json, path):
    """Writes the .bin that a weights.json describes. Its digest is not compared: the tables at the end, which nobody
    reads, are zeroes here."""
    said = json.loads(pathlib.Path(weights_json).read_text(encoding="utf-8"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        put = file.write
        put(header_bytes(said["header"]))
        for tensor in said["tensors_in_file_order"]:
            count = int(np.prod(tensor["shape"]))
            put(numbers(tensor["seed_name"], count, tensor["lo"], tensor["hi"]).tobytes()
                if "seed_name" in tensor else bytes(4 * count))
    if path.stat().st_size != said["file_bytes"]:
        raise SystemExit(f"{path}: has {path.stat().st_size} bytes, not those of {weights_json}")
    return said


def matrices(shape, seed):
    """(name in GGUF, matrix) of a tied model, in an order of our own."""
    head = shape.dim // shape.heads
    kv = shape.kv_heads * head
    made = {}

    def make(name, rows, columns, spread):
        made[name] = numbers(f"{seed}/{name}", rows * columns, -spread, spread).reshape(rows, columns)

    def norm(name):
        made[name] = numbers(f"{seed}/{name}", shape.dim, 0.8, 1.2)

    make("token_embd.weight", shape.vocab, shape.dim, 0.1)
    for i in range(shape.layers):
        norm(f"blk.{i}.attn_norm.weight")
        make(f"blk.{i}.attn_q.weight", shape.dim, shape.dim, (3 / shape.dim) ** 0.5)
        make(f"blk.{i}.attn_k.weight", kv, shape.dim, (3 / shape.dim) ** 0.5)
        make(f"blk.{i}.attn_v.weight", kv, shape.dim, (3 / shape.dim) ** 0.5)
        make(f"blk.{i}.attn_output.weight", shape.dim, shape.dim, 0.3 * (3 / shape.dim) ** 0.5)
        norm(f"blk.{i}.ffn_norm.weight")
        make(f"blk.{i}.ffn_gate.weight", shape.hidden, shape.dim, (3 / shape.dim) ** 0.5)
        make(f"blk.{i}.ffn_up.weight", shape.hidden, shape.dim, (3 / shape.dim) ** 0.5)
        make(f"blk.{i}.ffn_down.weight", shape.dim, shape.hidden, 0.3 * (3 / shape.hidden) ** 0.5)
    norm("output_norm.weight")
    return made


def write_tokenizer(shape, path):
    """A llama2.c tokenizer.bin with the plain vocabulary."""
    pieces = vocabulary(shape, None)
    with open(path, "wb") as file:
        file.write(struct.pack("<i", max(len(piece) for piece, _ in pieces)))
        for piece, score in pieces:
            file.write(struct.pack("<fi", score, len(piece)) + piece)


def write_q80(shape, made, path):
    """A llama2.c version 2 file, groups of 32, tied."""
    with open(path, "wb") as file:
        head = struct.pack("<Ii7iBi", 0x616b3432, 2, shape.dim, shape.hidden, shape.layers, shape.heads,
                           shape.kv_heads, shape.vocab, shape.context, 1, 32)
        file.write(head + bytes(256 - len(head)))
        for name in ("attn_norm", "ffn_norm"):
            for i in range(shape.layers):
                file.write(made[f"blk.{i}.{name}.weight"].tobytes())
        file.write(made["output_norm.weight"].tobytes())
        order = ["token_embd.weight"]
        for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_down", "ffn_up"):
            order += [f"blk.{i}.{name}.weight" for i in range(shape.layers)]
        for name in order:
            blocks = made[name].reshape(-1, 32)
            scale = np.abs(blocks).max(axis=1) / 127
            file.write(np.round(blocks / scale[:, None]).astype(np.int8).tobytes() + scale.astype("<f4").tobytes())


def write_bin(shape, seed, path, kind="f32"):
    """A llama2.c file, tied: legacy for f32, version 2 for q8_0."""
    made = matrices(shape, seed)
    if kind == "q8_0":
        write_q80(shape, made, path)
        return
    order = ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_down", "ffn_up"]
    with open(path, "wb") as file:
        file.write(struct.pack("<7i", shape.dim, shape.hidden, shape.layers, shape.heads, shape.kv_heads,
                               shape.vocab, shape.context))
        file.write(made["token_embd.weight"].tobytes())
        for name in order:
            for i in range(shape.layers):
                file.write(made[f"blk.{i}.{name}.weight"].tobytes())
        file.write(made["output_norm.weight"].tobytes())
        file.write(bytes(4 * shape.context * (shape.dim // shape.heads)))  # tables that nobody reads


def quantized(matrix, kind):
    """The bytes of a matrix in a GGUF type. A row that is no multiple of 32 stays f16."""
    if matrix.ndim == 1 or kind == "f32":
        return "f32", matrix.astype("<f4").tobytes()
    if kind == "f16" or matrix.shape[1] % 32:
        return "f16", matrix.astype("<f2").tobytes()
    blocks = matrix.reshape(-1, 32)
    if kind == "q8_0":
        scale = np.abs(blocks).max(axis=1) / 127
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
        bytes_of = np.round(blocks * inverse[:, None]).astype(np.int8).view(np.uint8)
    else:
        place = np.abs(blocks).argmax(axis=1)
        scale = blocks[np.arange(len(blocks)), place] / -8
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
        q = np.clip(np.floor(blocks * inverse[:, None] + 8.5), 0, 15).astype(np.uint8)
        bytes_of = q[:, :16] | (q[:, 16:] << 4)
    halves = scale.astype("<f2").view(np.uint8).reshape(-1, 2)
    return kind, np.concatenate([halves, bytes_of], axis=1).tobytes()


def vocabulary(shape, tokenizer):
    """(bytes, score) for each token; from a llama2.c tokenizer.bin or made up."""
    if tokenizer:
        data = pathlib.Path(tokenizer).read_bytes()
        at, pieces = 4, []
        for _ in range(shape.vocab):
            score, size = struct.unpack_from("<fi", data, at)
            pieces.append((data[at + 8:at + 8 + size], score))
            at += 8 + size
        return pieces
    pieces = [(b"<unk>", 0.0), (b"<s>", 0.0), (b"</s>", 0.0)]
    pieces += [(b"<0x%02X>" % i, 0.0) for i in range(256)]
    return pieces + [(b" w%d" % i, -float(i)) for i in range(shape.vocab - len(pieces))]


def text(value):
    """A GGUF string."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def metadata(shape, pieces):
    """Key-value pairs of a GGUF file."""
    pairs = [text("general.architecture") + struct.pack("<I", 8) + text("llama"),
             text("general.name") + struct.pack("<I", 8) + text("synthetic")]
    for key, value in {"context_length": shape.context, "embedding_length": shape.dim, "block_count": shape.layers,
                       "feed_forward_length": shape.hidden, "attention.head_count": shape.heads,
                       "attention.head_count_kv": shape.kv_heads, "vocab_size": shape.vocab,
                       "rope.dimension_count": shape.dim // shape.heads}.items():
        pairs.append(text(f"llama.{key}") + struct.pack("<II", 4, value))
    pairs.append(text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-5))
    pairs.append(text("tokenizer.ggml.model") + struct.pack("<I", 8) + text("llama"))
    pairs.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(pieces))
                 + b"".join(text(piece.replace(b" ", "\u2581".encode())) for piece, _ in pieces))
    pairs.append(text("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, len(pieces))
                 + b"".join(struct.pack("<f", score) for _, score in pieces))
    kinds = [2, 3, 3] + [6] * 256 + [1] * (len(pieces) - 259)
    pairs.append(text("tokenizer.ggml.token_type") + struct.pack("<IIQ", 9, 5, len(pieces))
                 + struct.pack(f"<{len(kinds)}i", *kinds))
    for key, value in {"bos": 1, "eos": 2, "unknown": 0}.items():
        pairs.append(text(f"tokenizer.ggml.{key}_token_id") + struct.pack("<II", 4, value))
    return pairs


def write_gguf(shape, kind, seed, tokenizer, path):
    """A GGUF v3 file, tied, all matrices in one type."""
    pairs = metadata(shape, vocabulary(shape, tokenizer))
    infos, blobs, at = [], [], 0
    for name, matrix in matrices(shape, seed).items():
        stored, data = quantized(matrix, kind)
        dims = list(reversed(matrix.shape))
        infos.append(text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
                     + struct.pack("<IQ", GGUF_TYPES[stored], at))
        data += bytes(-len(data) % 32)
        blobs.append(data)
        at += len(data)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(pairs)) + b"".join(pairs) + b"".join(infos)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % 32))
        for blob in blobs:
            file.write(blob)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--format", choices=[*GGUF_TYPES, "bin"], default="f32")
    parser.add_argument("--seed", default="synthetic")
    parser.add_argument("--tokenizer", help="a llama2.c tokenizer.bin with the vocabulary")
    parser.add_argument("--weights", help="a weights.json to fill in")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    if bool(arguments.shape) == bool(arguments.weights):
        parser.error("give --shape or --weights")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    if arguments.weights:
        fill(arguments.weights, arguments.output)
    elif arguments.format == "bin":
        write_bin(SHAPES[arguments.shape], arguments.seed, arguments.output)
    else:
        write_gguf(SHAPES[arguments.shape], arguments.format, arguments.seed, arguments.tokenizer, arguments.output)


if __name__ == "__main__":
    main()
