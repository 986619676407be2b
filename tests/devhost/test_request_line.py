"""Paths, queries and headers as Kestrel and the host read them; tests/worker compares them with a second reading."""

import pytest

from devhost.request_line import decoded_path, joined, query_parameters, request_url


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        ("/a/%EC%98%81%EC%9B%85", "/a/영웅"),
        ("/%6A%6f%62", "/job"),
        ("/a%2Fb%2fc%20d", "/a%2Fb%2fc d"),
        ("/a%25b", "/a%b"),
        ("/%FF%41", "/%FF%41"),
        ("/a%zz+b", "/a%zz+b"),
    ],
)
def test_a_path(raw: str, decoded: str) -> None:
    assert decoded_path(raw) == decoded


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/a/영웅 b", "http://h/a/%EC%98%81%EC%9B%85%20b?q=%41"),
        ("/a%2Fb", "http://h/a%2Fb?q=%41"),
        ("/a%b", "http://h/a%25b?q=%41"),
        ("/a;b=c,d:e@f!$&'()*~", "http://h/a;b=c,d:e@f!$&'()*~?q=%41"),
    ],
)
def test_a_url(path: str, url: str) -> None:
    assert request_url("h", path, "?q=%41") == url


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        ("?a=1&a=&a=2&b=&c", {"a": "1,2"}),
        ("?Name=1&name=2", {"Name": "1,2"}),
        ("?a=b=c&d=%20+&=e", {"a": "b=c", "d": "  ", "": "e"}),
        ("?a=%FF&b=%ED%95%9C", {"a": "%FF", "b": "한"}),
        ("?", {}),
    ],
)
def test_a_query(raw: str, parameters: dict[str, str]) -> None:
    assert query_parameters(raw) == parameters


def test_headers_that_come_again() -> None:
    sent = [("x-a", ""), ("x-a", "1"), ("x-b", ""), ("x-a", ""), ("x-a", "2")]
    assert joined(sent) == {"x-a": "1,2", "x-b": ""}
