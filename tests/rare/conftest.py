"""One job over fakes, on a clock that is moved by hand: as the activities' tests have it."""

from tests.activities.conftest import client, clock, generator, services

__all__ = ["client", "clock", "generator", "services"]
