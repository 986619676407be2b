"""`python -m tests.corpus`, with options or without (--help): mutated pictures, tried, and looked at by a browser."""

import argparse
import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import ARGUMENTS, path_of_chromium
from tests.corpus.mutations import make_input
from tests.corpus.run import Report, looked_at, tried
from tests.corpus.views import ChromiumViews


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another seed, other mutations")
    parser.add_argument("--inputs", type=int, default=5000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="K", help="the first one")
    parser.add_argument("--one", type=int, metavar="K", help="this one only, told in full")
    parser.add_argument("--format", help="only seeds of this format")
    parser.add_argument("--no-browser", action="store_true", help="do not compare with Chromium and libheif")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where faults and disagreements are written")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    indexes = range(options.first, options.first + options.inputs) if options.one is None else [options.one]
    inputs = (make_input(options.seed, index) for index in indexes)
    report = Report()
    outcomes = list(tried((one for one in inputs if options.format in (None, one.format)), options.workers))
    path = path_of_chromium()
    if options.no_browser or path is None:
        report.outcomes = outcomes
    else:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            report.outcomes = list(looked_at(outcomes, ChromiumViews(browser)))
            browser.close()
    for line in report.tables():
        print(line)
    if options.one is not None:
        print(report.outcomes[0].verdict.detail, report.outcomes[0].difference)
    if options.keep:
        report.keep(options.keep)
    return min(1, len(report.faults))


if __name__ == "__main__":
    sys.exit(main())
