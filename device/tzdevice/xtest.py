"""xtest, OP-TEE's own test suite, with its TAs, as a layer over the guest's root."""

import gzip

from . import archive, cache, lockfile, rootfs, ui


def overlay(spec, optee):
    """Folder with xtest.cpio.gz for a flavour; optee is the flavour's OP-TEE folder."""
    group = lockfile.load()[f"xtest-{spec.flavour}"]
    inputs = {"packages": [f.sha256 for p in group.values() for f in p.files],
              "optee": optee.name, "recipe": 1}

    def make(dest):
        debs = [archive.download(p)[0] for p in group.values()]
        with ui.step(f"add xtest {group['optee-test-qemu'].version}"):
            cpio = rootfs.Cpio()
            for path in debs:
                rootfs.add_deb(cpio, path)
            # xtest asks for the TAs of OP-TEE's own tree too (PKCS#11 for one).
            for ta in sorted((optee / "kit" / "ta").glob("*.ta")):
                cpio.file(f"usr/lib/optee_armtz/{ta.name}", ta.read_bytes())
            (dest / "xtest.cpio.gz").write_bytes(gzip.compress(cpio.finish(), 1, mtime=0))
    return cache.result(f"xtest-{spec.flavour}", inputs, make)
