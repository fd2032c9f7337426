#!/usr/bin/python3
"""Makes little stories from the plots of plots.py: the text that the model is trained on.

    /usr/bin/python3 grammar.py [--seed N] [--stories N] [--held-out]

The same seed gives the same stories, on every machine and Python version (random.Random's
random() is specified; nothing else of that module is used).
"""

import argparse
import random
import re
import zlib

import plots
import words

HELD_OUT_PART = 16  # one cast of sixteen is kept from training
_SLOT = re.compile(r"\{(\+?)([A-Za-z0-9]+)\}")
_GOALS = ("mill", "bridge", "barn", "old tree", "river", "pond", "garden gate", "well")
_WHEN = ("in the morning", "in the evening", "after lunch", "at noon", "before dark", "when the sun comes up")


class Story:
    """text: the story; recalls: (begin, end) of the words that the text before determines."""

    def __init__(self, marked):
        self.text, self.recalls = "", []
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
        return Story(" ".join(_fill(s, slots) for s in sentences if s))

    def _one(self, choices):
        return choices[int(self._random.random() * len(choices))]

    def _some(self, count, choices):
        """`count` different ones, in random order."""
        left = list(choices)
        return [left.pop(int(self._random.random() * len(left))) for _ in range(count)]

    def _slots(self):
        """What fills every slot of a story."""
        hero, friend = self._some(2, words.NAMES)
        kind, fkind = self._some(2, words.KINDS)
        slots = {"hero": hero, "friend": friend, "kind": kind, "fkind": fkind}
        for prefix, name in (("", hero), ("f", friend)):
            slots.update(zip((prefix + "he", prefix + "his", prefix + "him"), words.NAMES[name]))
        for names, table in ((("trait", "ftrait"), words.TRAITS), (("home",), words.HOMES),
                             (("spot", "spot2", "spot3"), words.SPOTS), (("thing",), words.THINGS),
                             (("colour", "colour2"), words.COLOURS), (("food", "food2"), words.FOODS),
                             (("day",), words.DAYS), (("time",), words.TIMES), (("gait",), words.GAITS),
                             (("joy",), words.JOYS), (("goal",), _GOALS), (("when",), _WHEN),
                             (("stop",), words.RACE_STOPS)):
            slots.update(zip(names, self._some(len(names), table)))
        slots["things"] = slots["thing"] + "s" if slots["thing"] != "scarf" else "scarves"
        slots["work"], slots["part"] = self._one(words.MAKERS)
        slots["trap"], slots["aid"] = self._one(words.TRAPS)
        slots["tool"], slots["sound"] = self._one(words.NOISES)
        slots["toolname"] = slots["tool"].removeprefix("a ")
        (slots["riddle"], slots["answer"]), (slots["riddle2"], slots["answer2"]) = self._some(
            2, words.RIDDLES)
        n = 3 + int(self._random.random() * 7)
        k = 1 + int(self._random.random() * (n - 1))
        slots.update(n=words.NUMBERS[n], k=words.NUMBERS[k], rest=words.NUMBERS[n - k])
        return slots


def _is_held_out(slots):
    """By the cast alone: who plays the hero and who the friend."""
    cast = " ".join(slots[s] for s in ("hero", "kind", "friend", "fkind"))
    return zlib.crc32(cast.encode()) % HELD_OUT_PART == 0


def _fill(sentence, slots):
    """The sentence with its slots filled; what is determined stands between \\x01 and \\x02."""
    def one(match):
        determined, name = match.groups()
        value = slots[name[0].lower() + name[1:]]
        if name[0].isupper():
            value = value[0].upper() + value[1:]
        return f"\x01{value}\x02" if determined else value
    return _SLOT.sub(one, sentence)


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
