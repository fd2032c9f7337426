"""The cache: one result for equal inputs, none for a failure."""

import threading

import support
from tzdevice import cache, firmware, lockfile, profiles
from tzdevice.errors import DeviceError


class Results(support.CacheCase):
    def test_made_once_even_by_many_at_once(self):
        made = []

        def make(dest):
            made.append(dest)
            (dest / "file").write_text("x")
        threads = [threading.Thread(target=cache.result, args=("kind", {"a": 1}, make))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(made), 1)
        place = cache.result("kind", {"a": 1}, make)
        self.assertEqual((place / "file").read_text(), "x")
        self.assertTrue((place / "inputs.json").exists())

    def test_a_failure_leaves_nothing(self):
        def fail(dest):
            (dest / "half").write_text("x")
            raise DeviceError("no")
        with self.assertRaises(DeviceError):
            cache.result("kind", {"a": 2}, fail)
        self.assertEqual(list((cache.root() / "built").iterdir()), [])

    def test_keys_depend_on_content_not_order(self):
        self.assertEqual(cache.key_of({"a": 1, "b": 2}), cache.key_of({"b": 2, "a": 1}))
        self.assertNotEqual(cache.key_of({"a": 1}), cache.key_of({"a": "1"}))

    def test_clean_refuses_while_a_device_runs(self):
        with self.assertRaisesRegex(DeviceError, "still run"):
            cache.clean(["default"])


class OpteeIdentity(support.CacheCase):
    """Whatever changes OP-TEE changes the name of its build."""

    def key(self, spec=None):
        spec = spec or profiles.make("smartzone")
        inputs = firmware.optee_inputs(spec, self.top / "optee")
        return cache.key_of(inputs)

    def setUp(self):
        super().setUp()
        old = firmware.compiler
        firmware.compiler = lambda: "gcc 12"
        self.addCleanup(setattr, firmware, "compiler", old)

    def test_patches_files_settings_and_compiler_count(self):
        keys = [self.key()]
        extension = self.top / "optee"
        (extension / "patches").mkdir(parents=True)
        (extension / "patches" / "0001-x.patch").write_text("one")
        keys.append(self.key())
        (extension / "patches" / "0001-x.patch").write_text("two")
        keys.append(self.key())
        (extension / "src" / "core").mkdir(parents=True)
        (extension / "src" / "core" / "x.c").write_text("int x;")
        keys.append(self.key())
        firmware.compiler = lambda: "gcc 13"
        keys.append(self.key())
        keys.append(self.key(profiles.make("smartzone", "carveout")))
        self.assertEqual(len(set(keys)), len(keys))
        self.assertEqual(self.key(), keys[4])

    def test_cores_and_normal_memory_do_not_count(self):
        self.assertEqual(self.key(profiles.make("smartzone", cores=4, memory=512)),
                         self.key())


class Flash(support.CacheCase):
    def test_fip_follows_bl1_where_tfa_looks(self):
        bl1, fip, out = (self.top / n for n in ("bl1", "fip", "flash"))
        bl1.write_bytes(b"1" * 100)
        fip.write_bytes(b"2" * 10)
        firmware.write_flash(out, bl1, fip)
        data = out.read_bytes()
        self.assertEqual(data[:100] + data[0x40000:], b"1" * 100 + b"2" * 10)
        bl1.write_bytes(b"1" * 0x40001)
        with self.assertRaisesRegex(DeviceError, "fit before"):
            firmware.write_flash(out, bl1, fip)


if __name__ == "__main__":
    support.unittest.main()
