"""A form's parts come out as they went in, of any size; what is made to take long does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.problem import ProblemError
from tests.pace import at_most
from triggers import multipart
from triggers.multipart import LONG_HEADER, MAX_HEADERS_BYTES, MAX_PARTS, parts_of

BOUNDARY = "x-y"
#: What may be taken for the beginning or the end of something.
pieces = st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"--x", b"\r\n--x-", b"\r\n--x-z", b"x-y", b"\x00", b"\xff", b"a", b" "])
contents = st.lists(pieces, max_size=30).map(b"".join).filter(lambda data: b"--x-y" not in data)


def spelt(parts: list[bytes]) -> bytes:
    head = b'--x-y\r\nContent-Disposition: form-data; name="n"\r\n\r\n'
    return b"".join(head + data + b"\r\n" for data in parts) + b"--x-y--\r\n"


@given(st.lists(contents, max_size=5))
def test_what_was_put_in_comes_out(parts: list[bytes]) -> None:
    assert [part.data for part in parts_of(spelt(parts), BOUNDARY)] == parts


@pytest.mark.parametrize("size", [*range(65_440, 65_480), *range(130_980, 131_080)])
def test_a_part_of_any_size_is_as_long_as_it_was(size: int) -> None:
    """Werkzeug's own parser reads steps of 64 KB, and adds a CR to what ends where such a step does."""
    data = b"\xff" * size
    assert [part.data == data for part in parts_of(spelt([data, data]), BOUNDARY)] == [True, True]


@given(st.binary(max_size=300) | st.lists(pieces, max_size=60).map(b"".join))
def test_any_bytes_are_parts_or_a_problem_that_says_why(body: bytes) -> None:
    try:
        parts = list(parts_of(body, BOUNDARY))
    except ProblemError as error:
        told = error.problem.params["reason_en"]
    else:
        told = "".join(part.name for part in parts) or "no part"
    assert told


HEAD = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
MEGABYTES = 5_500_000


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"", b"\n"), (b"", b"\r\n"), (b"", b"--X"), (b"", b"\r\n--X"), (b"", b"\n--X  "), (b"--X", b" "), (HEAD, b"\n"),
        (HEAD, b"--X"), (HEAD, b"\r\n--Xa"), (HEAD, b"\r\n--X" + b" " * 1000 + b"a"), (HEAD + b"\r\n--X", b" "),
        (b"--X\r\n", b"a:b\r\n"), (b"--X\r\n", b"a"), (HEAD[:-5], b'\\"'), (b"", HEAD + b"\r\n"), (b"", b"-"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("boundary", ["X", "-" * 5000])
def test_a_body_that_is_made_to_take_long_does_not(first: bytes, again: bytes, boundary: str) -> None:
    body = first + again * (MEGABYTES // len(again))
    with at_most(2):
        try:
            list(parts_of(body, boundary))
        except ProblemError:
            pass


#: What a header takes longest to be read with.
FILLS = [b";", b'\\"', b'; a="1"', b"; a=1", b"; a*0=1", b'; filename="\\"\\"\\""', b"; a*=utf-8''%41", b';"', b"\r\na:"]


@pytest.mark.parametrize("fill", FILLS)
def test_headers_that_are_made_to_take_long_are_not_read(fill: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by what is read, since clocks differ: 98 of 15 KB took seconds."""
    read: list[int] = []
    known = multipart.parse_options_header

    def counting(value: str | None) -> object:
        read.append(len(value or ""))
        return known(value)

    monkeypatch.setattr(multipart, "parse_options_header", counting)
    head = b'--X\r\nContent-Disposition: form-data; name="a"' + fill * (15_000 // len(fill)) + b"\r\n\r\n1\r\n"
    with at_most(1), pytest.raises(ProblemError) as caught:
        list(parts_of(head * 98 + b"--X--\r\n", "X"))
    assert caught.value.problem == LONG_HEADER
    assert 0 < len(read) <= MAX_HEADERS_BYTES // 15_000
    assert sum(read) <= MAX_HEADERS_BYTES


def test_as_many_parts_as_may_come_have_room_for_their_headers_and_one_for_a_long_name() -> None:
    """A browser writes a file's name once, curl too; 255 bytes of it are 765 when they are escaped."""
    head = (
        b'--X\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: application/octet-stream\r\n\r\n1\r\n'
    )
    for length, count in ((250, MAX_PARTS), (8000, 7)):
        body = b"".join(head % (b"field-%d" % number, b"x" * length) for number in range(count)) + b"--X--\r\n"
        assert len(list(parts_of(body, "X"))) == count
