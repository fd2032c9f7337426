"""Every figure that the project claims, measured. See registry.py; run by `make claims`."""
