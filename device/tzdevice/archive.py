"""Debian's archive: pinned downloads, and what the archive offers today.

A pinned file is fetched from its place in the pool of the mirror that this machine's
own apt uses, and its SHA-256 is checked. The index of the suites (verified by apt with
Debian's keyring, kept apart from the host's own sources) is only read to make the lock
file and to explain why a pinned version is not there any more.
"""

import functools
import os
import pathlib
import subprocess

from . import cache, tools, ui
from .errors import DeviceError
from .lockfile import File

SUITES = ("trixie", "sid")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_HELPER = "/usr/lib/apt/apt-helper"


@functools.lru_cache
def mirror():
    """The address of the Debian mirror in this machine's apt configuration."""
    lines = tools.output([tools.find("apt-get"), "indextargets", "--format",
                          "$(REPO_URI)", "Identifier: Packages", "Origin: Debian",
                          "Label: Debian"]).split()
    if not lines:
        raise DeviceError("this machine's apt knows no Debian mirror: run apt-get "
                          "update, or add one in /etc/apt/sources.list")
    return lines[0].rstrip("/") + "/"


def download(package, opener=None):
    """The local paths of a pinned package's files, fetched and verified once.

    opener(package, files) fetches [(File, destination)]; tests put their own here.
    """
    out, missing = [], []
    store = cache.folder("downloads")
    for item in package.files:
        place = store / item.sha256[:16] / item.name
        out.append(place)
        if not place.exists():
            missing.append((item, place))
    if not missing:
        return out
    with cache.lock(f"download-{package.name}"):
        missing = [(i, p) for i, p in missing if not p.exists()]
        if missing:
            size = sum(i.size for i, _ in missing) / 1e6
            with ui.step(f"download {package.wanted} ({size:.1f} MB)"):
                _fetch_all(package, missing, opener or fetch)
    return out


def _fetch_all(package, missing, opener):
    temps = []
    for item, place in missing:
        place.parent.mkdir(parents=True, exist_ok=True)
        temp = place.with_name(f".{place.name}.{os.getpid()}")
        temps.append((item, temp, place))
    try:
        opener(package, [(item, temp) for item, temp, _ in temps])
        for item, temp, place in temps:
            found = cache.sha256(temp)
            if found != item.sha256:
                raise DeviceError(f"{item.name}: SHA-256 is {found}, pinned is "
                                  f"{item.sha256}. The mirror sent something else; "
                                  f"nothing was kept.")
            temp.rename(place)
    finally:
        for _, temp, _ in temps:
            temp.unlink(missing_ok=True)


def fetch(package, files):
    """Fetch [(File, destination)] from the pool with apt's own downloader."""
    base = mirror()
    command = [APT_HELPER, "-qq", "download-file"]
    for item, dest in files:
        command += [base + item.path, str(dest), f"SHA256:{item.sha256}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeviceError(explain_missing(package, Index(), done.stderr.strip()))


def explain_missing(package, index, reason=""):
    """Say which version is wanted, what each suite offers, and what can be done."""
    offers = index.offers(package)
    lines = [f"cannot download {package.wanted} (pinned in device/packages.lock)."]
    if reason:
        lines.append("  apt says: " + reason.splitlines()[0])
    label = package.via or package.name
    for suite in SUITES:
        found = ", ".join(offers.get(suite, ())) or "nothing"
        lines.append(f"  {suite} offers for {label}: {found}")
    if any(package.version in v for v in offers.values()):
        lines.append("  The version is still offered: the mirror may be out of step; "
                     "try again later.")
    else:
        lines.append("  The pinned version has left the archive. Pin one that is "
                     f"offered: device/tzdev lock --update {label}")
    if package.kind == "src" and package.name == "optee-os":
        lines.append("  Or use OP-TEE as Debian built it: --flavour stock")
    return "\n".join(lines)


class Index:
    """The package index of the suites for arm64, in folders of our own."""

    def __init__(self, refresh=True):
        self.top = cache.folder("apt")
        for sub in ("lists/partial", "archives/partial"):
            (self.top / sub).mkdir(parents=True, exist_ok=True)
        self.refresh = refresh

    def _options(self):
        top = self.top
        return ["-qq", "-oAPT::Architecture=arm64", "-oAPT::Architectures=arm64",
                f"-oDir::State::Lists={top}/lists", "-oDir::Etc::SourceParts=/dev/null",
                f"-oDir::Etc::SourceList={top}/sources.list", f"-oDir::Cache={top}",
                "-oDir::State::Status=/dev/null", "-oAcquire::Languages=none",
                "-oAPT::Sandbox::User=root"]

    def _update(self):
        if not self.refresh:
            return
        self.refresh = False
        base = mirror()
        (self.top / "sources.list").write_text("".join(
            f"{kind} [signed-by={KEYRING}] {base} {suite} main\n"
            for suite in SUITES for kind in ("deb", "deb-src")))
        with cache.lock("apt-index"), ui.step("read the index of " + " and ".join(SUITES)):
            tools.output([tools.find("apt-get"), *self._options(), "update"])

    def _stanzas(self, suite, kind, name):
        """Fields of each version of a package in one suite, newest first."""
        self._update()
        verb = ["show"] if kind == "deb" else ["--only-source", "showsrc"]
        done = subprocess.run(["apt-cache", *self._options(), *self._only(suite), *verb, name],
                              capture_output=True, text=True, check=False)
        return [fields for block in done.stdout.split("\n\n")
                if (fields := parse_stanza(block)).get("Package") == name]

    def _only(self, suite):
        """Options that show apt one suite alone."""
        path = self.top / f"sources-{suite}.list"
        lines = (self.top / "sources.list").read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if f" {suite} " in line))
        return [f"-oDir::Etc::SourceList={path}", "-oDir::Cache::pkgcache=",
                "-oDir::Cache::srcpkgcache="]

    def offers(self, package):
        """{suite: versions} of a package, or of the metapackage that leads to it."""
        name = package.via or package.name
        return {suite: [s["Version"] for s in self._stanzas(suite, package.kind, name)]
                for suite in SUITES}

    def resolve(self, package, version=None):
        """A copy of package pinned to version, or to the newest of its own suite."""
        suites = (package.suite,) if version is None else SUITES
        for suite in suites:
            name = package.name
            if package.via:
                meta = self._stanzas(suite, "deb", package.via)
                if not meta:
                    continue
                name = real_name(meta[0]["Depends"], package.via)
            for fields in self._stanzas(suite, package.kind, name):
                if version in (None, fields["Version"]):
                    return type(package)(package.kind, name, fields["Version"], suite,
                                         package.via, files_of(fields, package.kind))
        raise DeviceError(f"{package.via or package.name} {version or ''} is in none of: "
                          f"{', '.join(suites)}")


def parse_stanza(block):
    """One stanza of an index -> {field: value}, continuation lines kept."""
    fields, last = {}, None
    for line in block.splitlines():
        if line[:1].isspace() and last:
            fields[last] += "\n" + line.strip()
        elif ":" in line:
            last, value = line.split(":", 1)
            fields[last] = value.strip()
    return fields


def real_name(depends, meta):
    """The versioned package that a kernel metapackage depends on."""
    for part in depends.split(","):
        word = part.split()[0]
        if word.startswith("linux-image-") and word != meta:
            return word
    raise DeviceError(f"{meta} depends on no linux-image package: {depends}")


def files_of(fields, kind):
    """The files that an index stanza lists, as lock entries."""
    if kind == "deb":
        return (File(fields["SHA256"], int(fields["Size"]), fields["Filename"]),)
    rows = [row.split() for row in fields["Checksums-Sha256"].splitlines() if row]
    return tuple(File(sha, int(size), f"{fields['Directory']}/{name}")
                 for sha, size, name in rows if not name.endswith(".asc"))


def unpack_deb(path, dest):
    """Unpack a binary package's files into a folder."""
    pathlib.Path(dest).mkdir(parents=True, exist_ok=True)
    tools.output([tools.find("dpkg-deb"), "-x", str(path), str(dest)])


def unpack_source(files, dest, log):
    """Unpack a source package, with Debian's patches applied."""
    dsc = next(f for f in files if f.name.endswith(".dsc"))
    # dpkg-source wants the files side by side; they are verified already.
    side = pathlib.Path(dest).parent / "source-files"
    side.mkdir()
    for item in files:
        (side / item.name).symlink_to(item)
    tools.run_logged([tools.find("dpkg-source"), "--no-check", "-x",
                      str(side / dsc.name), str(dest)], log)
