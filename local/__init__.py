"""Runs the whole app on one machine: Azurite, both provider simulators and the devhost. `make run` calls it."""
