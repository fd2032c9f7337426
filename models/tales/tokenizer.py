"""The vocabulary: learnt from the stories, stored as llama2.c's tokenizer.bin.

Text is cut as SentencePiece's BPE does it: a space is put before it, it is taken apart into
characters, and as long as two neighbours together are a piece, the pair with the highest score is
joined (of equal ones the first). A character that is no piece becomes its UTF-8 bytes. The score
of a piece is minus its rank in learning, so that cutting repeats what learning did.

The file: the longest piece's length (i32), then for each token score (f32), length (i32), bytes.
The tokens: 0 <unk>, 1 begin, 2 end of a story, 3 + b the byte b as "<0x..>", then the pieces.
"""

import collections
import re
import struct

VOCABULARY = 768
BOS, EOS, FIRST_BYTE, FIRST_PIECE = 1, 2, 3, 259
_SPECIAL = [b"<unk>", b"\n<s>\n", b"\n</s>\n"] + [b"<0x%02X>" % b for b in range(256)]
# No piece reaches over a space or mixes letters and marks, but a quotation mark keeps the space
# before it. So words can be cut one by one, and a name is the same pieces wherever it stands.
_CHUNK = re.compile(r" ?[^ ]*")
_PIECE = re.compile(r' ?[A-Za-z]+| "|[^A-Za-z ]+')


def learn(texts):
    """The pieces (VOCABULARY - FIRST_PIECE strings), by joining the most frequent pair each time."""
    counts = collections.Counter(c for t in texts for c in _CHUNK.findall(" " + t) if c)
    chunks = {tuple(c): n for c, n in counts.items()}
    characters = collections.Counter()
    for chunk, n in chunks.items():
        for c in chunk:
            characters[c] += n
    # Of equal counts the first in the alphabet, so that the order of a dict decides nothing.
    pieces = sorted(characters, key=lambda c: (-characters[c], c))
    merged = []
    while len(pieces) + len(merged) < VOCABULARY - FIRST_PIECE:
        pairs = collections.Counter()
        for chunk, n in chunks.items():
            for pair in zip(chunk, chunk[1:]):
                pairs[pair] += n
        allowed = [p for p in pairs if _PIECE.fullmatch(p[0] + p[1])]
        left, right = min(allowed, key=lambda p: (-pairs[p], p))
        merged.append(left + right)
        chunks = _join(chunks, left, right)
    return merged + pieces  # characters after the merges: they are never the better pair


def _join(chunks, left, right):
    """The chunks with every pair (left, right) as one."""
    joined = collections.Counter()
    for chunk, n in chunks.items():
        out = []
        for symbol in chunk:
            if out and out[-1] == left and symbol == right:
                out[-1] = left + right
            else:
                out.append(symbol)
        joined[tuple(out)] += n
    return joined


class Tokenizer:
    """Text to tokens and back."""

    def __init__(self, pieces):
        """pieces: strings, best first."""
        self.tokens = _SPECIAL + [p.encode() for p in pieces]
        self._numbers = {p: FIRST_PIECE + i for i, p in enumerate(pieces)}
        self._cut = {}  # chunk -> tokens

    def encode(self, text):
        """Tokens of the text, without BOS."""
        if not text:
            return []
        tokens = []
        for chunk in _CHUNK.findall(" " + text):
            if chunk not in self._cut:
                self._cut[chunk] = self.encode_chunk(chunk)
            tokens += self._cut[chunk]
        return tokens

    def encode_chunk(self, chunk):
        """As `encode`, of any text as it is: no space before it, nothing remembered."""
        symbols = list(chunk)
        while True:
            known = [(self._numbers[a + b], i) for i, (a, b) in enumerate(zip(symbols, symbols[1:]))
                     if a + b in self._numbers]
            if not known:
                break
            _, i = min(known)  # the lowest number has the highest score
            symbols[i:i + 2] = [symbols[i] + symbols[i + 1]]
        tokens = []
        for symbol in symbols:
            if symbol in self._numbers:
                tokens.append(self._numbers[symbol])
            else:
                tokens += [FIRST_BYTE + b for b in symbol.encode()]
        return tokens

    def bytes_of(self, token):
        """What a token stands for, as bytes; nothing for <unk>, begin and end."""
        if token < FIRST_BYTE:
            return b""
        if token < FIRST_PIECE:
            return bytes([token - FIRST_BYTE])
        return self.tokens[token]

    def decode(self, tokens):
        """The text of tokens that begin a story (after BOS): without the space put before it."""
        text = b"".join(map(self.bytes_of, tokens)).decode("utf-8", "replace")
        return text.removeprefix(" ")

    def write(self, path):
        """Writes tokenizer.bin."""
        out = [struct.pack("<i", max(map(len, self.tokens)))]
        for number, token in enumerate(self.tokens):
            score = float(FIRST_PIECE - number) if number >= FIRST_PIECE else 0.0
            out.append(struct.pack("<fi", score, len(token)) + token)
        path.write_bytes(b"".join(out))


def read(path):
    """The Tokenizer of a tokenizer.bin that `write` wrote."""
    data, at, tokens = path.read_bytes(), 4, []
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        tokens.append((score, data[at + 8:at + 8 + length]))
        at += 8 + length
    if [t for _, t in tokens[:FIRST_PIECE]] != _SPECIAL or len(tokens) != VOCABULARY:
        raise ValueError(f"{path}: not a vocabulary of ours")
    scores = [s for s, _ in tokens[FIRST_PIECE:]]
    if scores != sorted(scores, reverse=True):
        raise ValueError(f"{path}: pieces are not in the order of their scores")
    return Tokenizer([t.decode() for _, t in tokens[FIRST_PIECE:]])
