"""The lock file: what it may say, and that it survives a round trip."""

import unittest

import support  # noqa: F401
from tzdevice import lockfile
from tzdevice.errors import DeviceError

SHA = "ab" * 32
GOOD = f"""# a comment
[guest]
deb busybox-static 1:1.37.0-6+b9 trixie
  {SHA} 12 pool/main/b/busybox/busybox-static_1.37.0-6+b9_arm64.deb
[kernel]
deb linux-image-6.12-cloud 6.12-1 trixie via linux-image-cloud-arm64
"""


class LockFile(unittest.TestCase):
    def test_reads_packages_and_their_files(self):
        groups = lockfile.parse(GOOD)
        package = groups["guest"]["busybox-static"]
        self.assertEqual(package.version, "1:1.37.0-6+b9")
        self.assertEqual(package.files[0].sha256, SHA)
        self.assertEqual(package.files[0].name, "busybox-static_1.37.0-6+b9_arm64.deb")
        self.assertEqual(groups["kernel"]["linux-image-6.12-cloud"].via,
                         "linux-image-cloud-arm64")

    def test_round_trip(self):
        groups = lockfile.parse(GOOD)
        self.assertEqual(lockfile.parse(lockfile.render(groups, "# a comment")), groups)

    def test_refuses_what_it_does_not_understand(self):
        head = "[g]\ndeb a 1 trixie\n"
        for text in ("deb a 1 trixie\n", "[G!]\n", "[g]\nrpm a 1 trixie\n",
                     "[g]\ndeb a 1\n", "[g]\ndeb a 1 trixie from b\n",
                     head + "deb a 2 trixie\n", "[g]\n  " + SHA + " 1 pool/x\n",
                     head + "  123 1 pool/x\n", head + f"  {SHA} one pool/x\n",
                     head + f"  {SHA} 1 elsewhere/x\n",
                     head + f"  {SHA} 1 pool/../../etc/x\n"):
            with self.subTest(text=text), self.assertRaisesRegex(DeviceError, "lock:"):
                lockfile.parse(text)

    def test_the_projects_own_file_is_complete(self):
        groups = lockfile.load()
        for group, packages in groups.items():
            for package in packages.values():
                with self.subTest(group=group, package=package.name):
                    self.assertTrue(package.files)
        text = lockfile.PATH.read_text()
        self.assertEqual(lockfile.render(groups, lockfile.header_of(text)), text)


if __name__ == "__main__":
    unittest.main()
