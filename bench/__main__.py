"""`python -m bench [case ...] [--long] [--write]`: figures beside the baseline they are measured against, on this machine, now.

Without names every case is run. `--long` adds what takes minutes (burst, memory that grows); `--write` keeps the tables in
docs/performance.md. Ends with 1 if a case could not be measured; a goal that is missed is told, not an error: times belong
to a machine.
"""

import argparse
import importlib
import sys
import traceback

from bench.cases import CASES
from bench.table import keep, markdown, pace, paced, where


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--long", action="store_true", help="also what takes minutes")
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/performance.md")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    failed = []
    for name in asked.cases or CASES:
        case, run, before = importlib.import_module(f"bench.cases.{name}"), where(), pace()
        print(f"## {name}\n\n{(case.__doc__ or '').strip()}\n", flush=True)
        try:
            rows = list(case.rows(asked.long))
        except Exception:  # noqa: BLE001 one case that fails leaves the others their figures
            traceback.print_exc()
            failed.append(name)
            continue
        if not rows:
            # What was kept of a long run stays.
            print("with --long only\n", flush=True)
            continue
        table, run = markdown(rows), paced(run, before)
        print(f"{run}\n\n{table}", flush=True)
        if asked.write:
            keep(name, table, run)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
