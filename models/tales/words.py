"""The words that the stories are made of."""

# name -> the pronouns of who bears it.
HE = ("he", "his", "him")
SHE = ("she", "her", "her")
NAMES = {
    **dict.fromkeys(("Pip", "Bram", "Odo", "Hugo", "Toby", "Finn", "Max", "Rufus"), HE),
    **dict.fromkeys(("Nell", "Mina", "Fern", "Tilda", "Wren", "Ada", "Lotte", "Ivy"), SHE),
}
KINDS = ("fox", "bear", "hare", "mole", "owl", "otter", "badger", "frog", "hedgehog", "mouse",
         "crow", "goat", "duck", "squirrel")
TRAITS = ("small", "young", "brave", "shy", "clever", "kind", "merry", "quiet", "round", "busy")
HOMES = ("in a hollow tree", "under the old bridge", "behind the mill", "at the edge of the wood",
         "on top of the hill", "near the pond", "in a little house by the river", "in the garden")
SPOTS = ("under a big stone", "in the tall grass", "beside the well", "behind the barn",
         "by the garden gate", "between two roots", "on the wall", "in an empty box",
         "under the stairs", "near the bridge", "in the old cart", "at the foot of the hill")
THINGS = ("kite", "boat", "hat", "bell", "drum", "key", "basket", "ball", "scarf", "cup", "lamp",
          "ring", "coat", "spoon")
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "grey", "pink", "golden")
FOODS = ("apples", "pears", "nuts", "plums", "cakes", "berries", "carrots", "buns")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DAYS = ("sunny", "windy", "rainy", "cold", "foggy", "warm")
TIMES = ("morning", "afternoon", "evening", "day")
GAITS = ("ran", "walked", "went", "hurried")
JOYS = ("sang a song", "danced in a circle", "laughed out loud", "jumped for joy", "smiled all day")
MAKERS = (("boat", "a long rope"), ("kite", "a piece of string"), ("house", "a strong hammer"),
          ("cart", "two wheels"), ("swing", "a flat board"), ("raft", "a tall pole"))
TRAPS = (("in the deep well", "a rope"), ("on the roof of the barn", "a ladder"),
         ("in the mud by the river", "a long pole"), ("at the top of a tall tree", "a ladder"),
         ("in a hole in the ground", "a rope"), ("on a stone in the river", "a boat"))
NOISES = (("a bell", "ding, ding"), ("a drum", "boom, boom"), ("a flute", "toot, toot"),
          ("a broom", "swish, swish"), ("a hammer", "knock, knock"))
RIDDLES = (("is white and cold and falls from the sky", "snow"),
           ("has a bed but never sleeps", "the river"),
           ("has hands but cannot clap", "a clock"),
           ("is round and bright and comes out at night", "the moon"),
           ("has teeth but cannot eat", "a comb"),
           ("gets wet while it dries", "a towel"),
           ("has one eye but cannot see", "a needle"),
           ("goes up but never comes down", "your age"),
           ("is full of holes but holds water", "a sponge"),
           ("has leaves but is not a tree", "a book"))
RACE_STOPS = ("stopped to eat some berries", "sat down to rest", "fell asleep under a tree",
              "stopped to look at a butterfly", "took the wrong path")
GOALS = ("mill", "bridge", "barn", "old tree", "river", "pond", "garden gate", "well")
WHEN = ("in the morning", "in the evening", "after lunch", "at noon", "before dark",
        "when the sun comes up")
