"""What each subcommand does."""

import json
import sys
import time

from . import archive, cache, device, guest, kit, lockfile, profiles, qemu, transfer, ui
from .device import Device
from .errors import DeviceError

ERROR_STATUS = 125            # as env(1), timeout(1): the tool failed, not the command


def _link(args):
    """The guest of the running device that args name."""
    one = Device(args.name)
    return guest.Guest(one.folder, one.require_running()["port"])


def build(args):
    """tzdev build"""
    begin = time.monotonic()
    spec = profiles.make(args.flavour, args.profile, secure_memory=args.secure_memory,
                         xtest=args.with_xtest)
    device.build(spec)
    kit.sysroot()
    ui.note(f"{args.flavour}, {args.profile}, {spec.secure_memory} MiB: ready "
            f"({time.monotonic() - begin:.1f} s)")


def start(args):
    """tzdev start"""
    spec = profiles.make(args.flavour, args.profile, args.cores, args.memory,
                         args.secure_memory, args.cpu, args.with_xtest)
    if spec.profile == "carveout":
        base, size = spec.tzdram
        ui.note(f"NOT FIREWALLED: OP-TEE lies in ordinary RAM at {base:#x} "
                f"({size >> 20} MiB); Linux can read all of it. For performance and for "
                f"boards without a firewall only.")
    seconds, state = Device(args.name).start(spec, args.boot_timeout)
    what = (f"{spec.flavour}, {spec.profile} {spec.secure_memory} MiB, {spec.cores} cores, "
            f"{spec.memory} MiB, {spec.cpu}")
    if seconds:
        ui.note(f"device '{args.name}' is up after {seconds:.1f} s ({what}; "
                f"OP-TEE {state['versions']['optee']})")
    else:
        ui.note(f"device '{args.name}' runs already ({what})")


def stop(args):
    """tzdev stop"""
    for name in device.names() if args.all else [args.name]:
        if Device(name).stop():
            ui.note(f"device '{name}' is stopped")
        elif not args.all:
            ui.note(f"device '{name}' was not running")
        if args.forget:
            Device(name).forget()


def status(args):
    """tzdev status"""
    rows = []
    for name in [args.name] if args.name else device.names():
        state = Device(name).running()
        row = {"name": name, "running": bool(state)}
        if state:
            row |= state["spec"] | {
                "uptime_s": round(qemu.seconds_up(state["pid_start"]), 1),
                "usable": "port" in state, "pid": state["pid"],
                "ssh_port": state.get("port"), "versions": state["versions"],
                "folder": str(Device(name).folder)}
        rows.append(row)
    if args.json:
        print(json.dumps(rows[0] if args.name else rows, indent=1))
    else:
        _print_status(rows)
    return 1 if args.name and not rows[0]["running"] else 0


def _print_status(rows):
    if not rows:
        print("no device; start one: tzdev start")
    for row in rows:
        if not row["running"]:
            print(f"{row['name']}: not running")
            continue
        print(f"{row['name']}: {'running' if row['usable'] else 'starting'} for "
              f"{row['uptime_s']:.0f} s, process {row['pid']}")
        print(f"  flavour {row['flavour']}, profile {row['profile']}, secure memory "
              f"{row['secure_memory']} MiB, memory {row['memory']} MiB, {row['cores']} "
              f"cores {row['cpu']}" + (", xtest" if row["xtest"] else ""))
        print("  " + ", ".join(f"{k} {v}" for k, v in row["versions"].items()))


def run(args):
    """tzdev run"""
    words = args.words[1:] if args.words[:1] == ["--"] else args.words
    if not words:
        raise DeviceError("no command given: tzdev run -- COMMAND ARGS...")
    return _link(args).run(words, args.timeout)


def shell(args):
    """tzdev shell"""
    return _link(args).shell()


def push(args):
    """tzdev push"""
    transfer.push(_link(args), args.sources, args.dest)


def pull(args):
    """tzdev pull"""
    transfer.pull(_link(args), args.sources, args.dest)


def console(args):
    """tzdev console"""
    one = Device(args.name)
    path = one.folder / f"{args.world}.log"
    try:
        log = open(path, encoding="utf-8", errors="replace", newline="")
    except OSError:
        raise DeviceError(f"device '{args.name}' has no console log: it was never "
                          f"started") from None
    with log:
        while True:
            sys.stdout.write(log.read().replace("\r", ""))
            sys.stdout.flush()
            if not args.follow or not one.running():
                return
            time.sleep(0.2)


def dump_memory(args):
    """tzdev dump-memory"""
    one = Device(args.name)
    one.require_running()
    with ui.step("write the normal world's RAM"):
        size = one.dump_memory(args.file)
    ui.note(f"{args.file}: {size >> 20} MiB, from address {profiles.RAM_BASE:#x}")


def paths(args):
    """tzdev paths"""
    spec = profiles.make(args.flavour, args.profile, secure_memory=args.secure_memory)
    found = kit.paths(spec)
    if args.key:
        if args.key not in found:
            raise DeviceError(f"no '{args.key}': there are {', '.join(found)}")
        print(found[args.key])
    elif args.json:
        print(json.dumps(found, indent=1))
    else:
        width = max(map(len, found))
        for key, value in found.items():
            print(f"{key:{width}}  {value}")


def lock(args):
    """tzdev lock"""
    text = lockfile.PATH.read_text(encoding="utf-8")
    groups = lockfile.parse(text)
    index = archive.Index()
    if args.offers:
        return _print_offers(groups, index)
    wanted = dict(part.partition("=")[::2] for part in args.update)
    used = set()
    for group, packages in groups.items():
        fresh = {}
        for package in packages.values():
            label = package.via or package.name
            hit = label in wanted
            used |= {label} & set(wanted)
            new = package
            if hit or args.all:
                new = index.resolve(package, wanted.get(label) or None)
            elif not package.files:
                new = index.resolve(package, package.version)
            if new.version != package.version:
                ui.note(f"[{group}] {package.wanted} -> {new.version} ({new.suite})")
            fresh[new.name] = new
        groups[group] = fresh
    if unknown := set(wanted) - used:
        raise DeviceError(f"not in packages.lock: {', '.join(sorted(unknown))}")
    lockfile.PATH.write_text(lockfile.render(groups, lockfile.header_of(text)))
    ui.note(f"{lockfile.PATH.name} is written; now: tzdev build, and the device tests")


def _print_offers(groups, index):
    for group, packages in groups.items():
        for package in packages.values():
            found = "; ".join(f"{suite}: {', '.join(v) or 'nothing'}"
                              for suite, v in index.offers(package).items())
            print(f"[{group}] {package.via or package.name} pinned {package.version}; {found}")


def clean_cache(_args):
    """tzdev clean-cache"""
    running = [n for n in device.names() if Device(n).running()]
    freed = cache.clean(running)
    ui.note(f"{freed / 1e6:.0f} MB removed from {cache.root()}")
