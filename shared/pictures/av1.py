"""How large the pictures of an AV1 bitstream are (https://aomediacodec.github.io/av1-spec/, 5.3 to 5.5): what its decoder makes
room for, whatever the file around it says."""

from collections.abc import Callable

_SEQUENCE_HEADER = 1
#: How much of one is read.
_LOOK_BYTES = 256


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def read(self, count: int) -> int:
        """Raises ValueError at the end."""
        self._left -= count
        if self._left < 0:
            raise ValueError("breaks off")
        return self._value >> self._left & ((1 << count) - 1)

    def read_exp_golomb(self) -> None:
        zeros = 0
        while not self.read(1):
            zeros += 1
        self.read(zeros)


def coded_size(data: bytes, counted: Callable[[], int]) -> tuple[int, int]:
    """The largest that a sequence header of it tells: each frame comes after one. `counted` is called for each of its parts.

    Raises ValueError or IndexError where there is none."""
    sizes, at = [], 0
    while at < len(data):
        counted()
        head = data[at]
        at += 1 + (head >> 2 & 1)
        length = len(data) - at
        if head & 2:
            length, at = _leb128(data, at)
        if head >> 3 & 15 == _SEQUENCE_HEADER:
            sizes.append(_size(_Bits(data[at : at + min(length, _LOOK_BYTES)])))
        at += length
    if not sizes:
        raise ValueError("tells no size")
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(8):
        value |= (data[at + n] & 127) << 7 * n
        if data[at + n] < 128:
            return value, at + n + 1
    raise ValueError("no number")


def _size(bits: _Bits) -> tuple[int, int]:
    # The profile, and that it is a still picture.
    bits.read(4)
    if bits.read(1):
        # Reduced, as of most still pictures: the level is all that comes before.
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = 1 + bits.read(4), 1 + bits.read(4)
    return 1 + bits.read(width_bits), 1 + bits.read(height_bits)


def _skip_operating_points(bits: _Bits) -> None:
    has_model, delay_bits = False, 0
    # How long a frame is shown.
    if bits.read(1):
        bits.read(64)
        if bits.read(1):
            bits.read_exp_golomb()
        has_model = bool(bits.read(1))
        if has_model:
            delay_bits = 1 + bits.read(5)
            bits.read(42)
    has_delay = bits.read(1)
    for _ in range(1 + bits.read(5)):
        bits.read(12)
        # Of the higher levels the tier is told too.
        if bits.read(5) > 7:
            bits.read(1)
        if has_model and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_delay and bits.read(1):
            bits.read(4)
