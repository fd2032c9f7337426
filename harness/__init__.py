"""Drives the emulated device and the smartzone program; used by the demo, the device tests and
the claims. See board.py."""
