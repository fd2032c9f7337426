"""How well the model predicts stories of casts that it never saw, and what that is worth."""

import math

import numpy as np

import batches
import grammar
import network
import tokenizer

HELD_OUT_STORIES = 200
_BIGRAM_STORIES = 5000
_BIGRAM_SEED = 3


def held_out():
    """The stories that figures are measured on."""
    source = grammar.Grammar(batches.HELD_OUT_SEED, held_out=True)
    return [source.story() for _ in range(HELD_OUT_STORIES)]


def model(shape, parameters, cutter, stories):
    """The figures of the model on the stories, every product in float32."""
    net = network.Network(shape, parameters)
    losses, right, asked = [], 0, 0
    for story in stories:
        tokens = np.array(batches.story_tokens(cutter, story.text))
        logits = net.logits(tokens[None, :-1])
        losses.append(_losses(logits, tokens[1:]))
        hits = np.argmax(logits, axis=1) == tokens[1:]
        for places in recalled_tokens(cutter, story):
            asked += 1
            right += bool(np.all(hits[places]))
    return {**_figures(losses, stories), "recalled": right, "recalls": asked}


def recalled_tokens(cutter, story):
    """For each recall of the story, the numbers of its tokens (the first after BOS is 0)."""
    ends = np.cumsum([len(cutter.bytes_of(t)) for t in cutter.encode(story.text)]) - 1
    begins = np.concatenate([[-1], ends[:-1]])  # of a text that a space was put before
    return [np.flatnonzero((ends > begin) & (begins < end)) for begin, end in story.recalls]


def bigram(cutter, stories):
    """The figures of a model that sees only the token before (half a count for every pair)."""
    source = grammar.Grammar(_BIGRAM_SEED)
    counts = np.full((tokenizer.VOCABULARY, tokenizer.VOCABULARY), 0.5)
    for _ in range(_BIGRAM_STORIES):
        tokens = batches.story_tokens(cutter, source.story().text)
        np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    logits = np.log(counts / counts.sum(axis=1, keepdims=True))
    rows = [np.array(batches.story_tokens(cutter, s.text)) for s in stories]
    return _figures([_losses(logits[t[:-1]], t[1:]) for t in rows], stories)


def choices(stories):
    """Bits per character of the choices that made the stories: about what is possible at best."""
    return sum(s.bits for s in stories) / sum(len(s.text) for s in stories)


def _losses(logits, targets):
    """-log probability of each target."""
    logits = logits.astype(np.float64)
    highest = logits.max(axis=1)
    sums = np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest
    return sums - logits[np.arange(len(targets)), targets]


def _figures(losses, stories):
    """Nats per token (the end counts, the begin does not) and bits per character of the text."""
    total, count = sum(float(x.sum()) for x in losses), sum(map(len, losses))
    characters = sum(len(s.text) for s in stories)
    return {"tokens": count, "nats_per_token": total / count,
            "bits_per_character": total / math.log(2) / characters}
