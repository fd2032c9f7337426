"""`make demo`: a trained network, computed inside TrustZone on the emulated device. See __main__.py."""
