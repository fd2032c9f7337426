"""The guest's root file system: an initramfs written here, without special rights."""

import gzip
import io
import lzma
import os
import pathlib
import shutil
import stat
import tarfile
import subprocess

from . import archive, cache, lockfile, tools, ui
from .errors import DeviceError

GUEST_DIR = pathlib.Path(__file__).resolve().parent.parent / "guest"
# In the order they are loaded.
MODULES = ("failover", "net_failover", "virtio_net", "virtio-rng", "tee", "optee")
FOLDERS = ("proc", "sys", "dev", "tmp", "run", "root", "etc", "var/lib/tee", "data/tee",
           "usr/bin", "usr/sbin", "usr/lib/optee_armtz")
SKIP = ("./usr/share/", "./usr/lib/systemd/", "./usr/lib/udev/", "./lib/systemd/",
        "./usr/lib/sysusers.d/", "./usr/lib/tmpfiles.d/")
ETC = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\ntee:x:100:\nteeclnt:x:101:\n",
    "etc/shells": "/bin/sh\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/profile": "export PATH=/usr/bin:/usr/sbin\nexport PS1='\\h:\\w\\$ '\n",
}


class Cpio:
    """A cpio archive (format newc) in memory; everything belongs to root."""

    def __init__(self):
        self.out, self.names, self.serial = io.BytesIO(), set(), 0

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.serial += 1
        raw = name.encode() + b"\0"
        fields = (self.serial, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
        self.out.write(b"\0" * (-self.out.tell() % 4))
        self.out.write(data)
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def folder(self, name):
        """Add a folder and those above it, once."""
        for part in [*reversed(pathlib.PurePosixPath(name).parents[:-1]), name]:
            if str(part) not in self.names:
                self.names.add(str(part))
                self._entry(str(part), stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        """Add a file with its folders."""
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self.names.add(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        """Add a symbolic link."""
        if "/" in name:
            self.folder(str(pathlib.PurePosixPath(name).parent))
        self.names.add(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, major, minor):
        """Add a character device."""
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def finish(self):
        """The archive's bytes, padded so that another one can follow."""
        self._entry("TRAILER!!!", 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        return self.out.getvalue()


def add_deb(cpio, path, wanted=lambda name: True):
    """Add a binary package's files; /bin, /lib and /sbin are below /usr."""
    done = subprocess.run([tools.find("dpkg-deb"), "--fsys-tarfile", str(path)],
                          capture_output=True, check=False)
    if done.returncode:
        raise DeviceError(f"{path.name}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        for member in tar:
            if member.isdir() or (member.name + "/").startswith(SKIP):
                continue
            name = member.name.removeprefix("./")
            if name.split("/")[0] in ("bin", "sbin", "lib"):
                name = "usr/" + name
            if "/gconv/" in name or "/audit/" in name or not wanted(name):
                continue
            if member.issym():
                cpio.link(name, member.linkname)
            elif member.isreg() or member.islnk():
                data = tar.extractfile(member).read()
                cpio.file(name, data, member.mode & 0o777)


def base():
    """Folder with vmlinuz and base.cpio.gz, the root file system of every device."""
    lock = lockfile.load()
    kernel = next(iter(lock["kernel"].values()))
    guest = lock["guest"]
    inputs = {"packages": [f.sha256 for p in (kernel, *guest.values()) for f in p.files],
              "scripts": cache.hash_tree(GUEST_DIR), "modules": MODULES, "etc": ETC,
              "recipe": 1}

    def make(dest):
        files = {p.name: archive.download(p)[0] for p in (kernel, *guest.values())}
        with ui.step("make the guest's root file system"):
            _make_base(dest, files.pop(kernel.name), files)
    return cache.result("rootfs", inputs, make)


def _make_base(dest, kernel_deb, debs):
    cpio = Cpio()
    for name in FOLDERS:
        cpio.folder(name)
    for name in ("bin", "sbin", "lib"):
        cpio.link(name, "usr/" + name)
    cpio.node("dev/console", 5, 1)
    for path in debs.values():
        add_deb(cpio, path)
    if "usr/bin/sh" not in cpio.names:
        cpio.link("usr/bin/sh", "busybox")
    cpio.link("usr/sbin/init", "../bin/busybox")
    for name, text in ETC.items():
        cpio.file(name, text.encode())
    cpio.file("init", (GUEST_DIR / "init").read_bytes(), 0o755)
    cpio.file("etc/inittab", (GUEST_DIR / "inittab").read_bytes())
    for name in ("tzdev-run", "tzdev-kill", "tzdev-receive"):
        cpio.file(f"usr/bin/{name}", (GUEST_DIR / name).read_bytes(), 0o755)
    _add_kernel(dest, cpio, kernel_deb)
    (dest / "base.cpio.gz").write_bytes(gzip.compress(cpio.finish(), 1, mtime=0))


def _add_kernel(dest, cpio, deb):
    tree = dest / "kernel"
    archive.unpack_deb(deb, tree)
    release = next((tree / "usr/lib/modules").iterdir())
    for name in MODULES:
        found = [p for p in release.rglob(f"{name}.ko*")]
        if not found:
            raise DeviceError(f"{deb.name} has no module {name}")
        data = found[0].read_bytes()
        if found[0].suffix == ".xz":
            data = lzma.decompress(data)
        cpio.file(f"usr/lib/modules/{release.name}/{name}.ko", data)
    cpio.file(f"usr/lib/modules/{release.name}/order", "\n".join(MODULES).encode())
    shutil.copy2(next((tree / "boot").glob("vmlinuz-*")), dest / "vmlinuz")
    (dest / "version").write_text(release.name + "\n")
    shutil.rmtree(tree)


def personal(name, authorized_key, host_key):
    """What is only this device's: its name and its keys; appended to the base."""
    cpio = Cpio()
    cpio.file("etc/hostname", f"{name}\n".encode())
    cpio.file("root/.ssh/authorized_keys", authorized_key, 0o600)
    cpio.file("etc/dropbear/hostkey", host_key, 0o600)
    return cpio.finish()


def write_initramfs(dest, parts):
    """Concatenate archives, each padded to a multiple of four as Linux wants it."""
    with open(dest, "wb") as out:
        for part in parts:
            out.write(part)
            out.write(b"\0" * (-out.tell() % 4))
    os.chmod(dest, 0o600)
