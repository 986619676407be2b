"""Both image providers over HTTP, with switchable delays, outcomes and faults, and a bill that adds up."""

from simulators.server import Simulators, running

__all__ = ["Simulators", "running"]
