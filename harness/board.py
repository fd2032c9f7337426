"""A booted device with SmartZone installed on it."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TZDEV = ROOT / "device" / "tzdev"
HOST_SMARTZONE = BUILD / "host" / "cli" / "smartzone"
GUEST_SMARTZONE = "/usr/bin/smartzone"
GUEST_TA_DIR = "/usr/lib/optee_armtz"


class CommandFailed(RuntimeError):
    """A command ended with another status than expected; the message holds all of its output."""

    def __init__(self, what, result):
        super().__init__(f"{what}\n  ended with status {result.returncode}\n"
                         f"  stdout: {result.stdout.strip()}\n  stderr: {result.stderr.strip()}")
        self.result = result


def call(arguments, check=True, timeout=600, **options):
    """Runs a command here; returns the CompletedProcess with text output."""
    arguments = [str(a) for a in arguments]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout, check=False,
                            stdin=subprocess.DEVNULL, **options)
    if check and result.returncode != 0:
        raise CommandFailed(" ".join(arguments), result)
    return result


def host_smartzone(*arguments, check=True, **options):
    """Runs the smartzone program of this machine."""
    return call([HOST_SMARTZONE, *arguments], check=check, **options)


def ta_file(flavour):
    """The signed TA that was built for a flavour of OP-TEE."""
    files = sorted((BUILD / "ta" / flavour).glob("*.ta"))
    if len(files) != 1:
        raise FileNotFoundError(f"no TA in {BUILD / 'ta' / flavour}: run `make device-files`")
    return files[0]


class Board:
    """One emulated device, by name. `start` boots it (or finds it running) and installs SmartZone.

    flavour: stock | smartzone; profile: firewalled | firewalled-large | carveout; sizes in MiB.
    xtest: with OP-TEE's own test suite.
    """

    def __init__(self, name, flavour="stock", profile="firewalled", cores=2, memory=1024,
                 secure_memory=None, xtest=False):
        self.name = name
        self.flavour = flavour
        self.options = ["--flavour", flavour, "--profile", profile, "--cores", str(cores),
                        "--memory", str(memory)]
        if secure_memory:
            self.options += ["--secure-memory", str(secure_memory)]
        if xtest:
            self.options.append("--with-xtest")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Boots the device and puts the program and the TA on it."""
        call([TZDEV, "start", "--name", self.name, *self.options])
        self.push(ta_file(self.flavour), GUEST_TA_DIR + "/")
        self.push(BUILD / "arm64" / "cli" / "smartzone", GUEST_SMARTZONE)

    def stop(self):
        """Ends the device; not an error if it does not run."""
        call([TZDEV, "stop", "--name", self.name], check=False)

    def push(self, *sources_and_target):
        """Copies files of this machine into the device."""
        call([TZDEV, "push", "--name", self.name, *sources_and_target])

    def pull(self, *sources_and_target):
        """Copies files of the device to this machine."""
        call([TZDEV, "pull", "--name", self.name, *sources_and_target])

    def run(self, *command, check=True, timeout=600):
        """Runs a command in the device's Linux."""
        return call([TZDEV, "run", "--name", self.name, "--", *command], check=check,
                    timeout=timeout)

    def smartzone(self, *arguments, check=True, timeout=600):
        """Runs the smartzone program in the device; returns the CompletedProcess."""
        return self.run(GUEST_SMARTZONE, *arguments, check=check, timeout=timeout)

    def smartzone_json(self, *arguments, timeout=600):
        """Runs the smartzone program in the device with --json; returns what it said."""
        return json.loads(self.smartzone(*arguments, "--json", timeout=timeout).stdout)

    def dump_memory(self, path):
        """Writes the whole normal-world RAM to a file, through the emulator's monitor."""
        call([TZDEV, "dump-memory", "--name", self.name, path])

    def console(self, world):
        """What the console of a world ("normal", "secure") has printed so far."""
        return call([TZDEV, "console", "--name", self.name, "--world", world]).stdout


def data_folder():
    """The folder of trained models and reference data, or None where there is none."""
    value = os.environ.get("SMARTZONE_DATA", "")
    return pathlib.Path(value) if value and pathlib.Path(value).is_dir() else None
