"""A real device, started under a name of its own: what tzdev promises, tried.

    /usr/bin/python3 -m unittest discover device/tests/on_device
"""

import filecmp
import hashlib
import json
import mmap
import os
import pathlib
import secrets
import signal
import subprocess
import tempfile
import time
import unittest

TZDEV = str(pathlib.Path(__file__).resolve().parents[2] / "tzdev")
NAME = f"test-{os.getpid()}"


def tzdev(*words, **options):
    """Run tzdev; bytes in, bytes out."""
    return subprocess.run([TZDEV, *words], capture_output=True, check=False,
                          timeout=600, **options)


def run(*words, **options):
    """Run a command in the test's device."""
    return tzdev("run", "--name", NAME, "--", *words, **options)


def must(*words):
    """Run tzdev and fail with its message if it fails."""
    done = tzdev(*words)
    if done.returncode:
        raise AssertionError(done.stderr.decode())
    return done


class OnDevice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(tzdev, "stop", "--forget", "--name", NAME)
        must("start", "--name", NAME, "--memory", "512")
        cls.temp = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temp.cleanup)
        cls.top = pathlib.Path(cls.temp.name)

    def test_status_and_streams_are_passed_through(self):
        done = run("sh", "-c", "echo out; echo err >&2; cat; exit 42", input=b"in\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (42, b"out\nin\n", b"err\n"))
        for status in (0, 1, 127, 255):
            self.assertEqual(run("sh", "-c", f"exit {status}").returncode, status)
        self.assertEqual(run("sh", "-c", "kill -SEGV $$").returncode, 128 + 11)

    def test_words_arrive_as_they_are(self):
        words = ["a b", "$HOME", "'", '"', "*", "", "\\", "x;y"]
        done = run("printf", "%s\\n", *words)
        self.assertEqual(done.stdout.decode().split("\n")[:-1], words)

    def test_a_command_is_quick(self):
        begin = time.monotonic()
        for _ in range(5):
            run("true")
        self.assertLess((time.monotonic() - begin) / 5, 2.0)

    def left(self, marker):
        """Whether a process with this marker is left in the guest."""
        return marker in run("ps", "-o", "args").stdout.decode()

    def test_timeout_ends_the_command(self):
        done = tzdev("run", "--name", NAME, "--timeout", "1", "--", "sh", "-c",
                     "sleep 7001 & sleep 7001")
        self.assertEqual(done.returncode, 124)
        self.assertFalse(self.left("sleep 7001"))

    def test_interrupt_ends_the_command(self):
        process = subprocess.Popen([TZDEV, "run", "--name", NAME, "--", "sleep", "7002"],
                                   start_new_session=True)
        for _ in range(100):
            if self.left("sleep 7002"):
                break
        os.killpg(process.pid, signal.SIGINT)      # as a terminal's Ctrl-C
        self.assertEqual(process.wait(30), 130)
        self.assertFalse(self.left("sleep 7002"))

    def test_a_file_survives_the_way_there_and_back(self):
        data = secrets.token_bytes(5 << 20)
        (self.top / "there").write_bytes(data)
        must("push", "--name", NAME, str(self.top / "there"), "/root/there")
        there = run("sha256sum", "/root/there").stdout.split()[0].decode()
        self.assertEqual(there, hashlib.sha256(data).hexdigest())
        must("pull", "--name", NAME, "/root/there", str(self.top / "back"))
        self.assertEqual((self.top / "back").read_bytes(), data)

    def test_folders_and_modes(self):
        tree = self.top / "tree"
        (tree / "sub").mkdir(parents=True)
        (tree / "sub" / "script").write_text("#!/bin/sh\necho ran\n")
        (tree / "sub" / "script").chmod(0o755)
        (tree / "link").symlink_to("sub/script")
        must("push", "--name", NAME, str(tree), "/root/copy")
        self.assertEqual(run("/root/copy/link").stdout, b"ran\n")
        must("push", "--name", NAME, str(tree), str(tree / "link"), "/root/many/")
        self.assertEqual(run("/root/many/tree/sub/script").stdout, b"ran\n")
        must("pull", "--name", NAME, "/root/copy", str(self.top / "pulled"))
        self.assertFalse(filecmp.dircmp(tree, self.top / "pulled").diff_files)
        self.assertTrue((self.top / "pulled/link").is_symlink())
        missing = tzdev("pull", "--name", NAME, "/root/none", str(self.top))
        self.assertEqual(missing.returncode, 125)

    def test_the_secure_world_is_there(self):
        self.assertEqual(run("test", "-c", "/dev/tee0").returncode, 0)
        self.assertEqual(run("touch", "/data/tee/x").returncode, 0)
        self.assertIn("OP-TEE", must("console", "--name", NAME, "--world", "secure")
                      .stdout.decode())

    def test_linux_cannot_read_secure_memory(self):
        # In profile carveout the same read returns bytes: ordinary RAM has no firewall.
        for address in ("0x0e000000", "0x0e100000", "0x0effff00"):
            done = run("devmem", address)
            self.assertEqual(done.returncode, 128 + 7, "SIGBUS")
            self.assertEqual(done.stdout, b"")

    def test_memory_dump_is_all_of_the_normal_world(self):
        marker = secrets.token_hex(16)
        run("sh", "-c", "cat > /tmp/marker", input=marker.encode() * 300)
        dump = self.top / "ram"
        must("dump-memory", "--name", NAME, str(dump))
        self.assertEqual(dump.stat().st_size, 512 << 20)
        with open(dump, "rb") as handle, mmap.mmap(handle.fileno(), 0,
                                                   access=mmap.ACCESS_READ) as ram:
            self.assertGreater(ram.find(marker.encode() * 100), 0)
        dump.unlink()
        self.assertEqual(run("true").returncode, 0, "it goes on afterwards")

    def test_start_again_is_nothing_or_an_error(self):
        again = tzdev("start", "--name", NAME, "--memory", "512")
        self.assertEqual(again.returncode, 0)
        self.assertIn(b"runs already", again.stderr)
        other = tzdev("start", "--name", NAME, "--memory", "768")
        self.assertEqual(other.returncode, 125)
        self.assertIn(b"memory 512 (asked: 768)", other.stderr)


class Lifetime(unittest.TestCase):
    def test_two_devices_and_no_process_left(self):
        names = [f"{NAME}-{i}" for i in (1, 2)]
        pids = []
        for name in names:
            self.addCleanup(tzdev, "stop", "--forget", "--name", name)
            must("start", "--name", name, "--memory", "256", "--cores", "1")
            pids.append(json.loads(must("status", "--json", "--name", name).stdout)["pid"])
        for name in names:
            self.assertEqual(tzdev("run", "--name", name, "--", "hostname").stdout,
                             name.encode() + b"\n")
            must("stop", "--name", name)
        for name, pid in zip(names, pids):
            self.assertFalse(pathlib.Path(f"/proc/{pid}/cmdline").exists()
                             and b"qemu" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
            self.assertEqual(tzdev("status", "--name", name).returncode, 1)

    def test_a_device_that_does_not_boot_is_ended_and_shown(self):
        name = f"{NAME}-late"
        self.addCleanup(tzdev, "stop", "--forget", "--name", name)
        done = tzdev("start", "--name", name, "--boot-timeout", "0.5")
        self.assertEqual(done.returncode, 125)
        for part in (b"failed to boot", b"normal.log", b"secure.log"):
            self.assertIn(part, done.stderr)
        self.assertEqual(tzdev("status", "--name", name).returncode, 1)


if __name__ == "__main__":
    unittest.main()
