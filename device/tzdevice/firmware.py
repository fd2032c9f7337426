"""Firmware: OP-TEE of both flavours, and TF-A with it in one flash image."""

import os
import pathlib
import re
import shutil

from . import archive, cache, lockfile, profiles, tools, ui
from .errors import DeviceError

CROSS = "aarch64-linux-gnu-"
PLATFORM = "vexpress-qemu_armv8a"
DEVICE_DIR = pathlib.Path(__file__).resolve().parent.parent
TFA_PATCHES = DEVICE_DIR / "patches" / "arm-trusted-firmware"
# Patches (optee/patches/*.patch) and added files (optee/src/**) for OP-TEE's tree.
OPTEE_EXTENSION = DEVICE_DIR.parent / "optee"
# The interfaces that OP-TEE's core shares with the rest of the project, and their names there.
PROTOCOL_DIR = DEVICE_DIR.parent / "protocol"
OPTEE_CONTRACTS = {"secure_cores.h": "lib/libutee/include/pta_secure_cores.h"}
OPTEE_IMAGES = ("tee-header_v2.bin", "tee-pager_v2.bin", "tee-pageable_v2.bin")
BL1_TO_FIP = 0x40000       # where TF-A's QEMU port looks for the FIP in flash


def compiler():
    """The cross compiler's own word for its version: part of every build's identity."""
    return tools.output([tools.find(CROSS + "gcc"), "--version"]).splitlines()[0]


def optee(spec):
    """Folder with core/ (the three images), kit/ (TA dev kit) and version."""
    if spec.flavour == "stock":
        return _optee_stock()
    return _optee_smartzone(spec)


def _optee_stock():
    group = lockfile.load()["optee-stock"]
    inputs = {"packages": [f.sha256 for p in group.values() for f in p.files],
              "recipe": 1}

    def make(dest):
        for package in group.values():
            for path in archive.download(package):
                archive.unpack_deb(path, dest / "deb")
        lib = dest / "deb" / "usr" / "lib"
        (dest / "core").symlink_to(os.path.relpath(lib / "optee" / PLATFORM, dest))
        (dest / "kit").symlink_to(os.path.relpath(lib / "optee-os-dev" / PLATFORM, dest))
        (dest / "version").write_text(group["optee-os"].version + " (Debian's binary)\n")
    return cache.result("optee-stock", inputs, make)


def optee_inputs(spec, extension=OPTEE_EXTENSION):
    """Everything that decides what the smartzone build of OP-TEE is."""
    package = lockfile.load()["optee-smartzone"]["optee-os"]
    return {"source": [f.sha256 for f in package.files],
            "settings": profiles.optee_settings(spec) | {
                "TEE_IMPL_VERSION": f"{package.version}-smartzone"},
            "patches": cache.hash_tree(extension / "patches"),
            "files": cache.hash_tree(extension / "src"),
            "contracts": {to: cache.sha256(PROTOCOL_DIR / name)
                          for name, to in OPTEE_CONTRACTS.items()},
            "compiler": compiler(), "recipe": 1}


def _optee_smartzone(spec):
    package = lockfile.load()["optee-smartzone"]["optee-os"]
    check_tried(package.version, OPTEE_EXTENSION)
    inputs = optee_inputs(spec)

    def make(dest):
        files = archive.download(package)
        tools.require_python_modules("cryptography", "elftools")
        with ui.step(f"build OP-TEE {package.version} for {spec.profile}, "
                     f"{spec.secure_memory} MiB"):
            _build_optee(dest, files, inputs["settings"])
        (dest / "version").write_text(f"{package.version} (SmartZone's build)\n")
    return cache.result("optee-smartzone", inputs, make)


def _build_optee(dest, files, settings):
    work = dest / "work"
    work.mkdir()
    log = _log("optee-smartzone")
    source, out = work / "src", work / "out"
    archive.unpack_source(files, source, log)
    apply_extension(source, OPTEE_EXTENSION, log)
    tools.run_logged(
        [tools.find("make"), "-C", source, f"-j{os.cpu_count()}",
         "PLATFORM=" + PLATFORM, f"O={out}", f"CROSS_COMPILE={CROSS}",
         f"PYTHON3={tools.PYTHON}", *(f"{k}={v}" for k, v in settings.items())], log)
    (dest / "core").mkdir()
    for name in (*OPTEE_IMAGES, "tee.elf", "tee.map"):
        shutil.copy2(out / "core" / name, dest / "core" / name)
    shutil.copytree(out / "export-ta_arm64", dest / "kit", symlinks=True)
    shutil.copy2(out / "conf.mk", dest / "conf.mk")
    shutil.copy2(log, dest / "build.log")
    shutil.rmtree(work)


def tried_versions(extension):
    """OP-TEE's releases that the extension was tested with."""
    lines = (extension / "tried-versions").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def check_tried(version, extension):
    """Refuse an OP-TEE that the extension was not tested with: it uses the core's inner API."""
    release = re.sub(r"^\d+:|-[^-]*$", "", version)
    tried = tried_versions(extension)
    if release not in tried:
        raise DeviceError(
            f"the extension in {extension.name}/ was not tried with OP-TEE {release}, only with "
            f"{', '.join(tried)}: see {extension.name}/tried-versions for what to do")


def apply_extension(source, extension, log):
    """Put SmartZone's files, contracts and patches into an unpacked OP-TEE tree."""
    if (extension / "src").is_dir():
        shutil.copytree(extension / "src", source, dirs_exist_ok=True)
    for name, to in OPTEE_CONTRACTS.items():
        shutil.copy2(PROTOCOL_DIR / name, source / to)
    apply_patches(source, extension / "patches", log)


def apply_patches(source, patches, log):
    """Apply every *.patch of a folder in order; fuzz is refused."""
    for patch in sorted(patches.glob("*.patch")):
        tools.run_logged([tools.find("patch"), "-d", source, "-p1", "--fuzz=0",
                          "--forward", "-i", patch], log)


def flash(spec):
    """Folder with flash.bin: TF-A's BL1, and the FIP with BL2, BL31 and OP-TEE."""
    package = lockfile.load()["firmware"]["arm-trusted-firmware"]
    core = optee(spec)
    options = ["PLAT=qemu", "DEBUG=0", "LOG_LEVEL=20", "SPD=opteed",
               "BL32_RAM_LOCATION=tdram", "QEMU_USE_GIC_DRIVER=QEMU_GICV3",
               "ARM_LINUX_KERNEL_AS_BL33=1",
               f"PRELOADED_BL33_BASE={spec.kernel_address:#x}"]
    if spec.profile == "carveout":
        options.append(f"QEMU_SEC_DRAM_BASE={spec.tzdram[0]:#x}")
    inputs = {"source": [f.sha256 for f in package.files], "options": options,
              "optee": core.name, "patches": cache.hash_tree(TFA_PATCHES),
              "compiler": compiler(), "recipe": 1}

    def make(dest):
        files = archive.download(package)
        with ui.step(f"build TF-A {package.version} for {spec.flavour}, {spec.profile}"):
            _build_flash(dest, files, options, core / "core")
        (dest / "version").write_text(package.version + "\n")
    return cache.result("flash", inputs, make)


def _build_flash(dest, files, options, core):
    work = dest / "work"
    work.mkdir()
    log = _log("arm-trusted-firmware")
    archive.unpack_source(files, work / "src", log)
    apply_patches(work / "src", TFA_PATCHES, log)
    images = zip(("BL32", "BL32_EXTRA1", "BL32_EXTRA2"), OPTEE_IMAGES)
    tools.run_logged(
        [tools.find("make"), "-C", work / "src", f"-j{os.cpu_count()}",
         f"CROSS_COMPILE={CROSS}", *options, f"BUILD_BASE={work / 'out'}",
         *(f"{k}={core / name}" for k, name in images), "all", "fip"], log)
    release = work / "out" / "qemu" / "release"
    write_flash(dest / "flash.bin", release / "bl1.bin", release / "fip.bin")
    shutil.copy2(log, dest / "build.log")
    shutil.rmtree(work)


def write_flash(dest, bl1, fip):
    """BL1 at the start of the flash, the FIP where BL1 looks for it."""
    boot = bl1.read_bytes()
    if len(boot) > BL1_TO_FIP:
        raise DeviceError(f"TF-A's BL1 has {len(boot)} bytes; {BL1_TO_FIP} fit before "
                          f"the FIP")
    dest.write_bytes(boot.ljust(BL1_TO_FIP, b"\0") + fip.read_bytes())


def _log(name):
    return cache.folder("logs") / f"{name}-{os.getpid()}.log"
