"""What a provider's answer says: whether it is good, what object it holds, and how long to wait."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from shared.providers.http import Answer

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = 86_400


def asked(header: str | None = None, body: Any = None) -> float | None:
    headers = CaseInsensitiveDict({} if header is None else {"retry-after": header})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(429, headers, data).retry_after(lambda: NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0), ("7", 7), (" 7 ", 7), ("1.5", 1.5), ("86400", DAY), ("99999999", DAY), ("9" * 400, DAY),
        ("Wed, 02 Jan 2030 03:04:35 GMT", 30), ("Wed, 02 Jan 2030 04:04:35 +0100", 30), ("Wed, 02 Jan 2030 03:04:00 GMT", 0),
        ("Mon, 01 Jan 2029 00:00:00 GMT", 0), ("Tue, 01 Jan 2999 00:00:00 GMT", DAY),
    ],
)  # fmt: skip
def test_a_header_asks_for_seconds_or_names_a_date(header: str, seconds: float) -> None:
    assert asked(header) == seconds


@pytest.mark.parametrize(
    "header",
    ["soon", "-5", "", "1e3", "0x10", "Wed, 02 Jan", "Wed, 99 Jan 2030 99:99:99 GMT",
     "Wed, 02 Jan 2030 03:04:35 +" + "9" * 14],
)  # fmt: skip
def test_a_header_that_makes_no_sense_asks_for_nothing_and_the_body_is_heard(header: str) -> None:
    assert asked(header) is None
    assert asked(header, {"retry_after": 4}) == 4


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"retry_after": 4}, 4),
        ({"retry_after": 0.5}, 0.5),
        ({"retry_after": 0}, 0),
        (b'{"retry_after": 1e999}', DAY),
        (b'{"retry_after": 1' + b"0" * 400 + b"}", DAY),
        ({"detail": "Request was throttled. Your rate limit resets in ~30s."}, 30),
        ({"detail": "Request was throttled. Expected available in 1 second."}, 1),
        ({"detail": "Expected available in 12.5 seconds."}, 12.5),
        ({"retry_after": 2, "detail": "resets in ~30s"}, 2),
        ({"retry_after": "4"}, None),
        ({"retry_after": True}, None),
        ({"retry_after": -1}, None),
        (b'{"retry_after": NaN}', None),
        ({"detail": "Not in this century"}, None),
        ({"detail": ["in 3s"]}, 3),
        ([{"retry_after": 4}], None),
        (b"<html>in 3s</html>", None),
        (b"", None),
    ],
)
def test_without_a_header_the_body_is_heard(body: Any, seconds: float | None) -> None:
    assert asked(None, body) == seconds


def test_the_header_comes_before_the_body() -> None:
    assert asked("7", {"retry_after": 4}) == 7


bodies = st.binary(max_size=80) | st.dictionaries(st.sampled_from(["retry_after", "detail"]), st.integers() | st.text())


@given(st.text(max_size=40), bodies)
def test_any_answer_asks_for_nothing_or_for_a_wait_of_at_most_a_day(header: str, body: Any) -> None:
    seconds = asked(header, body)

    assert seconds is None or 0 <= seconds <= DAY


@pytest.mark.parametrize(
    ("status", "ok"), [(199, False), (200, True), (201, True), (299, True), (302, False), (404, False), (500, False)]
)
def test_an_answer_is_good_in_the_two_hundreds(status: int, ok: bool) -> None:
    assert Answer(status, {}, b"").ok is ok


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"text"', b"null", b"{", b"<html>", b"\xff\xfe", b"[" * 200_000], ids=lambda body: repr(body[:8])
)
def test_a_body_that_is_no_json_object_is_none(body: bytes) -> None:
    assert Answer(200, {}, body).json_object() is None


def test_a_json_object_is_read() -> None:
    assert Answer(200, {}, '{"상태":"Ready"}'.encode()).json_object() == {"상태": "Ready"}
