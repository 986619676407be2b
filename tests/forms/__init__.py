"""Thousands of requests that nobody meant, asked of the app in memory: `python -m tests.forms --help`."""
