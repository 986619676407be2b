"""The app over fakes, as the triggers' tests have it."""

from tests.triggers.conftest import app, clock, generator, hub

__all__ = ["app", "clock", "generator", "hub"]
