"""Profiles: what is refused and why, and the settings that follow."""

import unittest

import support  # noqa: F401
from tzdevice import profiles
from tzdevice.errors import DeviceError


class Refusals(unittest.TestCase):
    def refused(self, pattern, **options):
        with self.subTest(options=options), self.assertRaisesRegex(DeviceError, pattern):
            profiles.make(**options)

    def test_each_says_what_to_use(self):
        self.refused("use --flavour smartzone", profile="carveout")
        self.refused("use --flavour smartzone", profile="firewalled-large")
        self.refused("firewalled-large", secure_memory=64)
        self.refused("even number", flavour="smartzone", profile="carveout",
                     secure_memory=33)
        self.refused("to 720 MiB", flavour="smartzone", profile="firewalled-large",
                     secure_memory=1024)
        self.refused("takes up to 8", cores=5)
        self.refused("1 to 8", flavour="smartzone", cores=9)
        self.refused("from 256", memory=128)
        self.refused("cortex-a57", cpu="neoverse-n1")
        self.refused("stock, smartzone", flavour="other")
        self.refused("firewalled-large", profile="other")


class Layout(unittest.TestCase):
    def test_firewalled_is_debians_memory_map(self):
        self.assertEqual(profiles.make().tzdram, (0x0E100000, 0x00F00000))

    def test_carveout_lies_below_the_kernel_and_adds_ram(self):
        spec = profiles.make("smartzone", "carveout", memory=512, secure_memory=128)
        base, size = spec.tzdram
        self.assertEqual(base + size, spec.kernel_address)
        self.assertEqual(spec.ram, 640)
        self.assertEqual(spec.kernel_address % (2 << 20), 0)

    def test_every_large_region_leaves_room_for_applications(self):
        for profile in ("firewalled-large", "carveout"):
            for mib in (32, 288, 720):
                settings = profiles.optee_settings(profiles.make(
                    "smartzone", profile, secure_memory=mib))
                window = int(settings["CFG_TEE_RAM_VA_SIZE"], 16)
                tables = settings["CFG_PGT_CACHE_ENTRIES"] * 4096
                self.assertGreaterEqual(window, tables + (4 << 20))
                self.assertEqual(window % (2 << 20), 0)
                self.assertGreater(mib << 20, window + (16 << 20))

    def test_there_are_page_tables_for_helpers(self):
        """One for each 2 MiB of an application, once more for each core that is lent to it."""
        def tables(mib, helpers):
            return (1 + helpers) * (mib // 2 + 1)

        settings = profiles.optee_settings(profiles.make("smartzone"))
        self.assertGreaterEqual(settings["CFG_PGT_CACHE_ENTRIES"], tables(15, 7))
        for profile in ("firewalled-large", "carveout"):
            spec = profiles.make("smartzone", profile)
            settings = profiles.optee_settings(spec)
            self.assertGreaterEqual(settings["CFG_PGT_CACHE_ENTRIES"],
                                    tables(spec.secure_memory, 3))
            self.assertGreaterEqual(settings["CFG_PGT_CACHE_ENTRIES"],
                                    tables(spec.secure_memory // 2 - 2, 7))

    def test_there_are_threads_for_helpers(self):
        for profile in profiles.PROFILES:
            settings = profiles.optee_settings(profiles.make("smartzone", profile))
            self.assertEqual(settings["CFG_SECURE_CORES_PTA"], "y")
            self.assertGreaterEqual(settings["CFG_NUM_THREADS"], 7 + 1 + 2)


if __name__ == "__main__":
    unittest.main()
