#!/usr/bin/python3
"""Makes little stories from the plots of plots.py: the text that the model is trained on.

    /usr/bin/python3 grammar.py [--seed N] [--stories N] [--held-out]

The same seed gives the same stories, on every machine and Python version (random.Random's
random() is specified; nothing else of that module is used).
"""

import argparse
import math
import random
import re
import zlib

import plots
import words

HELD_OUT_PART = 16  # one cast of sixteen is kept from training
_SLOT = re.compile(r"\{(\+?)([A-Za-z0-9]+)\}")
# What is drawn for a story: the slots, all different, from a table. The order is part of the seed.
_CAST = ((("hero", "friend"), tuple(words.NAMES)), (("kind", "fkind"), words.KINDS))
_SCENE = ((("trait", "ftrait"), words.TRAITS), (("home",), words.HOMES),
          (("spot", "spot2", "spot3"), words.SPOTS), (("thing",), words.THINGS),
          (("colour", "colour2"), words.COLOURS), (("food", "food2"), words.FOODS),
          (("day",), words.DAYS), (("time",), words.TIMES), (("gait",), words.GAITS),
          (("joy",), words.JOYS), (("goal", "goal2", "goal3"), words.GOALS),
          (("when",), words.WHEN), (("stop",), words.RACE_STOPS))
# Tables of rows that fill several slots.
_PROPS = ((("work", "part"), words.MAKERS), (("trap", "aid"), words.TRAPS),
          (("tool", "sound"), words.NOISES))
_MOST, _LEAST = 9, 3  # of what a number counts
# Slots that say nothing new once the other is known.
_FOLLOWS = {"he": "hero", "his": "hero", "him": "hero", "fhe": "friend", "fhis": "friend",
            "fhim": "friend", "things": "thing", "part": "work", "aid": "trap", "sound": "tool",
            "toolname": "tool", "answer": "riddle", "answer2": "riddle2", "rest": "k"}


class Story:
    """text: the story; recalls: (begin, end) of the words that the text before determines; bits:
    what it takes to tell this story from all others by the choices that made it."""

    def __init__(self, marked, bits):
        self.text, self.recalls, self.bits = "", [], bits
        for part in re.split(r"(\x01[^\x02]*\x02)", marked):
            if part.startswith("\x01"):
                part = part[1:-1]
                self.recalls.append((len(self.text), len(self.text) + len(part)))
            self.text += part


class Grammar:
    """An endless supply of stories; those of held-out casts only, or all others."""

    def __init__(self, seed, held_out=False):
        self._random = random.Random(seed)
        self._held_out = held_out

    def story(self):
        """The next Story."""
        slots = self._slots()
        while _is_held_out(slots) != self._held_out:
            slots = self._slots()
        beats = plots.PLOTS[self._one(tuple(plots.PLOTS))]
        sentences = [self._one(beat) for beat in beats]
        bits = math.log2(len(plots.PLOTS)) + sum(math.log2(len(beat)) for beat in beats)
        return Story(" ".join(_fill(s, slots) for s in sentences if s),
                     bits + _slot_bits(" ".join(sentences), slots))

    def _one(self, choices):
        return choices[int(self._random.random() * len(choices))]

    def _some(self, count, choices):
        """`count` different ones, in random order."""
        left = list(choices)
        return [left.pop(int(self._random.random() * len(left))) for _ in range(count)]

    def _slots(self):
        """What fills every slot of a story."""
        slots = {}
        for names, table in _CAST + _SCENE:
            slots.update(zip(names, self._some(len(names), table)))
        for prefix, name in (("", slots["hero"]), ("f", slots["friend"])):
            slots.update(zip((prefix + "he", prefix + "his", prefix + "him"), words.NAMES[name]))
        slots["things"] = slots["thing"] + "s" if slots["thing"] != "scarf" else "scarves"
        for names, table in _PROPS:
            slots.update(zip(names, self._one(table)))
        slots["toolname"] = slots["tool"].removeprefix("a ")
        (slots["riddle"], slots["answer"]), (slots["riddle2"], slots["answer2"]) = self._some(
            2, words.RIDDLES)
        n = _LEAST + int(self._random.random() * (_MOST - _LEAST + 1))
        k = 1 + int(self._random.random() * (n - 1))
        slots.update(n=words.NUMBERS[n], k=words.NUMBERS[k], rest=words.NUMBERS[n - k])
        return slots


def _is_held_out(slots):
    """By the cast alone: who plays the hero and who the friend."""
    cast = " ".join(slots[s] for s in ("hero", "kind", "friend", "fkind"))
    return zlib.crc32(cast.encode()) % HELD_OUT_PART == 0


def _key(name):
    """The slot of a name in a plot: {He} is {he} with a capital."""
    return name[0].lower() + name[1:]


def _fill(sentence, slots):
    """The sentence with its slots filled; what is determined stands between \\x01 and \\x02."""
    def one(match):
        determined, name = match.groups()
        value = slots[_key(name)]
        if name[0].isupper():
            value = value[0].upper() + value[1:]
        return f"\x01{value}\x02" if determined else value
    return _SLOT.sub(one, sentence)


def _slot_bits(template, slots):
    """Bits of the choices behind the slots that the template uses."""
    used = {_FOLLOWS.get(s, s) for s in (_key(name) for _, name in _SLOT.findall(template))}
    bits = 0.0
    for names, table in (*_CAST, *_SCENE, *_PROPS, (("riddle", "riddle2"), words.RIDDLES)):
        for taken in range(len(used.intersection(names))):
            bits += math.log2(len(table) - taken)
    if "n" in used:
        bits += math.log2(_MOST - _LEAST + 1)
    if "k" in used:
        bits += math.log2(words.NUMBERS.index(slots["n"]) - 1)
    return bits


def main():
    """Prints some stories."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stories", type=int, default=5)
    parser.add_argument("--held-out", action="store_true")
    args = parser.parse_args()
    grammar = Grammar(args.seed, args.held_out)
    for _ in range(args.stories):
        print(grammar.story().text, end="\n\n")


if __name__ == "__main__":
    main()
