"""The command line: what can be asked, in words that teach."""

import argparse
import signal
import sys
import textwrap

from . import commands, profiles
from .errors import DeviceError

ABOUT = """\
A real TrustZone device on this machine: TF-A, OP-TEE and Linux on QEMU's virt board
with secure=on, made from Debian packages only. It boots in seconds.

    device/tzdev start                       boot a device (builds it the first time)
    device/tzdev run -- ls -l /dev/tee0      run a command in its Linux
    device/tzdev push my.ta /usr/lib/optee_armtz/
    device/tzdev stop
"""
CHOICES = ("flavours (whose OP-TEE):\n" +
           "".join(f"  {k:17} {v}\n" for k, v in profiles.FLAVOURS.items()) +
           "profiles (where OP-TEE's memory lies):\n" +
           "".join(f"  {k:17} {v}\n" for k, v in profiles.PROFILES.items()))


def main(arguments):
    """Parse, execute, and turn errors into messages; returns the exit status."""
    args = parser().parse_args(arguments)
    # Ended from outside: clean up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return args.call(args) or 0
    except DeviceError as error:
        print(f"tzdev: error: {error}", file=sys.stderr)
        return commands.ERROR_STATUS
    except KeyboardInterrupt:
        print("tzdev: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141


def parser():
    """The whole command line."""
    top = argparse.ArgumentParser(prog="tzdev", description=ABOUT, epilog=CHOICES,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = top.add_subparsers(metavar="COMMAND", required=True)
    _life(sub)
    _use(sub)
    _making(sub)
    return top


def _add(sub, name, call, summary, more=""):
    text = textwrap.dedent(more).strip()
    one = sub.add_parser(name, help=summary, description=f"{summary}.\n\n{text}",
                         formatter_class=argparse.RawDescriptionHelpFormatter)
    one.set_defaults(call=call)
    return one


def _name(one):
    one.add_argument("--name", default="default",
                     help="which device; several run side by side (default: default)")


def _firmware(one):
    one.add_argument("--flavour", choices=profiles.FLAVOURS, default="stock",
                     help="whose OP-TEE (default: stock, Debian's binary)")
    one.add_argument("--profile", choices=profiles.PROFILES, default="firewalled",
                     help="where OP-TEE's memory lies (default: firewalled)")
    one.add_argument("--secure-memory", type=int, metavar="MiB",
                     help="secure memory of the profiles firewalled-large (default "
                          f"{profiles.DEFAULT_SECURE_MIB['firewalled-large']}) and carveout "
                          f"(default {profiles.DEFAULT_SECURE_MIB['carveout']})")


def _life(sub):
    one = _add(sub, "build", commands.build, "fetch and build all that a device needs", """
        Pinned packages come from the Debian mirror of this machine's apt; results are
        cached in ${SMARTZONE_CACHE:-~/.cache/smartzone} and made again only when
        something that goes into them changes. 'start' does this too, if need be.""")
    _firmware(one)
    one.add_argument("--with-xtest", action="store_true", help="OP-TEE's test suite too")

    one = _add(sub, "start", commands.start, "boot a device and return when it is usable", """
        Does nothing if the device runs with the same options; refuses if it runs with
        others. A device that does not come up is ended, and its consoles are shown.""")
    _name(one)
    _firmware(one)
    one.add_argument("--cores", type=int, default=2, metavar="N",
                     help="virtual CPUs (default 2; more than the host has are slow)")
    one.add_argument("--memory", type=int, default=1024, metavar="MiB",
                     help="memory of the normal world (default 1024)")
    one.add_argument("--cpu", default="cortex-a57", choices=profiles.CPUS,
                     help="CPU model (default cortex-a57; cortex-a76 has dot products, "
                          "half precision and atomics)")
    one.add_argument("--with-xtest", action="store_true",
                     help="with OP-TEE's test suite: tzdev run -- xtest")
    one.add_argument("--boot-timeout", type=float, default=180, metavar="S",
                     help="give up after so many seconds (default 180)")

    one = _add(sub, "stop", commands.stop, "end a device", """
        Its memory and its files are gone; its consoles can still be read.""")
    _name(one)
    one.add_argument("--all", action="store_true", help="end every device")
    one.add_argument("--forget", action="store_true", help="remove its consoles' logs too")

    one = _add(sub, "status", commands.status, "say what runs", """
        With --name of one device the exit status is 0 if it runs and 1 if it does not;
        without, all devices are listed.""")
    one.add_argument("--name", help="only this device")
    one.add_argument("--json", action="store_true", help="for programs")


def _use(sub):
    one = _add(sub, "run", commands.run, "run a command in the guest", """
        Standard input, output and error and the exit status are passed through. Ctrl-C
        ends the guest's command. Words are passed as they are; for a shell's syntax:
            tzdev run -- sh -c 'dmesg | grep optee'
        Exit status 125 means that tzdev itself failed; 124 that --timeout was reached.""")
    _name(one)
    one.add_argument("--timeout", type=float, metavar="S",
                     help="end the command after so many seconds (exit status 124)")
    one.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND ARGS...")

    one = _add(sub, "shell", commands.shell, "an interactive shell in the guest")
    _name(one)

    one = _add(sub, "push", commands.push, "copy files and folders into the guest", """
        Works as cp -r: into DST if it is a folder or ends with /. TAs belong into
        /usr/lib/optee_armtz/.""")
    _name(one)
    one.add_argument("sources", nargs="+", metavar="SRC")
    one.add_argument("dest", metavar="DST")

    one = _add(sub, "pull", commands.pull, "copy files and folders out of the guest",
               "Works as cp -r: into DST if it is a folder or ends with /.")
    _name(one)
    one.add_argument("sources", nargs="+", metavar="SRC")
    one.add_argument("dest", metavar="DST")

    one = _add(sub, "console", commands.console, "print a console's log", """
        The secure world's console has TF-A's and OP-TEE's messages: why a TA did not
        load or how it crashed.""")
    _name(one)
    one.add_argument("--world", choices=("normal", "secure"), default="normal")
    one.add_argument("--follow", action="store_true", help="wait for more until Ctrl-C")

    one = _add(sub, "dump-memory", commands.dump_memory,
               "write the normal world's whole RAM to a file", """
        QEMU writes it; the guest has no part in it and cannot prevent it. The device
        stands still meanwhile. Byte 0 is address 0x40000000. A carve-out is ordinary
        RAM and therefore part of it; firewalled secure RAM is not.""")
    _name(one)
    one.add_argument("file", metavar="FILE")


def _making(sub):
    one = _add(sub, "paths", commands.paths, "where TA dev kit, libraries and headers are", """
        ta_dev_kit is TA_DEV_KIT_DIR for TAs of this flavour, with the key that its
        OP-TEE trusts; libteec_include and libteec_lib serve -I and -L -lteec; sysroot
        has the guest's C and C++ libraries (qemu-aarch64 -L).""")
    _firmware(one)
    one.add_argument("--json", action="store_true", help="for programs")
    one.add_argument("key", nargs="?", help="print only this one's value")

    one = _add(sub, "lock", commands.lock, "pin the packages a device is made of", """
        Without options: fill in what device/packages.lock does not know yet. The index
        it reads is verified by apt with Debian's keyring.""")
    one.add_argument("--update", action="append", default=[], metavar="NAME[=VERSION]",
                     help="pin the newest version in the package's suite, or VERSION from "
                          "any suite; a kernel is named by its metapackage; may be repeated")
    one.add_argument("--all", action="store_true",
                     help="pin the newest version of every package")
    one.add_argument("--offers", action="store_true",
                     help="only print what the archive offers for each package")

    _add(sub, "clean-cache", commands.clean_cache, "remove downloads and build results",
         "Refuses while a device runs from them.")
