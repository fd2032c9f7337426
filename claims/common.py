"""What claims share: booted devices, and claims that need the data folder."""

import functools

from claims.registry import unmeasured
from harness.board import Board, data_folder

NO_DATA = "SMARTZONE_DATA names no folder of trained models"
_BOARDS = {}


def board(flavour, memory=512, **options):
    """A device of this flavour (harness.board.Board has the options), booted at the first use, for
    all claims."""
    sizes = [] if memory == 512 else [memory]
    name = "-".join(["claims", flavour, *(str(value) for value in (*options.values(), *sizes))])
    if name not in _BOARDS:
        one = Board(name, flavour=flavour, memory=memory, **options)
        one.start()
        _BOARDS[name] = one
    return _BOARDS[name]


def keep(one):
    """Has clean_up() end this device as well."""
    _BOARDS[one.name] = one


def clean_up():
    """Ends the devices that the claims used."""
    while _BOARDS:
        _BOARDS.popitem()[1].stop()


def needs_data(function):
    """A claim that cannot be measured without the data folder says so."""
    @functools.wraps(function)
    def wrapped():
        return function() if data_folder() else unmeasured(NO_DATA)
    return wrapped
