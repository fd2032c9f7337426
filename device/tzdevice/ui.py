"""Progress lines on standard error; standard output belongs to the results."""

import contextlib
import sys
import time

quiet = False


def note(text):
    """Print one line of progress."""
    if not quiet:
        print(f"tzdev: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what):
    """Announce a step, and say how many seconds it took once it is done."""
    begin = time.monotonic()
    note(f"{what} ...")
    yield
    note(f"{what}: {time.monotonic() - begin:.1f} s")


def tail(path, lines=25):
    """The last lines of a log file, or a word that there is none."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return f"({path.name}: no log)"
    return "\n".join(text.replace("\r", "").splitlines()[-lines:])
