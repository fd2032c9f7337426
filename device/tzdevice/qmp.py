"""QEMU's monitor (QMP) over its socket in the device's folder."""

import json
import os
import socket

from .errors import DeviceError


class Monitor:
    """One connection; use it as a context manager."""

    def __init__(self, folder, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        # Through the folder's descriptor: a socket's path may have 107 bytes only.
        self.folder = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock.connect(f"/proc/self/fd/{self.folder}/qmp.sock")
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
        os.close(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
