"""Secure cores: faults, hostile calls, leaks, and the same bits with cores coming and going."""

import functools
import time

from claims import common
from claims.registry import Measurement, claim, exactly
from harness.board import data_folder, host_smartzone
from tests.device.common import OUT, digits_package
from tests.device.test_secure_cores import HELPER_FAULTS, SecureCoresBoard

# (cores of the device, case and numbers)
FAULT_CASES = (
    *((2, (case,)) for case in HELPER_FAULTS),
    (2, ("owner-panics",)), (2, ("mapped-after-start",)), (2, ("misused-commands",)),
    (2, ("group-ids",)), (2, ("killed-clients", 20)), (4, ("starved-lender",)),
    (4, ("stopped-lender",)), (4, ("crowd", 2, 7)), (4, ("crowd", 3, 7)),
    (4, ("evicted-while-counting", 3)), (4, ("closed-while-counting", 3)), (4, ("closing", 100)))
KILLS, CYCLES, CALLS, RUNS = 200, 10_000, 1_000_000, 100
HOURS = 3 * 3600


@functools.cache
def device(cores):
    """A device with the test TA, that the other claims do not share: a fault must not hit them."""
    one = SecureCoresBoard(f"claims-faults-{cores}", flavour="smartzone", cores=cores, memory=512)
    common.keep(one)
    one.start()
    return one


def alive(one):
    """Raises if the core of any device gave up."""
    deaths = one.core_deaths()
    if deaths:
        raise RuntimeError("OP-TEE's core gave up: " + deaths[0])


def measured(cores, program, *arguments):
    """What a case found, on a device whose core lives on."""
    one = device(cores)
    said = one.case(program, *arguments, timeout=HOURS)
    alive(one)
    return said


def problems(said):
    """The first thing that did not hold, as a note."""
    return "" if said["passed"] else f"; failed: {said['failures'][0]}"


@claim("cores-faults", "secure cores, faults on the device: cases in which the result is right, the next "
       "session works and OP-TEE's core lives on", "cases", f"all {len(FAULT_CASES)}")
def cores_faults():
    """tests/cores/cores_faults.cc has them."""
    failed = []
    for cores, case in FAULT_CASES:
        said = measured(cores, "cores_faults", *case)
        if not said["passed"]:
            failed.append(f"{case[0]} ({said['failures'][0]})")
    note = "failed: " + ", ".join(failed) if failed else "helpers that fault, leave or hang; an owner " \
        "that panics; killed clients; starved and stopped lenders; wrong ids; sessions that close"
    return exactly(len(FAULT_CASES) - len(failed), len(FAULT_CASES), note)


@claim("cores-killed", f"secure cores, {KILLS} lenders killed at random moments: wrong results and failed "
       "runs", "", "= 0")
def cores_killed():
    """An owner computes all the time."""
    said = measured(2, "cores_faults", "killed-lenders", KILLS)
    value = said["wrong"] if said["passed"] else "failed"
    return exactly(value, 0, f"{said['killed']} killed during {said['runs']} runs, {said['evictions']} "
                   f"evictions{problems(said)}")


@claim("cores-cycles", f"secure cores, {CYCLES} starts and stops under hammering lenders: bytes of OP-TEE's "
       "heap and of the TAs' memory not given back", "bytes", "= 0", slow=True)
def cores_cycles():
    """Translation tables have no counter in OP-TEE: that all seven slots can be taken afterwards shows
    that none is lost."""
    said = measured(2, "cores_faults", "cycles", CYCLES)
    drift = abs(said["heap_drift"]) + abs(said["ta_memory_drift"])
    return Measurement(drift, said["passed"] and drift == 0,
                       f"{said['cycles']} cycles, {said['visits']} visits, {said['evicted']} of them "
                       "evicted; all seven slots can be taken afterwards, so no translation table is "
                       f"lost{problems(said)}")


@claim("cores-hostile", f"secure cores, {CALLS} hostile calls from the normal world: answers other than the "
       "refusal that is due, and entries", "", "= 0", slow=True)
def cores_hostile():
    """All pairs of command numbers 0..64 and parameter types, and random calls."""
    said = measured(2, "hostile_calls", CALLS)
    return Measurement(said["wrong"] + said["entries"], said["passed"],
                       f"{said['calls']} calls: {said['access_denied']} denied, "
                       f"{said['bad_parameters']} bad parameters, {said['item_not_found']} no such group, "
                       f"{said['not_supported']} no such command, {said['refused_by_linux']} stopped by "
                       f"Linux, {said['query_answered']} times QUERY answered{problems(said)}")


def packages():
    """({name: package} of the models that compile and fit the device's secure memory, others)."""
    found, others = {"digits": digits_package()}, []
    data = data_folder()
    OUT.mkdir(parents=True, exist_ok=True)
    for model in sorted((data / "models" / "onnx").glob("*/model.onnx")) if data else []:
        package = OUT / f"identity-{model.parent.name}.szp"
        if host_smartzone("compile", model, "-o", package, check=False).returncode == 0:
            found[model.parent.name] = package
        else:
            others.append(model.parent.name)
    return found, others


@claim("cores-bits", f"outputs with 1, 2 and 4 cores, {RUNS} runs each, cores coming and going at random: "
       "runs with other bits", "runs", "= 0", slow=True)
def cores_bits():
    """Every model that compiles today; a device with room for all."""
    one = SecureCoresBoard("claims-bits", flavour="smartzone", cores=4, profile="firewalled-large",
                           memory=1024)
    common.keep(one)
    one.start()
    models, refused = packages()
    differing, sound, notes = 0, True, []
    for name, package in models.items():
        one.push(package, "/root/")
        begin = time.monotonic()
        said = one.case("cores_identity", f"/root/{package.name}", RUNS, timeout=HOURS)
        differing += said["differing"]
        sound = sound and said["passed"]
        notes.append(f"{name} ({time.monotonic() - begin:.0f} s, {100 * said['helped_4']:.0f} % of 4 by "
                     f"helpers, {said['evictions_2'] + said['evictions_4']} evictions){problems(said)}")
        print(f"  {notes[-1]}", flush=True)  # this takes an hour in all
        one.run("rm", f"/root/{package.name}")
    alive(one)
    note = "; ".join(notes) + (f"; not compiled today: {', '.join(refused)}" if refused else "")
    return Measurement(differing, sound and differing == 0, note)
