"""Pages of a list, read item by item: the same as reading the whole, or no page at all."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.providers.http import Unreachable
from shared.providers.pages import NotAPage, Page

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def page_of(body: bytes, size: int = 7, max_item_bytes: int = 10**7) -> Page:
    return Page((body[at : at + size] for at in range(0, len(body), size)), max_item_bytes)


@given(st.lists(values, max_size=5), st.none() | st.text(), st.dictionaries(st.text(), values, max_size=3), st.integers(1, 60))
def test_a_page_gives_what_json_would(results: list, following: str | None, others: dict, size: int) -> None:
    before = {name: value for name, value in others.items() if name not in ("results", "next")}
    for body in ({**before, "next": following, "results": results}, {"results": results, **before, "next": following}):
        page = page_of(json.dumps(body).encode(), size)

        assert list(page.items()) == results
        assert page.following == following


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'"results"', b'{"results": null}', b'{"results": {"results": []}}', b'[{"results": []}]',
        b'{"results": [1, 2', b'{"results": []} x', b"<html>", b'{"results": ["\xff"]}', b'{"a": {"results": []}}',
        b'{"results": [' + b"[" * 100 + b"]" * 100 + b"]}", b'{"a": ' + b"[" * 3_000_000,
    ],
    ids=lambda body: repr(body[:40]),
)  # fmt: skip
def test_anything_else_is_no_page(body: bytes) -> None:
    with pytest.raises(NotAPage):
        list(page_of(body, 65536).items())


def test_an_item_without_an_end_is_not_waited_for() -> None:
    endless: Any = itertools.chain([b'{"results": [1, "'], itertools.repeat(b"x" * 1000))
    items = Page(endless, 10**6).items()

    with pytest.raises(Unreachable):
        list(items)


def test_many_items_may_be_longer_together() -> None:
    body = json.dumps({"results": ["x" * 900_000] * 5}).encode()

    assert len(list(page_of(body, 65536, 3_000_000).items())) == 5
