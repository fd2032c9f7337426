"""Keys for one device: made at every start, known to nobody else."""

import base64
import struct
import subprocess

from . import tools
from .errors import DeviceError


def _fields(data):
    """Split a sequence of SSH strings (length, bytes)."""
    while data:
        size = struct.unpack(">I", data[:4])[0]
        yield data[4:4 + size]
        data = data[4 + size:]


def _string(data):
    return struct.pack(">I", len(data)) + data


def dropbear_key(openssh):
    """An unencrypted OpenSSH Ed25519 private key in dropbear's own format."""
    body = b"".join(openssh.split(b"-----")[2].split())
    data = base64.b64decode(body)
    magic = b"openssh-key-v1\0"
    if not data.startswith(magic):
        raise DeviceError("ssh-keygen wrote a private key in an unknown format")
    data = data[len(magic):]
    sizes = []
    for _ in range(3):                       # cipher, key derivation, its options
        size = struct.unpack(">I", data[:4])[0]
        sizes.append(data[4:4 + size])
        data = data[4 + size:]
    if sizes[0] != b"none":
        raise DeviceError("ssh-keygen wrote an encrypted private key")
    _public, private = list(_fields(data[4:]))[:2]
    kind, public, secret = list(_fields(private[8:8 + 4 + 11 + 4 + 32 + 4 + 64]))
    if kind != b"ssh-ed25519" or secret[32:] != public:
        raise DeviceError("ssh-keygen wrote another kind of key than Ed25519")
    return _string(kind) + _string(secret)


def make(folder):
    """Make login and host key in folder; returns (authorized_keys, dropbear host key)."""
    for name in ("login", "host"):
        path = folder / name
        path.unlink(missing_ok=True)
        done = subprocess.run(
            [tools.find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "tzdev",
             "-f", str(path)], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL)
        if done.returncode:
            raise DeviceError(f"ssh-keygen: {done.stderr.strip()}")
    kind, public = (folder / "host.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"tzdev {kind} {public}\n")
    host = dropbear_key((folder / "host").read_bytes())
    (folder / "host").unlink()
    return (folder / "login.pub").read_bytes(), host
