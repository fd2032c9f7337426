"""What other builds need of the device: TA dev kit, client library, guest's libraries."""

from . import archive, cache, firmware, lockfile
from .firmware import CROSS

# Those that programs link to, and zlib and zstd, which libcrypto links to.
LIBRARIES = ("libc6", "libgcc-s1", "libstdc++6", "libteec2", "libssl3t64", "zlib1g", "libzstd1")


def sysroot():
    """Folder with the guest's C and C++ libraries, and libteec and OpenSSL with their headers."""
    lock = lockfile.load()
    packages = [lock["guest"][n] for n in LIBRARIES] + list(lock["client-dev"].values())
    inputs = {"packages": [f.sha256 for p in packages for f in p.files], "recipe": 1}

    def make(dest):
        for package in packages:
            archive.unpack_deb(archive.download(package)[0], dest)
        if not (dest / "lib").exists():
            (dest / "lib").symlink_to("usr/lib")
    return cache.result("sysroot", inputs, make)


def paths(spec):
    """{name: value} for building programs and TAs for a device."""
    core = firmware.optee(spec)
    root = sysroot()
    group = "optee-stock" if spec.flavour == "stock" else "optee-smartzone"
    lock = lockfile.load()
    return {
        "flavour": spec.flavour,
        "profile": spec.profile,
        "ta_dev_kit": str((core / "kit").resolve()),
        "cross_compile": CROSS,
        "python": "/usr/bin/python3",
        "libteec_include": str(root / "usr/include"),
        "libteec_lib": str(root / "usr/lib/aarch64-linux-gnu"),
        "sysroot": str(root),
        "optee_version": lock[group]["optee-os"].version,
        "libteec_version": lock["guest"]["libteec2"].version,
        "glibc_version": lock["guest"]["libc6"].version,
        "compiler": firmware.compiler(),
    }
