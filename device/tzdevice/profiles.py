"""What can be started: flavours of OP-TEE, memory profiles, cores, CPU models.

The memory map of QEMU's virt machine, as the profiles use it:

    0x0e000000   1 MiB  secure: TF-A
    0x0e100000          secure: OP-TEE (TZDRAM), profiles firewalled*
    0x40000000          RAM: device tree
    0x42000000   2 MiB  RAM: OP-TEE's static shared memory
    0x44000000          RAM: OP-TEE (TZDRAM) in profile carveout, NOT firewalled
    then                RAM: kernel, initramfs, and what Linux uses
"""

import dataclasses

from .errors import DeviceError

KIB = 1 << 10
MIB = 1 << 20
RAM_BASE = 0x40000000
SECURE_RAM_BASE = 0x0E000000
FIREWALLED_TZDRAM = 0x0E100000
CARVEOUT_TZDRAM = 0x44000000

FLAVOURS = {
    "stock": "Debian's binary package optee-os, as it comes",
    "smartzone": "built from Debian's source package with SmartZone's settings, "
                 "patches and sources (optee/)",
}
PROFILES = {
    "firewalled": "QEMU as it comes: 16 MiB secure RAM, 15 MiB of it for OP-TEE",
    "firewalled-large": "larger secure RAM by a patched copy of Debian's QEMU",
    "carveout": "OP-TEE in ordinary RAM, hidden by the device tree only: "
                "NOT firewalled, Linux can read it",
}
CPUS = ("cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76")
DEFAULT_SECURE_MIB = {"firewalled": 16, "firewalled-large": 288, "carveout": 256}
# The PCIe window behind the secure RAM must keep some room (QEMU's map ends at 0x3eff0000).
LARGE_LIMIT_MIB = 720
CARVEOUT_LIMIT_MIB = 1536
MAX_CORES = {"stock": 4, "smartzone": 8}
MIN_MEMORY_MIB = 256


@dataclasses.dataclass(frozen=True)
class Spec:
    """One device, completely described; equal specs give equal devices."""
    flavour: str = "stock"
    profile: str = "firewalled"
    cores: int = 2
    memory: int = 1024         # MiB of RAM for the normal world
    secure_memory: int = 16    # MiB of secure RAM, or of the carve-out
    cpu: str = "cortex-a57"
    xtest: bool = False

    @property
    def tzdram(self):
        """(address, bytes) of the memory that OP-TEE owns."""
        if self.profile == "carveout":
            return CARVEOUT_TZDRAM, self.secure_memory * MIB
        return FIREWALLED_TZDRAM, (self.secure_memory - 1) * MIB

    @property
    def kernel_address(self):
        """Where the kernel is put: behind the carve-out, if there is one."""
        if self.profile == "carveout":
            return CARVEOUT_TZDRAM + self.secure_memory * MIB
        return CARVEOUT_TZDRAM

    @property
    def ram(self):
        """MiB of ordinary RAM of the machine, a carve-out included."""
        carved = self.secure_memory if self.profile == "carveout" else 0
        return self.memory + carved

    def as_dict(self):
        return dataclasses.asdict(self)


def make(flavour="stock", profile="firewalled", cores=2, memory=1024,
         secure_memory=None, cpu="cortex-a57", xtest=False):
    """A checked Spec; what cannot work is an error that says why and what to use."""
    if flavour not in FLAVOURS:
        raise DeviceError(f"no flavour '{flavour}': use one of {', '.join(FLAVOURS)}")
    if profile not in PROFILES:
        raise DeviceError(f"no profile '{profile}': use one of {', '.join(PROFILES)}")
    if cpu not in CPUS:
        raise DeviceError(f"no CPU model '{cpu}' (tried and booting: {', '.join(CPUS)})")
    if flavour == "stock" and profile != "firewalled":
        raise DeviceError(
            f"profile {profile} needs OP-TEE built for another memory map, and flavour "
            f"stock is Debian's binary: use --flavour smartzone, or --profile firewalled")
    if not 1 <= cores <= MAX_CORES[flavour]:
        hint = "; flavour smartzone takes up to 8" if flavour == "stock" else ""
        raise DeviceError(f"{cores} cores: flavour {flavour} was built for 1 to "
                          f"{MAX_CORES[flavour]}{hint}")
    if memory < MIN_MEMORY_MIB or memory > 16384:
        raise DeviceError(f"--memory {memory}: Linux needs from {MIN_MEMORY_MIB} "
                          f"to 16384 MiB")
    secure = _secure_memory(profile, secure_memory)
    return Spec(flavour, profile, cores, memory, secure, cpu, xtest)


def _secure_memory(profile, asked):
    default = DEFAULT_SECURE_MIB[profile]
    if asked is None:
        return default
    if profile == "firewalled":
        if asked != default:
            raise DeviceError(
                f"--secure-memory {asked}: profile firewalled has QEMU's 16 MiB; use "
                f"--flavour smartzone --profile firewalled-large (firewalled) or "
                f"--profile carveout (not firewalled)")
        return asked
    low, high = (32, LARGE_LIMIT_MIB) if profile == "firewalled-large" else (
        32, CARVEOUT_LIMIT_MIB)
    if asked % 2 or not low <= asked <= high:
        raise DeviceError(f"--secure-memory {asked}: profile {profile} takes an even "
                          f"number from {low} to {high} MiB")
    return asked


def optee_settings(spec):
    """OP-TEE's build settings for the smartzone flavour.

    The first block is what Debian's rules give the vexpress-qemu_armv8a build, but for
    the log level (Debian: 3, debug; every line costs time on the emulated console).
    """
    base, size = spec.tzdram
    settings = {
        "CFG_TEE_CORE_LOG_LEVEL": 2, "CFG_TEE_BENCHMARK": "n", "CFG_ARM_GICV3": "y",
        "CFG_ARM64_core": "y", "CFG_VIRTUALIZATION": "n",
        "CFG_USER_TA_TARGETS": "ta_arm64", "DEBUG": 0,

        "CFG_TEE_CORE_NB_CORE": MAX_CORES["smartzone"],
        # A TA, seven helpers in it, and some for everybody else.
        "CFG_SECURE_CORES_PTA": "y", "CFG_NUM_THREADS": 12,
        "CFG_WITH_STATS": "y", "CFG_SYSTEM_PTA": "y",
        "CFG_TZDRAM_START": f"{base:#010x}", "CFG_TZDRAM_SIZE": f"{size:#010x}",
    }
    if spec.profile == "firewalled":
        # One table maps 2 MiB: a TA that fills the memory, and seven helpers in it.
        settings |= {"CFG_PGT_CACHE_ENTRIES": 8 * 9, "CFG_CORE_HEAP_SIZE": 128 * KIB}
        return settings
    # One table maps 2 MiB of a TA; the owner and three lent cores may each map it all.
    tables = 4 * (spec.secure_memory // 2 + 1)
    window = 4 * MIB + -(-tables * 4096 // (2 * MIB)) * 2 * MIB
    settings |= {"CFG_PGT_CACHE_ENTRIES": tables, "CFG_CORE_HEAP_SIZE": MIB,
                 "CFG_TEE_RAM_VA_SIZE": f"{window:#010x}"}
    if spec.profile == "carveout":
        # Identity-mapped RAM needs room above it in the core's address space.
        settings |= {"CFG_LPAE_ADDR_SPACE_BITS": 36}
    return settings
