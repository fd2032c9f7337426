"""QEMU: which binary, the device tree, the command line."""

import os
import pathlib
import re
import struct
import subprocess

from . import cache, tools, ui
from .errors import DeviceError
from .profiles import MIB, RAM_BASE, SECURE_RAM_BASE

BASE_MACHINE = "virt,secure=on,gic-version=3,acpi=off"
BOOT_ARGUMENTS = "console=ttyAMA0 quiet panic=-1"
# Entries {base, size} of the virt machine's memory map: secure RAM, and the PCIe window.
SECURE_RAM = (SECURE_RAM_BASE, 0x01000000)
PCIE_WINDOW = (0x10000000, 0x2EFF0000)


def version(binary):
    """QEMU's version as it prints it."""
    return tools.output([str(binary), "--version"]).splitlines()[0]


def binary(spec):
    """The emulator for a spec: Debian's, or a copy with more secure RAM."""
    stock = tools.find("qemu-system-aarch64")
    if spec.profile != "firewalled-large":
        return pathlib.Path(stock)
    inputs = {"qemu": cache.sha256(stock), "secure_mib": spec.secure_memory, "recipe": 1}

    def make(dest):
        with ui.step(f"copy QEMU with {spec.secure_memory} MiB of secure RAM"):
            data = enlarge(pathlib.Path(stock).read_bytes(), spec.secure_memory, stock)
            (dest / "qemu-system-aarch64").write_bytes(data)
            (dest / "qemu-system-aarch64").chmod(0o755)
    return cache.result("qemu-large", inputs, make) / "qemu-system-aarch64"


def enlarge(data, mib, name="qemu-system-aarch64"):
    """QEMU's bytes with mib of secure RAM; the PCIe window begins behind it."""
    end = SECURE_RAM_BASE + mib * MIB
    window_end = sum(PCIE_WINDOW)
    for old, new in ((SECURE_RAM, (SECURE_RAM_BASE, mib * MIB)),
                     (PCIE_WINDOW, (end, window_end - end))):
        pattern = struct.pack("<QQ", *old)
        count = data.count(pattern)
        if count != 1:
            raise DeviceError(
                f"profile firewalled-large changes two entries in the memory map of "
                f"Debian's QEMU, and {name} has the entry {old[0]:#x} {count} times "
                f"instead of once: an unknown build. Use Debian 12's qemu-system-arm, "
                f"or --profile carveout (not firewalled)")
        data = data.replace(pattern, struct.pack("<QQ", *new))
    return data


def kernel_size(image):
    """Bytes of memory an arm64 kernel image takes, from its header."""
    with open(image, "rb") as handle:
        header = handle.read(64)
    if header[56:60] != b"ARMd":
        raise DeviceError(f"{image.name} is not an arm64 kernel image")
    return struct.unpack("<Q", header[16:24])[0]


def initramfs_address(spec, kernel):
    """The initramfs follows the kernel, with room for its early page tables."""
    address = spec.kernel_address + kernel_size(kernel) + 4 * MIB
    return -(-address // (2 * MIB)) * 2 * MIB


def _common(spec):
    return ["-cpu", spec.cpu, "-smp", str(spec.cores), "-m", str(spec.ram)]


def make_device_tree(spec, qemu, folder, initramfs):
    """Have QEMU write its device tree, and add boot arguments and initramfs."""
    dtb = folder / "virt.dtb"
    tools.output([str(qemu), "-M", f"{BASE_MACHINE},dumpdtb={dtb}", *_common(spec),
                  "-display", "none", "-nodefaults"])
    start, end = initramfs
    if end > RAM_BASE + spec.ram * MIB:
        raise DeviceError(f"--memory {spec.memory}: kernel and initramfs do not fit")
    for kind, name, values in (
            ("s", "bootargs", [BOOT_ARGUMENTS]),
            ("x", "linux,initrd-start", [f"{start >> 32:x}", f"{start & 0xffffffff:x}"]),
            ("x", "linux,initrd-end", [f"{end >> 32:x}", f"{end & 0xffffffff:x}"])):
        tools.output([tools.find("fdtput"), "-t", kind, str(dtb), "/chosen", name, *values])


def command(spec, qemu, flash, kernel, folder_initramfs):
    """QEMU's command line; it runs in the device's own folder."""
    initrd = f"{initramfs_address(spec, kernel):#x}"
    # A comma inside a path would end the option.
    kernel, flash = (str(p).replace(",", ",,") for p in (kernel, flash))
    return [str(qemu), "-M", BASE_MACHINE, "-accel", "tcg,thread=multi", *_common(spec),
            "-display", "none", "-nodefaults", "-no-reboot", "-dtb", "virt.dtb",
            "-bios", flash,
            "-device", f"loader,file={kernel},addr={spec.kernel_address:#x},force-raw=on",
            "-device", f"loader,file={folder_initramfs},addr={initrd},force-raw=on",
            "-serial", "file:normal.log", "-serial", "file:secure.log",
            "-qmp", "unix:qmp.sock,server=on,wait=off",
            # The guest reaches nothing; only its login service is reached, from loopback.
            "-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22",
            "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci",
            # Files pass here, unencrypted: the socket lies in a folder that is ours alone.
            "-chardev", "socket,id=bulk,path=bulk.sock,server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=bulk,name=tzdev.bulk"]


def spawn(arguments, folder):
    """Start QEMU in the background in its own session; returns its process."""
    with open(folder / "qemu.log", "wb") as log:
        return subprocess.Popen(arguments, cwd=folder, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log, start_new_session=True,
                                env=tools.clean_environment())


def forwarded_port(usernet):
    """The host port from QMP's 'info usernet'."""
    found = re.search(r"TCP\[HOST_FORWARD\]\s+\S+\s+127\.0\.0\.1\s+(\d+)", usernet)
    if not found:
        raise DeviceError("QEMU forwards no port to the guest:\n" + usernet)
    return int(found.group(1))


def process_start(pid):
    """When a process was started (clock ticks since boot), None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as handle:
            fields = handle.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def seconds_up(start_ticks):
    """How long a process has been running."""
    with open("/proc/uptime", encoding="ascii") as handle:
        uptime = float(handle.read().split()[0])
    return uptime - start_ticks / os.sysconf("SC_CLK_TCK")
