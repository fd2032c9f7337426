"""ONNX Runtime's libraries, from the npm package onnxruntime-node: the version below and no other bytes.

For comparison only. They lie in the cache beside the project's other downloads
(${SMARTZONE_CACHE:-~/.cache/smartzone}) and go into nothing that is built.
"""

import base64
import hashlib
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile

from device.tzdevice import cache

PACKAGE = "onnxruntime-node"
VERSION = "1.30.0"
INTEGRITY = "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw=="
# What the archive calls an architecture is the folder's name here too.
ARCHITECTURES = ("x64", "arm64")
MEMBER = re.compile(r"package/bin/napi-v\d+/linux/(x64|arm64)/libonnxruntime\.so\.1")
LIBRARY = "libonnxruntime.so"
DOWNLOAD_SECONDS = 900


class Unavailable(RuntimeError):
    """The peer cannot be had here; the message says why."""


class WrongBytes(RuntimeError):
    """What was downloaded is not the file that was pinned."""


def verify(archive, integrity=INTEGRITY):
    """Raises WrongBytes unless the file has this digest, written as npm writes it."""
    algorithm, _, wanted = integrity.partition("-")
    with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, algorithm).digest()
    if digest != base64.b64decode(wanted):
        raise WrongBytes(f"{archive.name} is not what was pinned: its {algorithm} is "
                         f"{base64.b64encode(digest).decode()}, expected {wanted}")


def download(folder, package=PACKAGE, version=VERSION):
    """Has npm put a package's archive into a folder; returns its path. Nothing is installed and
    no script of the package is run."""
    if not shutil.which("npm"):
        raise Unavailable(f"npm is not installed, and {package} comes from there")
    result = subprocess.run(["npm", "pack", f"{package}@{version}", "--silent", "--ignore-scripts",
                             "--pack-destination", str(folder)], capture_output=True, text=True,
                            check=False, cwd=folder, timeout=DOWNLOAD_SECONDS)
    archives = sorted(pathlib.Path(folder).glob("*.tgz"))
    if result.returncode != 0 or len(archives) != 1:
        raise Unavailable(f"npm pack {package}@{version} failed: {result.stderr.strip()[-300:]}")
    return archives[0]


def unpack(archive, folder):
    """Writes folder/ARCHITECTURE/libonnxruntime.so for each architecture."""
    with tarfile.open(archive) as tar:
        for member in tar:
            match = MEMBER.fullmatch(member.name)
            if not match or not member.isfile():
                continue
            place = pathlib.Path(folder) / match[1]
            place.mkdir()
            with open(place / LIBRARY, "wb") as file:
                shutil.copyfileobj(tar.extractfile(member), file)
    missing = [one for one in ARCHITECTURES if not (pathlib.Path(folder) / one / LIBRARY).is_file()]
    if missing:
        raise WrongBytes(f"{archive.name} holds no library for {', '.join(missing)}")


def make(folder, get=download, integrity=INTEGRITY):
    """Downloads, verifies and unpacks into a folder. get(folder) -> archive."""
    with tempfile.TemporaryDirectory(prefix="smartzone-npm-") as temporary:
        archive = get(pathlib.Path(temporary))
        verify(archive, integrity)
        unpack(archive, folder)


def library(architecture):
    """The path of libonnxruntime.so for "x64" or "arm64"; fetched once."""
    inputs = {"package": PACKAGE, "version": VERSION, "integrity": INTEGRITY}
    return cache.result("onnxruntime", inputs, make) / architecture / LIBRARY
