"""Tests that run inside the booted device. Each file boots the device that it needs."""
