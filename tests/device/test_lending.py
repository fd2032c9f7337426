"""Cores that the client's threads, or tee-supplicant's plugin, lend on the device; and what happens
where none can be lent."""

import unittest

from harness.board import BUILD, Board
from tests.device.common import OUT, digits_package, wide_package

PLUGINS = "/usr/lib/tee-supplicant/plugins"
RESTART = ("kill $(pidof tee-supplicant); "
           "for i in 1 2 3 4 5 6 7 8 9; do pidof tee-supplicant && break; sleep 1; done; "
           "pidof tee-supplicant || tee-supplicant -d")


class Lending(unittest.TestCase):
    """OP-TEE with the extension, two virtual CPUs."""

    @classmethod
    def setUpClass(cls):
        cls.package, values = wide_package()
        (OUT / "wide.f32").write_bytes(values)
        cls.board = Board("test-lending", flavour="smartzone", memory=512)
        cls.board.start()
        cls.addClassCleanup(cls.board.stop)
        cls.board.push(cls.package, OUT / "wide.f32", digits_package(), "/root/")

    def bench(self, *options):
        """The only contender's row of a bench in the secure world."""
        said = self.board.smartzone_json("bench", "/root/wide.szp", "--backends", "tee", *options)
        self.assertTrue(said["identical"])
        return said["backends"]

    def values(self, *options):
        """The outputs of a run in the secure world."""
        said = self.board.smartzone_json("run", "/root/wide.szp", "/root/wide.f32", "--values",
                                         "--backend", "tee", *options)
        return said["results"][0]["outputs"][0]["values"]

    def test_two_cores_share_the_work_and_give_the_same_bits(self):
        alone, shared = self.bench("--cores", "1,2", "--runs", "10")
        self.assertEqual(alone["cores"]["used"], 1)
        self.assertEqual(shared["cores"]["used"], 2)
        self.assertGreater(min(shared["cores"]["shares"]), 0.05)
        self.assertEqual(self.values("--cores", "1"), self.values("--cores", "2"))

    def test_auto_takes_what_the_process_may_use(self):
        self.assertEqual(self.bench("--cores", "auto", "--runs", "1")[0]["cores"]["used"], 2)
        said = self.board.run("taskset", "1", "/usr/bin/smartzone", "bench", "/root/wide.szp",
                              "--backends", "tee", "--cores", "auto", "--runs", "1").stdout
        self.assertNotIn("used 2", said)

    def test_auto_notices_a_processor_that_was_unplugged(self):
        online = "/sys/devices/system/cpu/cpu1/online"
        self.board.run("sh", "-c", f"echo 0 > {online}")
        try:
            self.assertEqual(self.bench("--cores", "auto", "--runs", "1")[0]["cores"]["used"], 1)
        finally:
            self.board.run("sh", "-c", f"echo 1 > {online}")
        self.assertEqual(self.bench("--cores", "auto", "--runs", "1")[0]["cores"]["used"], 2)

    def test_a_tiny_network_stays_on_one_core(self):
        said = self.board.smartzone_json("bench", "/root/digits.szp", "--backends", "tee", "--cores",
                                         "2", "--runs", "1")
        self.assertEqual(said["backends"][0]["cores"]["used"], 1)

    def test_the_trusted_application_asks_the_plugin_where_there_is_one(self):
        row = self.bench("--cores", "2", "--lenders", "plugin", "--runs", "2")[0]
        self.assertEqual(row["cores"]["shares"][1], 0)
        self.board.run("mkdir", "-p", PLUGINS)
        self.board.push(*(BUILD / "arm64" / "client").glob("*.plugin"), PLUGINS + "/")
        self.board.run("sh", "-c", RESTART)
        row = self.bench("--cores", "2", "--lenders", "plugin", "--runs", "10")[0]
        self.assertGreater(row["cores"]["shares"][1], 0.05)


class Stock(unittest.TestCase):
    """Debian's own OP-TEE: one core, and one line that says why."""

    def test_everything_runs_on_one_core_and_says_so(self):
        package, values = wide_package()
        (OUT / "wide.f32").write_bytes(values)
        with Board("test-lending-stock", memory=512) as board:
            board.push(package, OUT / "wide.f32", "/root/")
            result = board.smartzone("run", "/root/wide.szp", "/root/wide.f32", "--cores", "2",
                                     "--backend", "tee")
            self.assertIn("no secure-cores extension", result.stderr)
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
            info = board.smartzone_json("device-info")
            self.assertEqual(info["most_cores"], 1)
            said = board.smartzone_json("run", "/root/wide.szp", *["/root/wide.f32"] * 4, "--values",
                                        "--sessions", "2", "--backend", "tee")
            outputs = [row["outputs"][0]["values"] for row in said["results"]]
            self.assertEqual(len(outputs), 4)
            self.assertTrue(all(one == outputs[0] for one in outputs))


if __name__ == "__main__":
    unittest.main()
