"""`python -m tests.faults [-k WORD]`: named failures of both providers, and what came of each."""

import argparse
import sys
import time

from tests.faults.matrix import CASES
from tests.faults.runner import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("-k", metavar="WORD", default="", help="only cases with this in their name or group")
    word = parser.parse_args().k
    began = time.monotonic()
    report = run([case for case in CASES if word in f"{case.group} {case.name}"])

    width = max([len(outcome.case.name) for outcome in report.outcomes] or [4])
    print(f"{'case':{width}}  {'status':9}  {'code':24}  {'charged':7}  submits  seconds")
    for o in report.outcomes:
        verdict = f"WRONG: {'; '.join(o.wrong)}" if o.wrong else "right"
        print(f"{o.case.name:{width}}  {o.status:9}  {o.code:24}  {o.charged:7}  {o.submits:7}  {o.seconds:7.1f}  {verdict}")
    print(f"\n{report.keyed} requests carried a key; {len(report.strays)} of them or to strangers went elsewhere than to an API")
    for stray in sorted(set(report.strays)):
        print(f"  {stray}")
    right = len(report.outcomes) - len(report.wrong)
    print(f"{len(report.outcomes)} cases, {right} right, {len(report.wrong)} wrong, {time.monotonic() - began:.0f} s")
    return len(report.wrong) + bool(report.strays)


if __name__ == "__main__":
    sys.exit(main())
