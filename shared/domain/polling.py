"""How far along a prediction probably is, and how long a provider is left alone. Pure: orchestrators replay it."""

RETRY_DELAYS_SECONDS = (2, 4, 8, 15, 30)
#: Half of all pictures take longer than the usual time, so one is late by a quarter of it, and by a second at least.
LATE_FACTOR, LATE_SECONDS = 1.25, 1.0
#: When to ask for a job again: at once is too often, and a place in line may move sooner than it was thought.
SOONEST_SECONDS, LATEST_SECONDS = 1, 30
#: Of a job of which nobody knows when it ends.
UNKNOWN_SECONDS = 2
#: Where many ask: of a job in line a second for so many places (a thousand then ask 33 times a second together), of one of which
#: nobody knows a second for so many jobs that are asked for.
PLACES_A_SECOND, LATEST_IN_LINE_SECONDS, LOOKS_A_SECOND = 5, 60, 25


def retry_delay_seconds(retries: int, asked_seconds: float | None, jitter: float) -> float:
    """How long to leave a provider alone after its `retries`-th refusal (from 0).

    A Retry-After is a floor that is honoured up to ten minutes; `jitter` in 0..1 spreads callers over a quarter more.
    """
    base = RETRY_DELAYS_SECONDS[min(retries, len(RETRY_DELAYS_SECONDS) - 1)]
    floor = min(asked_seconds, 600.0) if asked_seconds is not None else base
    return max(1.0, floor * (1 + jitter / 4))


def generating_progress(elapsed_seconds: float, expected_seconds: float) -> int:
    """Percent between 30 and 90: most of the way at the expected time, never there before the picture is."""
    elapsed = max(0.0, elapsed_seconds)
    return 30 + int(60 * elapsed / (elapsed + max(expected_seconds, 1.0) * 0.35))


def eta_seconds(elapsed_seconds: float, expected_seconds: float) -> int | None:
    """None for what is later than expected: nobody knows by how much."""
    if is_late(elapsed_seconds, expected_seconds):
        return None
    return max(1, round(expected_seconds - elapsed_seconds))


def is_late(elapsed_seconds: float, expected_seconds: float) -> bool:
    return elapsed_seconds > max(expected_seconds * LATE_FACTOR, expected_seconds + LATE_SECONDS)


def look_again_seconds(eta: float | None, *, position: int | None = None, asked_for: int = 0) -> int:
    """When it is worth while to ask again for a job that is expected to end in `eta` seconds.

    `position`: where it stands in line. `asked_for`: how many jobs are asked for, where this one's picture has not been begun.
    The farther back and the more there are, the later, but not later than it is expected: when everything is slower than it was
    all are late at once, and a thousand who ask every two seconds make it slower still.
    """
    usual = UNKNOWN_SECONDS if eta is None else min(max(round(eta), SOONEST_SECONDS), LATEST_SECONDS)
    if position:
        latest = LATEST_IN_LINE_SECONDS if eta is None else min(round(eta), LATEST_IN_LINE_SECONDS)
        return max(usual, min(position // PLACES_A_SECOND, latest))
    return max(usual, min(asked_for // LOOKS_A_SECOND, LATEST_SECONDS))
