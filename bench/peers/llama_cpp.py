"""llama.cpp's libraries, from the npm package that node-llama-cpp loads: the version below and no other bytes.

For comparison only: they lie in the cache beside the project's other downloads and go into nothing that is built.
"""

import pathlib
import shutil
import tarfile
import tempfile

from bench.peers.onnx_runtime import WrongBytes, download, verify
from device.tzdevice import cache

PACKAGE = "@node-llama-cpp/linux-x64"
VERSION = "3.22.1"
INTEGRITY = "sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg=="
PLACE = "package/bins/linux-x64/"


def unpack(archive, folder):
    """Writes the shared libraries into a folder, flat."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix(PLACE)
            if member.isfile() and member.name.startswith(PLACE) and ".so" in name and "/" not in name:
                with open(pathlib.Path(folder) / name, "wb") as file:
                    shutil.copyfileobj(tar.extractfile(member), file)
    if not any(pathlib.Path(folder).glob("libllama.*")):
        raise WrongBytes(f"{archive.name} holds no libllama")


def make(folder, get=None, integrity=INTEGRITY):
    """Downloads, verifies and unpacks into a folder. get(folder) -> archive."""
    get = get or (lambda place: download(place, PACKAGE, VERSION))
    with tempfile.TemporaryDirectory(prefix="smartzone-npm-") as temporary:
        archive = get(pathlib.Path(temporary))
        verify(archive, integrity)
        unpack(archive, folder)


def libraries():
    """The folder of the libraries; fetched once. Raises onnx_runtime.Unavailable."""
    return cache.result("llama-cpp", {"package": PACKAGE, "version": VERSION, "integrity": INTEGRITY}, make)
