"""The cache: downloads and build results, named by a hash of all that went in.

A result is made in a temporary folder beside its place and renamed into it, so it is
there completely or not at all; a lock file keeps two processes from making it twice.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile

from .errors import DeviceError


def root():
    """The cache's folder; SMARTZONE_CACHE or XDG_CACHE_HOME move it."""
    base = os.environ.get("SMARTZONE_CACHE")
    if not base:
        xdg = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(xdg, "smartzone")
    path = pathlib.Path(base).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


def folder(name):
    """A folder of the cache, made when it is missing."""
    path = root() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def lock(name):
    """Hold an exclusive lock between processes; the kernel frees it if we die."""
    safe = re.sub(r"[^A-Za-z0-9._+-]", "_", name)
    with open(folder("locks") / safe, "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def key_of(inputs):
    """A short name for a set of inputs: equal inputs, equal name."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sha256(path):
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def hash_tree(top):
    """Relative path -> SHA-256 for every file under top; {} if it does not exist."""
    top = pathlib.Path(top)
    if not top.is_dir():
        return {}
    return {str(p.relative_to(top)): sha256(p)
            for p in sorted(top.rglob("*")) if p.is_file()}


def result(kind, inputs, make):
    """The folder with the result of make(folder), made once for equal inputs.

    kind names the result for the reader; inputs (JSON values) decide its identity and
    are kept beside it in inputs.json.
    """
    place = folder("built") / f"{kind}-{key_of(inputs)}"
    if place.is_dir():
        return place
    with lock(place.name):
        if place.is_dir():
            return place
        temp = pathlib.Path(tempfile.mkdtemp(prefix=f".{place.name}.",
                                             dir=place.parent))
        try:
            make(temp)
            text = json.dumps(inputs, indent=1, sort_keys=True)
            (temp / "inputs.json").write_text(text + "\n")
            temp.chmod(0o755)
            temp.rename(place)
        finally:
            shutil.rmtree(temp, ignore_errors=True)
    return place


def clean(running):
    """Remove downloads and results; refuse while one of the devices runs from them."""
    if running:
        raise DeviceError(f"devices still run from the cache: {', '.join(running)}; "
                          f"stop them first (tzdev stop --name NAME)")
    freed = 0
    for name in ("built", "downloads", "apt", "logs"):
        top = root() / name
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink():
                freed += path.stat().st_size
        shutil.rmtree(top, ignore_errors=True)
    return freed
