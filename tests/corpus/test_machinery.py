"""The corpus itself: an input is what its number says, a worker tells what happens to it, a comparison what differs."""

import hashlib
import os
import random
import signal
import time

import pytest
from PIL import Image, ImageDraw

from shared.domain.problem import Problem, ProblemError
from tests.corpus.compare import difference
from tests.corpus.make_seeds import cut_out, drawing
from tests.corpus.mutations import MUTATIONS, make_input, seed_files
from tests.corpus.parts import join, split
from tests.corpus.raw import saved
from tests.corpus.real import Refused, Taken
from tests.corpus.views import View
from tests.corpus.workers import Limits, Worker
from tests.pace import MOST


def test_an_input_is_named_by_two_numbers() -> None:
    digest = hashlib.sha256()
    for index in range(400):
        digest.update(make_input(1, index).data)
    # Another mutation or seed gives all inputs another meaning: new faults of old numbers go into faults/ as files before that.
    assert digest.hexdigest()[:16] == "7fdf2460fddfd6e7"


@pytest.mark.parametrize("name", seed_files())
def test_parts_make_the_file_again(name: str) -> None:
    data = seed_files()[name]
    parts = split(data)
    assert join(parts) == data
    assert len(parts) >= 2
    assert join([part.with_body(part.body) for part in parts]) == data


def test_each_mutation_changes_most_files() -> None:
    rng = random.Random(3)
    for mutate in MUTATIONS:
        changed = [name for name, data in seed_files().items() if any(mutate(data, rng) != data for _ in range(6))]
        # Not every format has checksums; what has none is left alone.
        assert len(changed) > (20 if mutate.__name__ == "checksum_wrong" else 60), mutate.__name__


SMALL = Limits(cpu_seconds=0.2, megabytes=30)


def _picture(data: bytes) -> Taken:
    return Taken("image/png", saved(Image.new("RGB", (8, 8)), "PNG"), 8, 8)


def _with_text(data: bytes) -> Taken:
    return Taken("image/jpeg", saved(Image.new("RGB", (8, 8)), "JPEG", comment=b"where it was taken"), 8, 8)


def _transparent(data: bytes) -> Taken:
    return Taken("image/png", saved(Image.new("RGBA", (8, 8)), "PNG"), 8, 8)


def _refuses(data: bytes) -> Refused:
    return Refused("unsupported_image", "inspect", ("안 됩니다", "No."))


def _leaves_a_gap(data: bytes) -> Refused:
    return Refused("unsupported_image", "inspect", ("{name} 안 됩니다", "No."))


def _raises(data: bytes) -> Taken:
    raise ProblemError(Problem("internal")) from ZeroDivisionError()


def _dies(data: bytes) -> Taken:
    if data != b"warm up":
        os.kill(os.getpid(), signal.SIGSEGV)
    return _picture(data)


def _burns(data: bytes) -> Taken:
    began = time.process_time()
    while data != b"warm up" and time.process_time() < began + 2 * MOST * SMALL.cpu_seconds:
        pass
    return _picture(data)


def _hoards(data: bytes) -> Taken:
    if data != b"warm up":
        bytearray(b"\1") * (60 << 20)
    return _picture(data)


@pytest.mark.parametrize(
    ("function", "kind", "what"),
    [
        (_picture, "taken", "image/png"),
        (_refuses, "refused", "unsupported_image"),
        (_with_text, "fault", "sent with comment"),
        (_transparent, "fault", "sent as RGBA, 8x8"),
        (_leaves_a_gap, "fault", "a sentence with a gap"),
        (_raises, "fault", "ProblemError in test_machinery.py:_raises"),
        (_dies, "fault", "the process died: SIGSEGV"),
        (_burns, "fault", "slow (taken image/png)"),
        (_hoards, "fault", "memory (taken image/png)"),
    ],
)
def test_a_worker_tells_what_happened(function: object, kind: str, what: str) -> None:
    with Worker(function, SMALL) as worker:  # type: ignore[arg-type]
        first, second = worker.try_out(b"a"), worker.try_out(b"b")
    assert (first.kind, first.what) == (kind, what)
    assert (second.kind, second.what) == (kind, what)


def test_two_at_once_cost_what_they_cost_together() -> None:
    with Worker(_hoards, Limits(cpu_seconds=3, megabytes=100)) as worker:
        alone, together = worker.try_out(b"a"), worker.try_out(b"a", b"b", b"c", b"d")
    assert alone.kind == "taken"
    assert 55 < alone.megabytes < 100
    assert together.megabytes > alone.megabytes - 5


def _seen(picture: Image.Image) -> View:
    return View(*picture.size, picture.convert("RGBA"))


def test_the_same_picture_does_not_differ() -> None:
    for sent in (saved(drawing(), "PNG"), saved(drawing().resize((341, 256), Image.Resampling.LANCZOS), "JPEG", quality=92)):
        found = difference(sent, _seen(drawing()))
        assert not found.is_over
        assert found.mean < 1.5


@pytest.mark.parametrize("ground", ["white", "black", "#7090a0"])
def test_what_is_transparent_lies_on_any_ground(ground: str) -> None:
    sheet = Image.new("RGB", cut_out().size, ground)
    sheet.paste(cut_out(), mask=cut_out().getchannel("A"))
    found = difference(saved(sheet, "PNG"), _seen(cut_out()))
    assert not found.is_over
    assert found.ground is not None
    assert Image.new("RGB", (1, 1), found.ground).getpixel((0, 0)) == pytest.approx(sheet.getpixel((0, 0)), abs=3)


def test_what_another_sees_otherwise_is_told() -> None:
    seen = _seen(drawing())
    assert difference(saved(drawing().rotate(180), "PNG"), seen).is_over
    assert difference(saved(drawing().rotate(90, expand=True), "PNG"), seen).is_other_shape
    red, green, blue = drawing().split()
    assert difference(saved(Image.merge("RGB", [green, red, blue]), "PNG"), seen).is_over
    half = drawing()
    ImageDraw.Draw(half).rectangle((0, 60, 160, 120), fill=(128, 128, 128))
    assert difference(saved(half, "PNG"), seen).is_over
    assert difference(saved(drawing().point(lambda value: min(255, round(value * 1.06))), "PNG"), seen).is_over


def test_the_frame_that_fits_is_found() -> None:
    blank = Image.new("RGBA", (160, 120))
    found = difference(
        saved(drawing(), "PNG"), View(160, 120, blank, (drawing().rotate(180).convert("RGBA"), drawing().convert("RGBA")))
    )
    assert (found.frame, found.is_over) == (2, False)
