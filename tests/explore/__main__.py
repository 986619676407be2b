"""`python -m tests.explore [--seeds N] [--from K] [--seed K] [--minutes M] [--shrink]`: seeded stories, each judged by its bill."""

import argparse
import os
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.explore", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="K", help="the first one")
    parser.add_argument("--seed", type=int, help="this one only, with its story")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--shrink", action="store_true", help="leave out of a wrong story what it does not need")
    parser.add_argument("--stories", type=int, default=1, help="how many wrong stories are printed in full")
    options = parser.parse_args()
    from tests.explore.report import explore, one

    if options.seed is not None:
        return one(options.seed, shrink=options.shrink)
    ends = time.monotonic() + options.minutes * 60 if options.minutes else None
    seeds = range(options.first, options.first + options.seeds)
    return explore(seeds, ends, shrink=options.shrink, stories=options.stories)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of strings have an order of their own in each process; a story is the same in all.
        os.execve(sys.executable, [sys.executable, "-m", "tests.explore", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
