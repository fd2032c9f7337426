"""Measures the claims: python3 -m claims [--id ID ...] [--quick] [--list]

Writes build/claims.json (all rows measured so far; rows that were not measured this time are kept)
and the table in docs/CLAIMS.md.
"""

import argparse
import json
import sys

from harness.board import BUILD, ROOT
from claims import common, registry
from claims import core_faults, core_speed, first_network, language, operator_set, original, peers, quantiser  # noqa: F401  pylint: disable=unused-import

JSON_FILE = BUILD / "claims.json"
TABLE_FILE = ROOT / "docs" / "CLAIMS.md"
VERDICT = {True: "holds", False: "**falls short**", None: "not measured"}


def verdict(row):
    """holds, falls short, not measured; or recorded, for a figure without a bound."""
    if row["holds"] is None and row["value"] is not None:
        return "recorded"
    return VERDICT[row["holds"]]


def shown(value):
    """A figure as text."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(rows):
    """The rows as a Markdown page."""
    lines = ["# Claims", "",
             "Measured by `make claims` on one machine, in one run each; `build/claims.json` has the same",
             "for programs. A claim that falls short is shown, not hidden. One alone: `make claims ID=id`.",
             "", "| id | what | value | bound | | note |", "|---|---|---|---|---|---|"]
    for row in rows:
        note = row["note"].replace("|", "\\|").replace("\n", " ")
        lines.append(f"| `{row['id']}` | {row['what']} | {shown(row['value'])} {row['unit']} "
                     f"| {row['bound']} | {verdict(row)} | {note} |")
    return "\n".join(lines) + "\n"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="make claims", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--id", action="append", default=[], help="measure only this claim")
    parser.add_argument("--quick", action="store_true", help="leave out the slow ones")
    parser.add_argument("--list", action="store_true", help="list the claims, measure nothing")
    return parser.parse_args()


def chosen(args):
    """The claims to measure; exits with a message on an unknown id."""
    known = {one.id: one for one in registry.CLAIMS}
    for name in args.id:
        if name not in known:
            sys.exit(f"claims: no claim '{name}'; there are: {', '.join(known)}")
    if args.id:
        return [known[name] for name in args.id]
    return [one for one in registry.CLAIMS if not (args.quick and one.slow)]


def earlier_rows():
    """{id: row} of what was measured before, as it is just now: two runs may be under way."""
    if not JSON_FILE.is_file():
        return {}
    return {row["id"]: row for row in json.loads(JSON_FILE.read_text(encoding="utf-8"))}


def main():
    """Measures and writes; exit status 0 unless the arguments are wrong."""
    args = arguments()
    if args.list or args.id == ["list"]:
        for one in registry.CLAIMS:
            print(f"{one.id:32} {one.what} [{one.bound}]{' (slow)' if one.slow else ''}")
        return
    measured = {}
    try:
        for one in chosen(args):
            print(f"{one.id}: measuring ...", flush=True)
            row = measured[one.id] = registry.run(one)
            print(f"{one.id}: {shown(row['value'])} {row['unit']} (bound {row['bound']}): "
                  f"{verdict(row)} [{row['seconds']} s] {row['note']}", flush=True)
    finally:
        common.clean_up()
        rows = earlier_rows() | measured
        ordered = [rows[one.id] for one in registry.CLAIMS if one.id in rows]
        JSON_FILE.parent.mkdir(exist_ok=True)
        JSON_FILE.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        TABLE_FILE.write_text(table(ordered), encoding="utf-8")


if __name__ == "__main__":
    main()
