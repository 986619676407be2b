"""Pictures as they arrive broken: seeds of every format, mutated, through the real functions and beside a browser."""
