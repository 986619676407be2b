"""ICC profiles of colours that a file describes by numbers: a PNG's gAMA, cHRM and cICP, the `nclx` of HEIC and AVIF.

A matrix and three curves (ICC.1:2022, 8.3.2), which is all that such numbers say. Code points are those of ITU-T H.273.
"""

import functools
import math
import struct
from collections.abc import Callable

#: x and y of white, red, green and blue.
Corners = tuple[float, ...]
Matrix = tuple[tuple[float, ...], ...]
_D65 = (0.3127, 0.3290)
_SRGB: Corners = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_PRIMARIES: dict[int, Corners] = {
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_D50 = (0.9642, 1.0, 0.8249)
#: Transfer functions of video: of BT.709, BT.601 and BT.2020.
_VIDEO = (1, 6, 14, 15)
_STEPS = 1024


def are_known(primaries: int, transfer: int) -> bool:
    return primaries in _PRIMARIES and transfer in _CURVES


def of_code_points(primaries: int, transfer: int) -> bytes | None:
    """None for sRGB itself, and for code points that nobody uses for pictures."""
    if not are_known(primaries, transfer) or (primaries, transfer) == (1, 13):
        return None
    return _profile(_PRIMARIES[primaries], _CURVES[transfer])


def of_nclx(primaries: int, transfer: int) -> bytes | None:
    """As of_code_points, of HEIC and AVIF. Chromium reads what is left open as sRGB, and so it does the curve of video."""
    primaries = 1 if primaries == 2 else primaries
    return of_code_points(primaries, 13 if transfer in (2, *_VIDEO) else transfer)


def of_gamma(gamma: float, corners: Corners | None) -> bytes | None:
    """Of numbers that are light to the power of `gamma`; without corners those of sRGB. None of nonsense, and of what Chromium
    (156) takes for sRGB: a gamma alone that is within 5 % of 1/2.2. With corners, also those of sRGB, it is a power to it."""
    if not 0.05 <= gamma <= 5 or (corners is None and abs(gamma * 2.2 - 1) < 0.05):
        return None
    exponent = 1 / gamma
    try:
        return _profile(corners or _SRGB, lambda value: value**exponent)
    except (ZeroDivisionError, OverflowError, struct.error):
        return None


# ---- transfer functions: from a number to light, both of 0 to 1 ----


def _srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _power(exponent: float) -> Callable[[float], float]:
    return lambda value: math.pow(value, exponent)


def _pq(value: float) -> float:
    """SMPTE ST 2084: light of up to 10,000 candela."""
    root = value ** (1 / 78.84375)
    light = (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return _dimmed(light * 10_000 / _WHITE)


def _hlg(value: float) -> float:
    """ITU-R BT.2100: half the range is a picture's, the rest its lights; on a display of 1,000 candela."""
    scene = value**2 / 3 if value <= 0.5 else (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return _dimmed(scene**1.2 * _BRIGHTEST / _WHITE)


#: Candela: white paper (ITU-R BT.2408), and what becomes white on a screen without a higher range.
_WHITE, _BRIGHTEST = 203, 1000
_SHOULDER, _HEIGHT = 1.683, 1.342


def _dimmed(light: float) -> float:
    """Light in units of white paper on a screen without a higher range: as Chromium shows a ramp of grey, within 3 of 255. Paper
    becomes half as bright; what is brighter goes on along a curve that ends at white."""
    return light / 2 if light <= 1 else min(1.0, _HEIGHT * light / (light + _SHOULDER))


_CURVES: dict[int, Callable[[float], float]] = {
    **dict.fromkeys(_VIDEO, _power(2.4)), 4: _power(2.2), 5: _power(2.8), 8: _power(1.0), 13: _srgb, 16: _pq, 18: _hlg,
}  # fmt: skip


# ---- the file ----


@functools.lru_cache(maxsize=64)
def _profile(corners: Corners, curve: Callable[[float], float]) -> bytes:
    columns = list(zip(*_to_d50(corners), strict=True))
    table = struct.pack(
        f">4s4xI{_STEPS}H", b"curv", _STEPS, *(round(65535 * min(1.0, curve(n / (_STEPS - 1)))) for n in range(_STEPS))
    )
    bodies = {
        **{name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)},
        b"wtpt": _xyz(_D50),
        b"rTRC": table,
    }
    places, start = {}, 128 + 4 + 12 * (len(bodies) + 2)
    for name, body in bodies.items():
        places[name] = (start, len(body))
        start += len(body)
    places[b"gTRC"] = places[b"bTRC"] = places[b"rTRC"]
    tags = b"".join(struct.pack(">4sII", name, *place) for name, place in places.items())
    head = struct.pack(
        ">I4sI4s4s4s12x4s4xII8x4xIIIII44x", start, b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp", 0, 0, 0,
        *(_fixed(value) for value in _D50), 0,
    )[:128]  # fmt: skip
    return head + struct.pack(">I", len(places)) + tags + b"".join(bodies.values())


def _fixed(value: float) -> int:
    return round(value * 65536)


def _xyz(values: tuple[float, ...]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *map(_fixed, values))


def _to_d50(corners: Corners) -> Matrix:
    """From linear red, green and blue to X, Y and Z under D50."""
    white, *colours = (_light(corners[n], corners[n + 1]) for n in range(0, 8, 2))
    unscaled = _transposed(colours)
    scales = _times(_inverse(unscaled), white)
    to_xyz = tuple(tuple(cell * scale for cell, scale in zip(row, scales, strict=True)) for row in unscaled)
    cones = zip(_times(_BRADFORD, _D50), _times(_BRADFORD, white), strict=True)
    seen = [new / old for new, old in cones]
    adapted = _product(_inverse(_BRADFORD), tuple(tuple(cell * seen[n] for cell in row) for n, row in enumerate(_BRADFORD)))
    return _product(adapted, to_xyz)


def _light(x: float, y: float) -> tuple[float, ...]:
    return x / y, 1.0, (1 - x - y) / y


def _transposed(rows: list[tuple[float, ...]]) -> Matrix:
    return tuple(zip(*rows, strict=True))


def _times(matrix: Matrix, vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return tuple(tuple(sum(a * b for a, b in zip(row, column, strict=True)) for column in columns) for row in left)


def _inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det),
        ((f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det),
        ((d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det),
    )
