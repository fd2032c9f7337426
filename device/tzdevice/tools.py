"""Programs of the host, each with the Debian package that brings it."""

import os
import shutil
import subprocess

from .errors import DeviceError

PACKAGE_OF = {
    "qemu-system-aarch64": "qemu-system-arm",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "fdtput": "device-tree-compiler",
    "dtc": "device-tree-compiler",
    "dpkg-deb": "dpkg",
    "dpkg-source": "dpkg-dev",
    "make": "make",
    "patch": "patch",
    "xz": "xz-utils",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "apt-get": "apt",
}
PYTHON_MODULE_PACKAGE = {
    "cryptography": "python3-cryptography",
    "elftools": "python3-pyelftools",
}
# OP-TEE's scripts need Debian's interpreter, which sees Debian's modules.
PYTHON = "/usr/bin/python3"


def find(name):
    """The absolute path of a host program; an error names its package."""
    path = shutil.which(name)
    if path is None and name == "qemu-system-aarch64":
        path = shutil.which(name, path="/usr/bin")
    if path is None:
        package = PACKAGE_OF.get(name, name)
        raise DeviceError(f"the program '{name}' is not installed: "
                          f"apt-get install {package}  (all that is needed: "
                          f"device/debian-packages.txt)")
    return path


def require_python_modules(*modules):
    """Check that Debian's python3 can import the modules OP-TEE's scripts use."""
    for module in modules:
        done = subprocess.run([PYTHON, "-c", f"import {module}"],
                              capture_output=True, check=False)
        if done.returncode:
            raise DeviceError(f"{PYTHON} has no module '{module}': apt-get "
                              f"install {PYTHON_MODULE_PACKAGE[module]}")


def clean_environment():
    """An environment for builds: no variable of the caller's leaks into make."""
    keep = ("PATH", "HOME", "TMPDIR", "USER", "LOGNAME")
    env = {k: os.environ[k] for k in keep if k in os.environ}
    env["LC_ALL"] = "C.UTF-8"
    return env


def run_logged(command, log, cwd=None):
    """Run a command with its output appended to log; on failure show the end of it."""
    from . import ui
    with open(log, "ab") as out:
        out.write(f"$ {' '.join(map(str, command))}\n".encode())
        out.flush()
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, cwd=cwd,
                              env=clean_environment(), check=False)
    if done.returncode:
        raise DeviceError(f"'{command[0]}' failed with status {done.returncode}; "
                          f"the end of {log}:\n{ui.tail(log)}")


def output(command):
    """Standard output of a command as text; a failure is an error with its stderr."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeviceError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout
