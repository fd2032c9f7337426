"""packages.lock: which Debian packages, in which version, with which SHA-256.

    [group]                               what the packages below are for
    deb NAME VERSION SUITE [via META]     a binary package (arm64)
    src NAME VERSION SUITE                a source package
      SHA256 SIZE POOL-PATH               one line per file of the package above

'via META' says that NAME changes with each version and is what META depends on.
"""

import dataclasses
import pathlib
import re

from .errors import DeviceError

PATH = pathlib.Path(__file__).resolve().parent.parent / "packages.lock"


@dataclasses.dataclass(frozen=True)
class File:
    """One file in the archive's pool."""
    sha256: str
    size: int
    path: str

    @property
    def name(self):
        return self.path.rsplit("/", 1)[-1]


@dataclasses.dataclass
class Package:
    """One pinned package."""
    kind: str            # deb | src
    name: str
    version: str
    suite: str           # where it was when it was pinned
    via: str = ""        # the metapackage that leads to name
    files: tuple = ()

    @property
    def wanted(self):
        return f"{self.name} {self.version}"


def parse(text, where="packages.lock"):
    """Text of a lock file -> {group: {name: Package}}."""
    groups, group, package = {}, None, None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        if not line:
            continue

        def bad(why):
            return DeviceError(f"{where}:{number}: {why}: {raw.strip()!r}")
        words = line.split()
        if line.startswith("["):
            if not re.fullmatch(r"\[[a-z0-9-]+\]", line):
                raise bad("a group is written [name]")
            group, package = groups.setdefault(line[1:-1], {}), None
        elif line[0].isspace():
            if package is None:
                raise bad("a file line belongs under a package")
            if (len(words) != 3 or not re.fullmatch(r"[0-9a-f]{64}", words[0])
                    or not words[1].isdigit()):
                raise bad("a file line is SHA256 SIZE POOL-PATH")
            if not re.fullmatch(r"pool/[A-Za-z0-9._+~%/-]+", words[2]) or ".." in words[2]:
                raise bad("a pool path begins with pool/ and stays inside it")
            package.files += (File(words[0], int(words[1]), words[2]),)
        else:
            if group is None:
                raise bad("a package belongs under a [group]")
            if words[0] not in ("deb", "src") or len(words) not in (4, 6) or (
                    len(words) == 6 and words[4] != "via"):
                raise bad("a package is: deb|src NAME VERSION SUITE [via META]")
            if words[1] in group:
                raise bad("this package is in its group already")
            package = Package(*words[:4], via=words[5] if len(words) == 6 else "")
            group[package.name] = package
    return groups


def render(groups, header):
    """{group: {name: Package}} -> text of a lock file."""
    out = [header.rstrip(), ""]
    for group, packages in groups.items():
        out.append(f"[{group}]")
        for p in packages.values():
            via = f" via {p.via}" if p.via else ""
            out.append(f"{p.kind} {p.name} {p.version} {p.suite}{via}")
            out += [f"  {f.sha256} {f.size} {f.path}" for f in p.files]
        out.append("")
    return "\n".join(out)


def header_of(text):
    """The leading comment of a lock file."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    return "\n".join(lines)


def load(path=PATH):
    """The project's lock file."""
    return parse(path.read_text(encoding="utf-8"), path.name)
