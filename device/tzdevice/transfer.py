"""Files between host and guest: a tar archive through a virtio-serial port.

The kept SSH connection gives the orders; the bytes take the port, because encryption is
slow under emulation.
"""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading

from . import cache
from .errors import DeviceError
from .qmp import connect

BLOCK = 1 << 18
END_OF_ARCHIVE = b"\0" * 1024


@contextlib.contextmanager
def _port(link):
    """The bulk port of a guest, ours alone for the moment."""
    with cache.lock(f"bulk-{link.folder.name}"):
        try:
            sock = connect(link.folder, "bulk.sock", None)
        except OSError as error:
            raise DeviceError(f"the device has no port for files ({error}): was it started "
                              f"by an older tzdev? Stop and start it") from error
        with sock:
            yield sock


def push(link, sources, dest):
    """Copy files and folders into the guest, with the meaning of cp -r."""
    for source in sources:
        if not os.path.lexists(source):
            raise DeviceError(f"{source}: no such file or folder")
    link.require()
    with tempfile.TemporaryFile() as spool:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for source in sources:
                path = pathlib.Path(source)
                tar.add(path, arcname=path.name or path.resolve().name, filter=_as_root)
        spool.seek(0)
        with _port(link) as sock:
            sender = threading.Thread(target=_send, args=(sock, spool), daemon=True)
            sender.start()
            process = link.spawn(["tzdev-receive", dest, str(len(sources))], "-T",
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            error = process.stderr.read().decode(errors="replace").strip()
            status = process.wait()
            _shut(sock)
            sender.join()
    if status:
        raise DeviceError(f"push to {dest}: {error or f'status {status}'}")


def _send(sock, spool):
    with contextlib.suppress(OSError):
        sock.sendfile(spool)
        # Not close(): QEMU would drop what it has not read yet.
        sock.shutdown(socket.SHUT_WR)


def _shut(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _as_root(member):
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def pull(link, sources, dest):
    """Copy files and folders out of the guest, with the meaning of cp -r."""
    into = dest.endswith("/") or os.path.isdir(dest) or len(sources) > 1
    link.require()
    words = ["tar", "-c", "-f", "/dev/tzdev-bulk"]
    for source in sources:
        clean = source.rstrip("/") or "/"
        words += ["-C", os.path.dirname(clean) or "/root", os.path.basename(clean) or "."]
    with tempfile.TemporaryFile() as spool:
        with _port(link) as sock:
            process = link.spawn(words, "-T", stdin=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)
            _receive(sock, spool, process)
            error = process.stderr.read().decode(errors="replace").strip()
        if process.returncode:
            raise DeviceError(f"pull {' '.join(sources)}: {error}")
        _require_end(spool, sources)
        top = pathlib.Path(dest)
        (top if into else top.parent).mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=spool, mode="r:") as tar:
            for member in tar:
                extract(tar, member, top, into)


def _receive(sock, spool, process):
    """Take what comes until the guest's command has ended and nothing is left.

    A write to the port returns in the guest when QEMU has passed it on, so what comes
    has come once the command is over.
    """
    sock.settimeout(0.05)
    over = False
    while True:
        try:
            block = sock.recv(BLOCK)
        except TimeoutError:
            if over:
                return
            over = process.poll() is not None
            continue
        if not block:
            process.wait()
            return
        spool.write(block)


def _require_end(spool, sources):
    """Refuse an archive that stops before its end mark."""
    size = spool.seek(0, os.SEEK_END)
    spool.seek(max(0, size - len(END_OF_ARCHIVE)))
    if spool.read() != END_OF_ARCHIVE:
        raise DeviceError(f"pull {' '.join(sources)}: the guest sent half an archive")
    spool.seek(0)


def extract(tar, member, top, into):
    """Put one member under top; the guest is not trusted to name places outside it."""
    parts = pathlib.PurePosixPath(member.name).parts
    if ".." in parts or member.name.startswith("/"):
        raise DeviceError(f"the guest sent the name '{member.name}': refused")
    place = top.joinpath(*(parts if into else parts[1:]))
    for above in (place, *place.parents):
        if above == top or top not in above.parents:
            break
        if above.is_symlink():
            raise DeviceError(f"the guest sent a file through a link: {above}: refused")
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
    elif member.isreg():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        with tar.extractfile(member) as source, open(place, "wb") as out:
            while block := source.read(BLOCK):
                out.write(block)
        place.chmod(member.mode & 0o777)
    elif member.issym():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(member.linkname)
    else:
        print(f"tzdev: {member.name}: neither file, folder nor link; left out",
              file=sys.stderr)
