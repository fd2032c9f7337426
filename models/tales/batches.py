"""Stories as rows of tokens: BOS, story, EOS, BOS, story, EOS, ... cut where the row ends."""

import numpy as np

import grammar
import tokenizer

VOCABULARY_SEED = 1
VOCABULARY_STORIES = 3000
HELD_OUT_SEED = 2
_FIRST_TRAINING_SEED = 1000


def vocabulary():
    """The Tokenizer, learnt from stories of the training kind."""
    source = grammar.Grammar(VOCABULARY_SEED)
    return tokenizer.Tokenizer(tokenizer.learn([source.story().text
                                                for _ in range(VOCABULARY_STORIES)]))


def story_tokens(cutter, text):
    """A whole story, with its begin and its end."""
    return [tokenizer.BOS, *cutter.encode(text), tokenizer.EOS]


def training_batch(cutter, step, rows, length):
    """The inputs and targets [rows, length] of a step: new stories every time."""
    source = grammar.Grammar(_FIRST_TRAINING_SEED + step)
    found = np.empty((rows, length + 1), np.int64)
    for row in found:
        tokens = []
        while len(tokens) < len(row):
            tokens += story_tokens(cutter, source.story().text)
        row[:] = tokens[:len(row)]
    return found[:, :-1], found[:, 1:]
