"""Benchmarks against a baseline of the same run, printed as ratios. `make bench` calls it."""
