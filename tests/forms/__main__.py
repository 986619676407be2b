"""`python -m tests.forms [--count 3000] [--seed 1]`: asks, and prints how many of each answer came. A seed that was named by a
failure, such as 1-42, asks its one request with `--only`."""

import argparse
import time

from tests.forms.requests import make
from tests.forms.runner import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.forms", description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", help="show the request of this seed")
    given = parser.parse_args()
    if given.only:
        sent = make(given.only)
        print(sent.what, sent.method, sent.url.encode("unicode_escape"), sent.headers, sent.params, sent.route)
        print(sent.body[:4000])
        return
    started = time.perf_counter()
    tally = run(given.seed, given.count)
    seconds = time.perf_counter() - started
    print(f"{given.count} requests in {seconds:.1f} s; the slowest took {tally.slowest:.2f} s ({tally.slowest_seed})")
    for code, times in tally.codes.most_common():
        print(f"{times:6}  {code}")


main()
