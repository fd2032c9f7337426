"""Downloads: verified, kept, and explained when the archive has moved on."""

import hashlib
import pathlib

import support
from tzdevice import archive, lockfile, ui
from tzdevice.errors import DeviceError

ui.quiet = True


def package(data=b"content", version="4.10.0-2", kind="src", name="optee-os", via=""):
    """A pinned package of one file."""
    sha = hashlib.sha256(data).hexdigest()
    return lockfile.Package(kind, name, version, "sid", via, (
        lockfile.File(sha, len(data), f"pool/main/o/optee-os/{name}.tar"),))


class FakeIndex:
    """An archive that offers what a test says."""

    def __init__(self, **offers):
        self.given = offers

    def offers(self, _package):
        return self.given


class Download(support.CacheCase):
    def serve(self, data):
        self.asked = 0

        def opener(_package, files):
            self.asked += 1
            for _, dest in files:
                pathlib.Path(dest).write_bytes(data)
        return opener

    def test_keeps_a_verified_file(self):
        for _ in range(2):
            path, = archive.download(package(), self.serve(b"content"))
            self.assertEqual(path.read_bytes(), b"content")
        self.assertEqual(self.asked, 0, "the second time it was there")

    def test_refuses_other_bytes_and_keeps_nothing(self):
        with self.assertRaisesRegex(DeviceError, "SHA-256"):
            archive.download(package(), self.serve(b"changed"))
        left = [p for p in (self.top / "cache/downloads").rglob("*") if p.is_file()]
        self.assertEqual(left, [])


class Explanation(support.CacheCase):
    def test_version_that_left_the_archive(self):
        text = archive.explain_missing(package(), FakeIndex(trixie=["4.5.0-2"],
                                                            sid=["4.11.0-1"]))
        for part in ("optee-os 4.10.0-2", "trixie offers for optee-os: 4.5.0-2",
                     "sid offers for optee-os: 4.11.0-1", "has left the archive",
                     "lock --update optee-os", "--flavour stock"):
            self.assertIn(part, text)

    def test_a_kernel_is_looked_up_by_its_metapackage(self):
        text = archive.explain_missing(
            package(kind="deb", name="linux-image-6.12.1-cloud-arm64",
                    via="linux-image-cloud-arm64"), FakeIndex(trixie=["6.12.2-1"], sid=[]))
        self.assertIn("trixie offers for linux-image-cloud-arm64: 6.12.2-1", text)
        self.assertIn("sid offers for linux-image-cloud-arm64: nothing", text)
        self.assertNotIn("--flavour stock", text)

    def test_version_that_is_still_offered(self):
        text = archive.explain_missing(package(), FakeIndex(sid=["4.10.0-2"], trixie=[]),
                                       "404  Not Found")
        self.assertIn("still offered", text)
        self.assertIn("404", text)


class Stanzas(support.CacheCase):
    def test_source_stanza(self):
        fields = archive.parse_stanza(
            "Package: x\nDirectory: pool/main/x\nChecksums-Sha256:\n"
            f" {'a' * 64} 1 x.dsc\n {'b' * 64} 2 x.tar.xz\n {'c' * 64} 3 x.tar.xz.asc\n")
        self.assertEqual([f.path for f in archive.files_of(fields, "src")],
                         ["pool/main/x/x.dsc", "pool/main/x/x.tar.xz"])

    def test_kernel_behind_a_metapackage(self):
        self.assertEqual(archive.real_name(
            "linux-base-cloud-arm64 (= 7), linux-image-7.2+deb14-cloud-arm64 (= 7)",
            "linux-image-cloud-arm64"), "linux-image-7.2+deb14-cloud-arm64")


if __name__ == "__main__":
    support.unittest.main()
