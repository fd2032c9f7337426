"""The emulated device: TF-A, OP-TEE and Linux in QEMU, from Debian packages."""
