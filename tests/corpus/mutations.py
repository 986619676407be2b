"""What happens to a picture on its way: one input for each (seed, index), the same on every machine."""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.corpus.parts import Part, join, split

SEEDS = Path(__file__).parent / "seeds"
#: Where overflows, signs and "until the end" lie.
_EDGES = (0, 1, 2, 3, 7, 8, 255, 256, 4095, 32767, 32768, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF7, 0xFFFFFFFF)
_SIDES = (0, 1, 2, 3, 15, 17, 119, 121, 159, 161, 255, 256, 1000, 5000, 16383, 16384, 20000, 65535)


@dataclass(frozen=True)
class Input:
    """`format` is the seed's; what a mutation made of it may be something else."""

    seed: int
    index: int
    name: str
    format: str
    mutations: tuple[str, ...]
    data: bytes

    def __str__(self) -> str:
        return f"{self.seed}/{self.index} {self.name} {'+'.join(self.mutations) or 'as it is'} ({len(self.data)} bytes)"


@cache
def seed_files() -> dict[str, bytes]:
    """By name, in the order that counts for the index."""
    return {path.stem: path.read_bytes() for path in sorted(SEEDS.iterdir()) if path.is_file()}


def make_input(seed: int, index: int) -> Input:
    """The first ones are the seeds as they are; then each of them in turn with one to three mutations."""
    files = seed_files()
    name = list(files)[index % len(files)]
    kind, data = name.split("-")[0], files[name]
    if index < len(files):
        return Input(seed, index, name, kind, (), data)
    rng = random.Random(f"{seed}/{index}")
    done: list[str] = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        mutate = rng.choice(MUTATIONS)
        data = mutate(data, rng)
        done.append(mutate.__name__)
    return Input(seed, index, name, kind, tuple(done), data)


# ---- without a look at the format ----


def bit_flips(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def byte_run(data: bytes, rng: random.Random) -> bytes:
    at, length = _range(data, rng, 64)
    filler = rng.choice((b"\0" * length, b"\xff" * length, rng.randbytes(length), b"\x80" * length))
    return data[:at] + filler + data[at + length :]


def header_flips(data: bytes, rng: random.Random) -> bytes:
    head = bytearray(data[:400])
    for _ in range(rng.choice((1, 2, 3))):
        if head:
            head[rng.randrange(len(head))] = rng.randrange(256)
    return bytes(head) + data[400:]


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.choice((rng.randrange(len(data) + 1), len(data) - rng.randrange(40), rng.randrange(64)))]


def bytes_missing(data: bytes, rng: random.Random) -> bytes:
    at, length = _range(data, rng, 64)
    return data[:at] + data[at + length :]


def bytes_added(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 100))) + data[at:]


def edge_number(data: bytes, rng: random.Random) -> bytes:
    if len(data) < 4:
        return data
    at = rng.randrange(min(len(data), rng.choice((64, 600, len(data)))) - 3)
    number = rng.choice(_EDGES)
    packed = rng.choice((struct.pack(">I", number), struct.pack("<I", number), struct.pack(">H", number & 0xFFFF)))
    return data[:at] + packed + data[at + len(packed) :]


def spliced(data: bytes, rng: random.Random) -> bytes:
    other = rng.choice(list(seed_files().values()))
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def garbage_behind(data: bytes, rng: random.Random) -> bytes:
    other = rng.choice(list(seed_files().values()))
    return data + rng.choice((rng.randbytes(500), b"\0" * 5000, other, b"<html>"))


# ---- by parts ----


def part_swapped(data: bytes, rng: random.Random) -> bytes:
    parts = split(data)
    first, second = rng.randrange(len(parts)), rng.randrange(len(parts))
    parts[first], parts[second] = parts[second], parts[first]
    return join(parts)


def part_removed(data: bytes, rng: random.Random) -> bytes:
    parts = split(data)
    del parts[rng.randrange(len(parts))]
    return join(parts)


def part_hidden(data: bytes, rng: random.Random) -> bytes:
    """Its name is another, so that offsets behind it stay right."""
    parts = split(data)
    at = rng.randrange(len(parts))
    part = parts[at]
    name = {"png": b"teSt", "riff": b"JUNK", "box": b"free"}.get(part.name.split(":")[0])
    if name and len(part.head) == 8:
        head = name + part.head[4:] if part.name.startswith("riff") else part.head[:4] + name
        parts[at] = Part(part.name, head, part.body, part.tail)
        if part.name.startswith("png"):
            parts[at] = parts[at].with_body(part.body)
    return join(parts)


def part_repeated(data: bytes, rng: random.Random) -> bytes:
    parts = split(data)
    at = rng.randrange(len(parts))
    return join(parts[:at] + [parts[at]] * rng.choice((2, 3, 30)) + parts[at + 1 :])


def part_resized(data: bytes, rng: random.Random) -> bytes:
    """A shorter or longer body with a length and a checksum that agree with it."""
    parts = split(data)
    at = rng.randrange(len(parts))
    body = parts[at].body
    new = rng.choice((body[: rng.randrange(len(body) + 1)], body + rng.randbytes(rng.choice((1, 8, 300))), b""))
    parts[at] = parts[at].with_body(new)
    return join(parts)


def part_changed(data: bytes, rng: random.Random) -> bytes:
    """Other bytes in a body, and the checksum agrees with them."""
    parts = split(data)
    at = rng.choice([n for n, part in enumerate(parts) if part.body] or [0])
    parts[at] = parts[at].with_body(rng.choice((bit_flips, byte_run, edge_number))(parts[at].body, rng))
    return join(parts)


def length_lies(data: bytes, rng: random.Random) -> bytes:
    parts = split(data)
    at = rng.choice([n for n, part in enumerate(parts) if len(part.head) in (4, 8)] or [0])
    part = parts[at]
    number = rng.choice((0, 1, 2, 7, 8, len(part.body) - 1, len(part.body) + 1, len(part.body) + 9, *_EDGES)) & 0xFFFFFFFF
    kind = part.name.split(":")[0]
    head = {
        "png": struct.pack(">I", number) + part.head[4:],
        "box": struct.pack(">I", number) + part.head[4:],
        "riff": part.head[:4] + struct.pack("<I", number),
        "jpeg": part.head[:2] + struct.pack(">H", number & 0xFFFF),
    }.get(kind, part.head)
    parts[at] = Part(part.name, head, part.body, part.tail)
    return join(parts)


def checksum_wrong(data: bytes, rng: random.Random) -> bytes:
    """Of formats without checksums: nothing happens."""
    parts = split(data)
    at = rng.choice([n for n, part in enumerate(parts) if part.name.startswith("png:")] or [0])
    if parts[at].tail:
        parts[at] = Part(parts[at].name, parts[at].head, parts[at].body, rng.randbytes(4))
    return join(parts)


def part_of_another(data: bytes, rng: random.Random) -> bytes:
    """A part of another file of the same format, in addition or instead."""
    kind = data[:3]
    others = [other for other in seed_files().values() if other[:3] == kind] or [data]
    parts, strange = split(data), rng.choice(split(rng.choice(others)))
    at = rng.randrange(len(parts))
    return join([*parts[:at], strange, *parts[at + rng.randrange(2) :]])


def same_part_of_another(data: bytes, rng: random.Random) -> bytes:
    """One part, exchanged for what another file has in its place: a palette, a table, a configuration."""
    parts = split(data)
    at = rng.randrange(len(parts))
    found = [
        part for other in seed_files().values() if other[:3] == data[:3] for part in split(other) if part.name == parts[at].name
    ]
    if found:
        parts[at] = rng.choice(found)
    return join(parts)


def other_dimensions(data: bytes, rng: random.Random) -> bytes:
    """What the header says of width or height (and of depth, colours, components), with a checksum that agrees."""
    parts = split(data)
    fields = {
        "png:IHDR": [(0, ">I"), (4, ">I"), (8, ">B"), (9, ">B"), (12, ">B")],
        "png:fcTL": [(4, ">I"), (8, ">I"), (12, ">I")],
        "png:acTL": [(0, ">I")],
        "jpeg:c0": [(1, ">H"), (3, ">H"), (0, ">B"), (5, ">B"), (7, ">B")],
        "jpeg:c2": [(1, ">H"), (3, ">H"), (0, ">B"), (5, ">B"), (7, ">B")],
        "riff:VP8X": [(4, "<H"), (7, "<H"), (0, "<B")],
        "riff:VP8 ": [(6, "<H"), (8, "<H")],
        "riff:VP8L": [(1, "<H"), (3, "<H")],
        "riff:ANMF": [(0, "<H"), (3, "<H"), (6, "<H"), (9, "<H")],
        "gif:header": [(6, "<H"), (8, "<H"), (10, "<B")],
        "gif:image": [(0, "<B")],
        "box:ispe": [(4, ">I"), (8, ">I")],
        "box:irot": [(0, ">B")],
        "box:clap": [(0, ">I"), (8, ">I"), (16, ">I"), (24, ">I")],
        "box:pixi": [(4, ">B"), (5, ">B")],
    }
    known = [n for n, part in enumerate(parts) if part.name in fields]
    if not known:
        return data
    at = rng.choice(known)
    offset, form = rng.choice(fields[parts[at].name])
    limit = {"B": 0xFF, "H": 0xFFFF, "I": 0xFFFFFFFF}[form[1]]
    number = rng.choice((*_SIDES, rng.randrange(40000), 0x7FFFFFFF, 0xFFFFFFFF)) & limit
    packed, body = struct.pack(form, number), parts[at].body
    parts[at] = parts[at].with_body(body[:offset] + packed + body[offset + len(packed) :])
    return join(parts)


def scans_repeated(data: bytes, rng: random.Random) -> bytes:
    """The parts that hold pixels, many times."""
    parts = split(data)
    pixels = [
        n
        for n, part in enumerate(parts)
        if part.name in ("jpeg:da", "png:IDAT", "png:fdAT", "riff:ANMF", "gif:image", "box:mdat")
    ]
    if not pixels:
        return data
    at = rng.choice(pixels)
    end = at + (2 if parts[at].name == "jpeg:da" else 1)
    return join(parts[:at] + parts[at:end] * rng.choice((2, 5, 60)) + parts[end:])


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    bit_flips, byte_run, header_flips, truncated, bytes_missing, bytes_added, edge_number, spliced, garbage_behind,
    part_swapped, part_removed, part_hidden, part_repeated, part_resized, part_changed, part_changed, length_lies, checksum_wrong,
    part_of_another, same_part_of_another, other_dimensions, other_dimensions, scans_repeated,
)  # fmt: skip


def _range(data: bytes, rng: random.Random, most: int) -> tuple[int, int]:
    return (rng.randrange(len(data)) if data else 0), rng.randrange(1, most + 1)
