"""The images that this process wrote or read a moment ago: the next step of a job asks for what the last one made."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_BYTES = 16 * 1024 * 1024
KEPT_SECONDS = 60.0


class ImageMemory:
    """Images by name, for a minute and up to a number of bytes; the ones that nobody asked for go first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, kept_bytes: int = KEPT_BYTES) -> None:
        self._clock = clock
        self._kept_bytes = kept_bytes
        self._images: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        with self._lock:
            data, ends = self._images.get(name, (None, 0.0))
            if data is None or self._clock() >= ends:
                self._drop(name)
                return None
            self._images.move_to_end(name)
            return data

    def wrote(self, name: str, data: bytes) -> None:
        with self._lock:
            self._keep(name, data)

    def read(self, name: str, data: bytes) -> None:
        """What was written while this was being read is newer."""
        with self._lock:
            if name not in self._images:
                self._keep(name, data)

    def forget(self, prefix: str) -> None:
        with self._lock:
            for name in [name for name in self._images if name.startswith(prefix)]:
                self._drop(name)

    def _keep(self, name: str, data: bytes) -> None:
        self._drop(name)
        if len(data) > self._kept_bytes:
            return
        self._images[name] = (data, self._clock() + KEPT_SECONDS)
        self._bytes += len(data)
        while self._bytes > self._kept_bytes:
            self._drop(next(iter(self._images)))

    def _drop(self, name: str) -> None:
        data, _ = self._images.pop(name, (b"", 0.0))
        self._bytes -= len(data)
