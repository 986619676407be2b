"""Rate limits."""

import time


class Bucket:
    """A token bucket. The refill counts from the moment of the last look."""

    def __init__(self, per_minute: float, burst: float) -> None:
        self.per_minute = per_minute
        self.burst = burst
        self._tokens = burst
        self._at = time.monotonic()

    def take(self) -> float:
        """0 when the request may pass, else the seconds until one may."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_minute / 60)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) * 60 / self.per_minute

    @property
    def remaining(self) -> int:
        return int(self._tokens)


class Limits:
    """The buckets of one process, made anew when their numbers change."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def clear(self) -> None:
        self._buckets.clear()

    def bucket(self, name: str, per_minute: float, burst: float | None = None) -> Bucket:
        wanted = per_minute if burst is None else burst
        bucket = self._buckets.get(name)
        if bucket is None or (bucket.per_minute, bucket.burst) != (per_minute, wanted):
            bucket = self._buckets[name] = Bucket(per_minute, wanted)
        return bucket
