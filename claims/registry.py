"""What a claim is, and the list of all claims.

A claim is a function that measures and returns a Measurement; it is registered with @claim under an id
that never changes. A claim never fails the build: one that falls short is shown as such, one that
could not be measured says why.
"""

import dataclasses
import time
import traceback
from typing import Callable

CLAIMS = []


@dataclasses.dataclass
class Measurement:
    """value: the figure, or None if it could not be measured. holds: whether it is within its bound.
    note: what a reader must know beside it (conditions, or why there is no figure)."""
    value: float | int | str | None
    holds: bool | None
    note: str = ""


@dataclasses.dataclass
class Claim:
    """id: frozen name; what: one sentence; unit, bound: as printed; measure: the function."""
    id: str
    what: str
    unit: str
    bound: str
    measure: Callable[[], Measurement]
    slow: bool = False


def claim(id, what, unit, bound, slow=False):  # pylint: disable=redefined-builtin
    """Registers the function below it as the measurement of a claim. slow: minutes, not seconds."""
    def register(function):
        CLAIMS.append(Claim(id, what, unit, bound, function, slow))
        return function
    return register


def at_most(value, bound, note=""):
    """A measurement that holds when value <= bound."""
    return Measurement(value, value <= bound, note)


def at_least(value, bound, note=""):
    """A measurement that holds when value >= bound."""
    return Measurement(value, value >= bound, note)


def exactly(value, wanted, note=""):
    """A measurement that holds when value == wanted."""
    return Measurement(value, value == wanted, note)


def unmeasured(why):
    """No figure, and why."""
    return Measurement(None, None, why)


def run(one):
    """Measures one claim; returns its row as a dict. An exception becomes the row's note."""
    begin = time.monotonic()
    try:
        result = one.measure()
    except Exception as error:  # pylint: disable=broad-except
        last = traceback.extract_tb(error.__traceback__)[-1]
        result = Measurement(None, False, f"{type(error).__name__} in {last.name}: {error}")
    return {"id": one.id, "what": one.what, "value": result.value, "unit": one.unit,
            "bound": one.bound, "holds": result.holds, "note": result.note,
            "seconds": round(time.monotonic() - begin, 1)}
