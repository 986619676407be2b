"""The cases of `python -m bench`, a module each: its docstring says what is measured, `rows(is_long)` measures it.

In the order in which they are run.
"""

CASES = (
    "submit", "overhead", "cpu", "looking", "concurrency", "throughput", "burst",
    "memory", "history", "storage", "cold_start", "image_work", "page", "cost",
)  # fmt: skip
