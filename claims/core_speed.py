"""Secure cores: what they gain, beside one core and beside the normal world."""

import functools
import json

from claims.common import board, needs_data
from claims.registry import Measurement, at_least, at_most, claim, exactly
from harness.board import call, host_smartzone
from tests.device.common import digits_package, mnist_package, squeezenet_package

RUNS = "11"


@functools.cache
def device_race(name, cores, backends, device_cores=2, runs=RUNS):
    """What `smartzone bench` says on a device with the extension."""
    packages = {"squeezenet1.0": lambda: squeezenet_package()[0],
                "mnist_cnn": lambda: mnist_package()[0], "digits": digits_package}
    package = packages[name]()
    one = board("smartzone", cores=device_cores)
    one.push(package, "/root/")
    said = one.smartzone_json("bench", f"/root/{package.name}", "--backends", backends, "--cores",
                              cores, "--runs", runs, "--warmup", "1", timeout=3000)
    if not said["identical"]:
        raise RuntimeError("outputs differ")
    return said


@functools.cache
def host_race(package):
    """The same on this machine: the host back end's threads."""
    return json.loads(host_smartzone("bench", package, "--backends", "host", "--cores", "1,2", "--runs",
                                     "51", "--json").stdout)


def medians(said):
    """The medians of all contenders, as text."""
    return ", ".join(f"{row['backend']} on {row['cores']['used']}: {row['median_ms']:.4g} ms"
                     for row in said["backends"])


@claim("cores-speedup", "SqueezeNet 1.0 in the secure world, one core over two: wall time on the device",
       "ratio", ">= 1.8", slow=True)
@needs_data
def cores_speedup():
    """Two virtual CPUs want two idle host cores."""
    said = device_race("squeezenet1.0", "1,2", "tee,host")
    ours = {row["backend"]: row["speedup"] for row in said["speedups"]}
    threads = host_race(squeezenet_package()[0])["speedups"][0]["speedup"]
    return at_least(ours["tee"], 1.8, f"{medians(said)}; in the guest's normal world "
                    f"{ours['host']:.2f}, thread pool on this machine {threads:.2f}; {RUNS} runs in turn")


@claim("cores-worlds", "SqueezeNet 1.0 on two cores: secure-world over normal-world latency, same device",
       "ratio", "<= 1.08", slow=True)
@needs_data
def cores_worlds():
    """From the same runs."""
    said = device_race("squeezenet1.0", "1,2", "tee,host")
    ratios = {row["cores"]: row["ratio_of_medians"] for row in said["ratios"]}
    return at_most(ratios["2"], 1.08, f"{medians(said)}; on one core {ratios['1']:.3f}")


@claim("cores-tiny", "tiny networks: latency with two cores allowed over one, the worst of device and host",
       "ratio", "<= 1.05", slow=True)
def cores_tiny():
    """Too small to share: the client lends nothing."""
    worst, notes = 0.0, []
    for name in ("digits", "mnist_cnn"):
        if name == "mnist_cnn":
            try:
                package = mnist_package()[0]
            except (TypeError, FileNotFoundError):
                continue  # no data folder
        else:
            package = digits_package()
        for where, said in (("device", device_race(name, "1,2", "tee", runs="51")),
                            ("host", host_race(package))):
            ratio = 1 / said["speedups"][0]["median_of_ratios"]
            worst = max(worst, ratio)
            notes.append(f"{name} on the {where} {ratio:.3f}")
    return at_most(worst, 1.05, "; ".join(notes))


@claim("cores-even", "SqueezeNet 1.0 on four virtual CPUs: smallest share of the work of one of four cores",
       "", ">= 0.2", slow=True)
@needs_data
def cores_even():
    """By the counters of the TA: two host cores cannot show the time."""
    said = device_race("squeezenet1.0", "4", "tee", device_cores=4, runs="5")
    row = said["backends"][0]["cores"]
    shares = ", ".join(f"{share:.3f}" for share in row["shares"])
    return at_least(min(row["shares"]) if row["used"] == 4 else 0.0, 0.2, f"shares {shares}")


@claim("cores-xtest", "OP-TEE's own test suite on the core with the extension", "cases failed", "= 0",
       slow=True)
def cores_xtest():
    """A quarter of an hour in emulation."""
    one = board("smartzone", xtest=True)
    lines = one.run("xtest", check=False, timeout=3000).stdout.splitlines()
    wanted = [line for line in lines if "test cases of which" in line or "subtests of which" in line]
    if len(wanted) < 2:
        return Measurement(None, False, "xtest did not end: " + " / ".join(lines[-3:]))
    failed = sum(int(line.split("of which")[1].split()[0]) for line in wanted)
    return exactly(failed, 0, "; ".join(line.strip() for line in wanted))
