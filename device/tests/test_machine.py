"""QEMU's patched copy, keys, archives, and state without a device."""

import io
import json
import os
import struct
import subprocess
import tarfile

import support
from tzdevice import device, keys, qemu, rootfs, transfer
from tzdevice.errors import DeviceError


def entry(base, size):
    return struct.pack("<QQ", base, size)


class Enlarge(support.unittest.TestCase):
    KNOWN = (b"x" * 40 + entry(*qemu.SECURE_RAM) + b"y" * 8 + entry(*qemu.PCIE_WINDOW))

    def test_moves_the_window_behind_the_secure_ram(self):
        out = qemu.enlarge(self.KNOWN, 288)
        self.assertEqual(len(out), len(self.KNOWN))
        self.assertIn(entry(0x0E000000, 288 << 20), out)
        self.assertIn(entry(0x20000000, 0x1EFF0000), out)

    def test_refuses_an_unknown_build(self):
        for data in (b"", self.KNOWN * 2, self.KNOWN[:60]):
            with self.assertRaisesRegex(DeviceError, "unknown build.*carveout"):
                qemu.enlarge(data, 288)


class Port(support.unittest.TestCase):
    def test_reads_the_forwarded_port(self):
        text = ("Hub -1 (net):\n  Protocol[State]    FD  Source Address  Port   Dest. "
                "Address  Port RecvQ SendQ\n  TCP[HOST_FORWARD]  13       127.0.0.1 "
                "41234       10.0.2.15    22     0     0\n")
        self.assertEqual(qemu.forwarded_port(text), 41234)
        with self.assertRaises(DeviceError):
            qemu.forwarded_port("")


class Keys(support.CacheCase):
    def test_host_key_is_what_dropbear_reads(self):
        login, host = keys.make(self.top)
        self.assertTrue(login.startswith(b"ssh-ed25519 "))
        self.assertEqual(host[:15], b"\0\0\0\x0bssh-ed25519")
        self.assertEqual(len(host), 15 + 4 + 64)
        self.assertFalse((self.top / "host").exists(), "the guest alone has it")
        with self.assertRaisesRegex(DeviceError, "unknown format"):
            keys.dropbear_key(b"-----BEGIN X-----\nAAAA\n-----END X-----\n")


class Initramfs(support.CacheCase):
    def test_cpio_has_folders_before_files(self):
        cpio = rootfs.Cpio()
        cpio.file("a/b/c", b"data", 0o755)
        cpio.link("l", "a/b/c")
        data = cpio.finish()
        self.assertEqual(len(data) % 512, 0)
        places = [data.index(name + b"\0") for name in
                  (b"a", b"a/b", b"a/b/c", b"TRAILER!!!")]
        self.assertEqual(places, sorted(places))

    def test_parts_are_aligned(self):
        rootfs.write_initramfs(self.top / "i", [b"12345", b"678"])
        self.assertEqual((self.top / "i").read_bytes(), b"12345" + b"\0" * 3 + b"678" + b"\0")


class Pulled(support.CacheCase):
    """The guest may send any archive; nothing may land outside the destination."""

    def extract(self, *members):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, kind, link in members:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, link
                tar.addfile(info, io.BytesIO(b""))
        out.seek(0)
        top = self.top / "dest"
        with tarfile.open(fileobj=out, mode="r|") as tar:
            for member in tar:
                transfer.extract(tar, member, top, True)

    def test_refuses_names_outside(self):
        for name in ("../x", "/etc/x", "a/../../x"):
            with self.subTest(name), self.assertRaisesRegex(DeviceError, "refused"):
                self.extract((name, tarfile.REGTYPE, ""))

    def test_refuses_files_through_links(self):
        with self.assertRaisesRegex(DeviceError, "through a link"):
            self.extract(("l", tarfile.SYMTYPE, "/tmp"), ("l/x", tarfile.REGTYPE, ""))
        self.extract(("d", tarfile.DIRTYPE, ""), ("d/f", tarfile.REGTYPE, ""))
        self.assertTrue((self.top / "dest/d/f").exists())


class State(support.CacheCase):
    def write(self, name, **state):
        one = device.Device(name)
        one.folder.mkdir(parents=True)
        (one.folder / "state.json").write_text(json.dumps(state))
        return one

    def test_only_the_very_process_counts_as_running(self):
        start = qemu.process_start(os.getpid())
        self.assertTrue(self.write("a", pid=os.getpid(), pid_start=start).running())
        self.assertIsNone(self.write("b", pid=os.getpid(), pid_start=start - 1).running())
        self.assertIsNone(device.Device("c").running())

    def test_errors_say_how_to_start(self):
        with self.assertRaisesRegex(DeviceError, "tzdev start --name c"):
            device.Device("c").require_running()
        with self.assertRaisesRegex(DeviceError, "no device name"):
            device.Device("../x")


class CommandLine(support.CacheCase):
    def tzdev(self, *words):
        return subprocess.run([support.TZDEV, *words], capture_output=True, text=True,
                              check=False)

    def test_help_everywhere(self):
        top = self.tzdev("--help")
        self.assertEqual(top.returncode, 0)
        for name in ("build", "start", "stop", "status", "run", "shell", "push", "pull",
                     "console", "dump-memory", "paths", "lock", "clean-cache"):
            self.assertIn(name, top.stdout)
            self.assertEqual(self.tzdev(name, "--help").returncode, 0, name)

    def test_errors_have_status_125_and_no_traceback(self):
        for words in (("run", "--", "true"), ("run",), ("start", "--profile", "carveout"),
                      ("console",), ("pull", "a", "b"), ("dump-memory", "x")):
            done = self.tzdev(*words)
            self.assertEqual(done.returncode, 125, words)
            self.assertTrue(done.stderr.startswith("tzdev: error: "), done.stderr)

    def test_nothing_runs(self):
        self.assertEqual(self.tzdev("status", "--name", "x").returncode, 1)
        self.assertEqual(json.loads(self.tzdev("status", "--json").stdout), [])
        self.assertEqual(self.tzdev("stop").returncode, 0)

    def test_the_package_list_covers_every_tool(self):
        from tzdevice import tools
        text = (support.DEVICE_DIR / "debian-packages.txt").read_text()
        listed = {line.split()[0] for line in text.splitlines() if line.strip()}
        always = {"dpkg", "apt"}
        self.assertLessEqual(set(tools.PACKAGE_OF.values()) - always, listed)
        self.assertLessEqual(set(tools.PYTHON_MODULE_PACKAGE.values()), listed)


if __name__ == "__main__":
    support.unittest.main()
