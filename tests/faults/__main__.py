"""`python -m tests.faults [-k WORD]`: plays the matrix and prints what came of each case."""

import argparse
import sys
import time

from tests.faults.matrix import CASES
from tests.faults.run import play, print_table

parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
parser.add_argument("-k", default="", metavar="WORD", help="only cases with this in their name")
chosen = [case for case in CASES if parser.parse_args().k.lower() in case.name.lower()]
began = time.monotonic()
if not chosen:
    parser.error("no case has this in its name")
wrong = print_table(*play(chosen))
print(f"{time.monotonic() - began:.0f} s")
sys.exit(min(wrong, 100))
