"""The extension of OP-TEE: which releases it is for, and what is put into their trees."""

import pathlib
import unittest

import support
from tzdevice import cache, firmware, lockfile, profiles
from tzdevice.errors import DeviceError


class TriedVersions(support.CacheCase):
    def extension(self, text):
        (self.top / "tried-versions").write_text(text)
        return self.top

    def test_the_pinned_release_was_tried(self):
        pinned = lockfile.load()["optee-smartzone"]["optee-os"].version
        firmware.check_tried(pinned, firmware.OPTEE_EXTENSION)

    def test_debians_revision_and_epoch_do_not_count(self):
        tried = self.extension("# a comment\n\n4.10.0\n")
        for version in ("4.10.0-2", "4.10.0-10", "1:4.10.0-2", "4.10.0"):
            firmware.check_tried(version, tried)

    def test_any_other_release_is_refused_with_those_that_were_tried(self):
        tried = self.extension("4.5.0\n4.10.0\n")
        for version in ("4.10.1-1", "4.1-1", "4.10.0~rc1-1", "14.10.0-1", "4.11.0-1"):
            with self.subTest(version=version), \
                    self.assertRaisesRegex(DeviceError, r"only with 4\.5\.0, 4\.10\.0"):
                firmware.check_tried(version, tried)


class Contract(support.CacheCase):
    def setUp(self):
        super().setUp()
        old = firmware.PROTOCOL_DIR, firmware.compiler
        firmware.compiler = lambda: "gcc 12"
        self.addCleanup(lambda: (setattr(firmware, "PROTOCOL_DIR", old[0]),
                                 setattr(firmware, "compiler", old[1])))

    def test_the_core_is_built_with_the_projects_own_header(self):
        source = self.top / "source"
        include = source / "lib" / "libutee" / "include"
        include.mkdir(parents=True)
        extension = self.top / "optee"
        (extension / "src" / "core").mkdir(parents=True)
        (extension / "src" / "core" / "x.c").write_text("int x;")
        firmware.apply_extension(source, extension, self.top / "log")
        self.assertEqual((include / "pta_secure_cores.h").read_bytes(),
                         (firmware.PROTOCOL_DIR / "secure_cores.h").read_bytes())
        self.assertEqual((source / "core" / "x.c").read_text(), "int x;")

    def test_the_contract_decides_the_build(self):
        spec = profiles.make("smartzone")
        before = cache.key_of(firmware.optee_inputs(spec))
        firmware.PROTOCOL_DIR = pathlib.Path(self.top)
        (self.top / "secure_cores.h").write_text("/* another */")
        self.assertNotEqual(before, cache.key_of(firmware.optee_inputs(spec)))


if __name__ == "__main__":
    unittest.main()
