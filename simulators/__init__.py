"""Replicate and Black Forest Labs over HTTP, for local work and tests. See README.md."""

from simulators.server import Simulators, running

__all__ = ["Simulators", "running"]
