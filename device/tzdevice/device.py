"""A device by name: its folder, its state, start and stop."""

import json
import os
import pathlib
import re
import shutil
import signal
import time

from . import cache, firmware, guest, keys, profiles, qemu, qmp, rootfs, ui, xtest
from .errors import DeviceError

READY = "TZDEV-READY"


class Device:
    """One named device; everything about it lies in its folder."""

    def __init__(self, name):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}", name):
            raise DeviceError(f"'{name}' is no device name: letters, digits and . _ -")
        self.name = name
        self.folder = pathlib.Path(cache.root() / "devices" / name)

    # -- state ------------------------------------------------------------------------
    def state(self):
        """What start wrote down, or None."""
        try:
            return json.loads((self.folder / "state.json").read_text())
        except (OSError, ValueError):
            return None

    def _write_state(self, state):
        temp = self.folder / "state.json.new"
        temp.write_text(json.dumps(state, indent=1) + "\n")
        temp.rename(self.folder / "state.json")

    def running(self):
        """The state if its QEMU runs and is really the one that we started."""
        state = self.state()
        if state and qemu.process_start(state["pid"]) == state["pid_start"]:
            return state
        return None

    def require_running(self):
        """The state of a usable device, or an error that says how to start it."""
        state = self.running()
        if state and state.get("port"):
            return state
        if state:
            raise DeviceError(f"device '{self.name}' is still starting")
        if self.state():
            raise DeviceError(f"device '{self.name}' has ended (its consoles: tzdev "
                              f"console --name {self.name} --world secure); start it "
                              f"again: tzdev start --name {self.name}")
        raise DeviceError(f"no device '{self.name}' is running: tzdev start "
                          f"--name {self.name}")

    # -- start ------------------------------------------------------------------------
    def start(self, spec, limit):
        """Boot; returns (seconds, state) once a command in the guest has succeeded."""
        with cache.lock(f"device-{self.name}"):
            state = self.running()
            if state and "port" not in state:
                self._end(state)              # a start that was itself killed
            elif state:
                self._require_same(spec, state)
                return 0.0, state
            parts = build(spec)
            begin = time.monotonic()
            state = self._spawn(spec, parts)
            try:
                self._wait(state, begin + limit)
            except BaseException:
                self._end(state)
                raise
            return time.monotonic() - begin, state

    def _require_same(self, spec, state):
        was = state["spec"]
        if was == spec.as_dict():
            return
        other = ", ".join(f"{k} {was.get(k)} (asked: {v})"
                          for k, v in spec.as_dict().items() if was.get(k) != v)
        raise DeviceError(f"device '{self.name}' is running with {other}. Stop it first "
                          f"(tzdev stop --name {self.name}), or give another --name")

    def _spawn(self, spec, parts):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        login, host = keys.make(self.folder)
        kernel = parts["rootfs"] / "vmlinuz"
        layers = [(parts["rootfs"] / "base.cpio.gz").read_bytes()]
        if spec.xtest:
            layers.append((parts["xtest"] / "xtest.cpio.gz").read_bytes())
        layers.append(rootfs.personal(self.name, login, host))
        rootfs.write_initramfs(self.folder / "initramfs", layers)
        begin = qemu.initramfs_address(spec, kernel)
        size = (self.folder / "initramfs").stat().st_size
        qemu.make_device_tree(spec, parts["qemu"], self.folder, (begin, begin + size))
        process = qemu.spawn(qemu.command(spec, parts["qemu"], parts["flash"] / "flash.bin",
                                          kernel, "initramfs"), self.folder)
        state = {"name": self.name, "pid": process.pid,
                 "pid_start": qemu.process_start(process.pid),
                 "spec": spec.as_dict(), "versions": versions(parts)}
        self._process = process
        self._write_state(state)
        return state

    def _wait(self, state, deadline):
        log = self.folder / "normal.log"
        while True:
            if self._process.poll() is not None:
                raise self._failure("QEMU ended")
            text = log.read_text(errors="replace") if log.exists() else ""
            if READY in text:
                break
            if time.monotonic() > deadline:
                raise self._failure("the guest did not come up in time")
            time.sleep(0.05)
        problems = re.findall(r"TZDEV-PROBLEM (.*)", text)
        if problems:
            raise self._failure("the guest reports: " + "; ".join(problems))
        with qmp.Monitor(self.folder) as monitor:
            state["port"] = qemu.forwarded_port(monitor(
                "human-monitor-command", **{"command-line": "info usernet"}))
        link = guest.Guest(self.folder, state["port"])
        while not link.connect():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise self._failure("the guest's login service does not answer: "
                                    + link.reason)
            time.sleep(0.1)
        self._write_state(state)

    def _failure(self, why):
        parts = [f"device '{self.name}' failed to boot: {why}"]
        for name in ("qemu.log", "normal.log", "secure.log"):
            parts.append(f"--- the end of {name}\n{ui.tail(self.folder / name)}")
        return DeviceError("\n".join(parts))

    # -- stop -------------------------------------------------------------------------
    def stop(self):
        """End the device; True if there was one."""
        with cache.lock(f"device-{self.name}"):
            state = self.running()
            if not state:
                return False
            if state.get("port"):
                guest.Guest(self.folder, state["port"]).disconnect()
            self._end(state)
            (self.folder / "initramfs").unlink(missing_ok=True)
            return True

    def forget(self):
        """Remove what a stopped device has left: its consoles and its state."""
        with cache.lock(f"device-{self.name}"):
            if not self.running():
                shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, state):
        """Quit by the monitor, then by signals; only ever the process we started."""
        try:
            with qmp.Monitor(self.folder, timeout=3) as monitor:
                monitor("quit")
        except (DeviceError, OSError):
            pass
        for signum, patience in ((None, 3), (signal.SIGTERM, 3), (signal.SIGKILL, 10)):
            if signum is not None:
                send(state, signum)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if getattr(self, "_process", None):
                    self._process.poll()
                if qemu.process_start(state["pid"]) != state["pid_start"]:
                    return
                time.sleep(0.02)
        raise DeviceError(f"QEMU (process {state['pid']}) does not end")

    # -- memory -----------------------------------------------------------------------
    def dump_memory(self, dest):
        """Write all ordinary RAM to a file, by QEMU and without the guest's help."""
        spec = profiles.Spec(**self.require_running()["spec"])
        size = spec.ram * profiles.MIB
        with qmp.Monitor(self.folder, timeout=600) as monitor:
            monitor("pmemsave", val=profiles.RAM_BASE, size=size,
                    filename=str(pathlib.Path(dest).absolute()))
        return size


def send(state, signum):
    """Signal a device's QEMU without a race against reuse of its process id."""
    try:
        handle = os.pidfd_open(state["pid"])
    except ProcessLookupError:
        return
    try:
        if qemu.process_start(state["pid"]) == state["pid_start"]:
            signal.pidfd_send_signal(handle, signum)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def build(spec):
    """Fetch and build whatever a spec needs; {part: path}."""
    parts = {"optee": firmware.optee(spec), "flash": firmware.flash(spec),
             "rootfs": rootfs.base(), "qemu": qemu.binary(spec)}
    if spec.xtest:
        parts["xtest"] = xtest.overlay(spec, parts["optee"])
    return parts


def versions(parts):
    """Versions of what runs, for the user."""
    def read(part):
        return (parts[part] / "version").read_text().strip()
    return {"optee": read("optee"), "tf-a": read("flash"), "linux": read("rootfs"),
            "qemu": qemu.version(parts["qemu"])}


def names():
    """Names of all devices that have a folder."""
    top = cache.root() / "devices"
    return sorted(p.name for p in top.iterdir()) if top.is_dir() else []
