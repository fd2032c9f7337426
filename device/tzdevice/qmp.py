"""QEMU's monitor (QMP) over its socket in the device's folder."""

import json
import os
import socket

from .errors import DeviceError


def connect(folder, name, timeout):
    """A connected stream socket to the Unix socket `name` in a folder."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    # Through the folder's descriptor: a socket's path may have 107 bytes only.
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{descriptor}/{name}")
    except OSError:
        sock.close()
        raise
    finally:
        os.close(descriptor)
    return sock


class Monitor:
    """One connection; use it as a context manager."""

    def __init__(self, folder, timeout=60):
        try:
            self.sock = connect(folder, "qmp.sock", timeout)
        except OSError as error:
            raise DeviceError(f"QEMU's monitor does not answer: {error}") from error
        try:
            self.stream = self.sock.makefile("rw", encoding="utf-8")
            self.stream.readline()
            self("qmp_capabilities")
        except OSError as error:
            self.close()
            raise DeviceError(f"QEMU's monitor does not answer: {error}") from error

    def __call__(self, name, **arguments):
        """Execute a command and return its value."""
        self.stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.stream.flush()
        while line := self.stream.readline():
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise DeviceError(f"QEMU refuses {name}: {answer['error']['desc']}")
        raise DeviceError(f"QEMU ended during {name}")

    def close(self):
        """Close the connection."""
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
