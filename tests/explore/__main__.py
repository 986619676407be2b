"""`python -m tests.explore`, with options or without (--help): seeded stories, judged."""

import argparse
import os
import subprocess
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.explore", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="K", help="the first one")
    parser.add_argument("--seed", type=int, help="this one only, with its story")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--shrink", action="store_true", help="leave out of a wrong story what it does not need")
    parser.add_argument("--word", default="", help="with --seed and --shrink: a word of the violation that is meant")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--stories", type=int, default=1, help="how many wrong stories are printed in full")
    parser.add_argument("--mutants", type=int, metavar="N", help="gross faults of the app: is each seen within N seeds?")
    options = parser.parse_args()
    from tests.explore.report import explore, one

    if options.seed is not None:
        return one(options.seed, shrink=options.shrink, word=options.word)
    if options.mutants:
        from tests.explore.mutants import survivors

        return min(1, len(survivors(options.mutants)))
    ends = time.monotonic() + options.minutes * 60 if options.minutes else None
    seeds = range(options.first, options.first + options.seeds)
    return explore(seeds, ends, workers=options.workers, shrink=options.shrink, stories=options.stories)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Sets of strings have an order of their own in each process; a story is the same in all.
        command = [sys.executable, "-m", "tests.explore", *sys.argv[1:]]
        sys.exit(subprocess.call(command, env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}))
    sys.exit(main())
