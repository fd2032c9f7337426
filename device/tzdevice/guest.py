"""Talking to the guest: commands and a shell, over one SSH connection kept open."""

import secrets
import shlex
import subprocess
import sys

from . import tools
from .errors import DeviceError

TIMEOUT_STATUS = 124          # as timeout(1)
INTERRUPT_STATUS = 130        # as a shell after Ctrl-C
SSH_FAILED = 255


class Guest:
    """The guest of a running device, reached at a port of the host's loopback."""

    def __init__(self, folder, port):
        self.folder, self.port, self.reason = folder, port, ""

    def _ssh(self, *options):
        # Relative paths, in the device's folder: a socket's path may have 107 bytes only.
        return [tools.find("ssh"), "-F", "none", "-i", "login", "-p", str(self.port),
                "-o", "UserKnownHostsFile=known_hosts", "-o", "GlobalKnownHostsFile=none",
                "-o", "HostKeyAlias=tzdev", "-o", "StrictHostKeyChecking=yes",
                "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR",
                "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8",
                "-o", "Ciphers=chacha20-poly1305@openssh.com,aes128-ctr",
                "-o", "ControlPath=ssh.sock", "-o", "EscapeChar=none", *options]

    def connect(self):
        """Open the kept connection; False (and a reason) if it cannot be."""
        done = subprocess.run(
            self._ssh("-M", "-N", "-f", "-o", "ControlPersist=yes", "root@127.0.0.1"),
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "ssh.log", "wb"), check=False)
        self.reason = (self.folder / "ssh.log").read_text(errors="replace").strip()
        return done.returncode == 0

    def connected(self):
        """Whether the kept connection answers."""
        return subprocess.run(self._ssh("-O", "check", "root@127.0.0.1"), cwd=self.folder,
                              capture_output=True, check=False).returncode == 0

    def disconnect(self):
        """Close the kept connection."""
        subprocess.run(self._ssh("-O", "exit", "root@127.0.0.1"), cwd=self.folder,
                       capture_output=True, check=False)

    def require(self):
        if not self.connected() and not self.connect():
            raise DeviceError(f"the guest does not answer: {self.reason or 'no reason given'}")

    def _command(self, words, *options):
        return self._ssh("-o", "ControlMaster=no", *options, "root@127.0.0.1", "--",
                         shlex.join(words))

    def spawn(self, words, *options, **streams):
        """Start a command in the guest; returns the process of its ssh."""
        return subprocess.Popen(self._command(words, *options), cwd=self.folder, **streams)

    def run(self, words, timeout=None, **streams):
        """Run a command in the guest, streams passed through; returns its status."""
        self.require()
        job = secrets.token_hex(6)
        process = self.spawn(["setsid", "tzdev-run", job, *words], "-T", **streams)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._kill(job, process)
            print(f"tzdev: the guest's command was ended after {timeout:g} s",
                  file=sys.stderr)
            return TIMEOUT_STATUS
        except KeyboardInterrupt:
            self._kill(job, process)
            return INTERRUPT_STATUS
        if status == SSH_FAILED and not self.connected():
            raise DeviceError("the connection to the guest broke: did it crash? "
                              "(tzdev status; tzdev console --world secure)")
        return status

    def _kill(self, job, process):
        subprocess.run(self._command(["tzdev-kill", job], "-T"), cwd=self.folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=30, check=False)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def capture(self, words, timeout=60):
        """Run a command in the guest; returns (status, stdout bytes, stderr bytes)."""
        self.require()
        done = subprocess.run(self._command(words, "-T"), cwd=self.folder, timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def shell(self):
        """An interactive login shell."""
        self.require()
        return subprocess.run(self._ssh("-o", "ControlMaster=no", "-tt", "root@127.0.0.1"),
                              cwd=self.folder, check=False).returncode
