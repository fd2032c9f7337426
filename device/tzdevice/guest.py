"""Talking to the guest: commands, a shell, files. One SSH connection is kept open."""

import os
import pathlib
import secrets
import shlex
import subprocess
import sys
import tarfile

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

    def _require(self):
        if not self.connected() and not self.connect():
            raise DeviceError(f"the guest does not answer: {self.reason or 'no reason given'}")

    def _command(self, words, *options):
        return self._ssh("-o", "ControlMaster=no", *options, "root@127.0.0.1", "--",
                         shlex.join(words))

    def _spawn(self, words, *options, **streams):
        return subprocess.Popen(self._command(words, *options), cwd=self.folder, **streams)

    def run(self, words, timeout=None, **streams):
        """Run a command in the guest, streams passed through; returns its status."""
        self._require()
        job = secrets.token_hex(6)
        process = self._spawn(["setsid", "tzdev-run", job, *words], "-T", **streams)
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
        self._require()
        done = subprocess.run(self._command(words, "-T"), cwd=self.folder, timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def shell(self):
        """An interactive login shell."""
        self._require()
        return subprocess.run(self._ssh("-o", "ControlMaster=no", "-tt", "root@127.0.0.1"),
                              cwd=self.folder, check=False).returncode

    def push(self, sources, dest):
        """Copy files and folders into the guest, with the meaning of cp -r."""
        for source in sources:
            if not os.path.lexists(source):
                raise DeviceError(f"{source}: no such file or folder")
        self._require()
        process = self._spawn(["tzdev-receive", dest, str(len(sources))], "-T",
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        problem = ""
        try:
            with tarfile.open(fileobj=process.stdin, mode="w|", bufsize=1 << 18,
                              format=tarfile.GNU_FORMAT) as tar:
                for source in sources:
                    path = pathlib.Path(source)
                    tar.add(path, arcname=path.name or path.resolve().name,
                            filter=_as_root)
            process.stdin.close()
        except BrokenPipeError:
            problem = "the guest stopped reading"
        error = process.stderr.read().decode(errors="replace").strip()
        if process.wait() or problem:
            raise DeviceError(f"push to {dest}: {error or problem}")

    def pull(self, sources, dest):
        """Copy files and folders out of the guest, with the meaning of cp -r."""
        into = dest.endswith("/") or os.path.isdir(dest) or len(sources) > 1
        self._require()
        words = ["tar", "-c", "-f", "-"]
        for source in sources:
            clean = source.rstrip("/") or "/"
            words += ["-C", os.path.dirname(clean) or "/root", os.path.basename(clean) or "."]
        process = self._spawn(words, "-T", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        top = pathlib.Path(dest)
        (top if into else top.parent).mkdir(parents=True, exist_ok=True)
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|", bufsize=1 << 18) as tar:
                for member in tar:
                    _extract(tar, member, top, into)
        except tarfile.ReadError:
            pass                      # tar's own message follows
        process.stdout.close()
        error = process.stderr.read().decode(errors="replace").strip()
        if process.wait():
            raise DeviceError(f"pull {' '.join(sources)}: {error}")


def _as_root(member):
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _extract(tar, member, top, into):
    """Put one member under top; the guest is not trusted to name places outside it."""
    parts = pathlib.PurePosixPath(member.name).parts
    if not parts or ".." in parts or member.name.startswith("/"):
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
            while block := source.read(1 << 18):
                out.write(block)
        place.chmod(member.mode & 0o777)
    elif member.issym():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(member.linkname)
    else:
        print(f"tzdev: {member.name}: neither file, folder nor link; left out",
              file=sys.stderr)
