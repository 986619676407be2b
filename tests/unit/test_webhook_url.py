"""Where the end of a job may be told to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.webhook_url import MAX_CHARACTERS, is_public, mistake_in

LONG = "https://hooks.example/" + "a" * MAX_CHARACTERS


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example", "https://hooks.example/a/b?token=x&y=%20", "https://hooks.example:443/a",
        "HTTPS://Hooks.Example/A", "https://xn--9n2bp8q.xn--3e0b707e/", "https://8.8.8.8/a", "https://[2606:4700::1111]/a",
        "https://a-b.c_d.example/", "https://localhost.example/", "https://internal.example/", LONG[:MAX_CHARACTERS],
        "https://hooks.example/a@b", "https://hooks.example/?u=https://127.0.0.1/",
    ],
)  # fmt: skip
def test_what_everybody_can_reach_is_taken(url: str) -> None:
    assert mistake_in(url) is None


WRONG = {
    "begins with https": [
        "", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "javascript:alert(1)", "https://", "https:///a",
        "https://hooks.example/영웅", "https://훅.example/", "https://hooks.example/a b", "https://hooks.example/\r\nX: y",
        "https://hooks.example\\@127.0.0.1/", "https://[::1", "https://hooks.example:x/", "https://hooks.example:0/", LONG,
        "https://hooks.example:99999/", "//hooks.example/", " https://hooks.example/", "https://hooks.example/\t",
    ],
    "user name or a password": ["https://me:pw@hooks.example/", "https://me@hooks.example/", "https://@hooks.example/"],
    "follows #": ["https://hooks.example/#a", "https://hooks.example/#"],
    "Port 443": ["https://hooks.example:8443/", "https://hooks.example:80/", "https://8.8.8.8:22/"],
    "everybody on the internet": [
        "https://localhost/", "https://a.localhost/", "https://LOCALHOST/", "https://printer.local/", "https://vm.internal/",
        "https://metadata.google.internal/", "https://intranet/", "https://hooks/", "https://hooks.example./",
        "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/", "https://0177.0.0.1/",
        "https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/", "https://0.0.0.0/",
        "https://100.64.0.1/", "https://168.63.129.16/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[::1]/",
        "https://[fe80::1]/", "https://[fd00::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/",
        "https://[2002:7f00:1::]/", "https://1.2.3.example.4/", "https://-a.example/", f"https://{'a' * 64}.example/",
        "https://box.home.arpa/", "https://[::ffff:168.63.129.16]/", f"https://{'a.' * 130}example/",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("words", "url"), [(words, url) for words, urls in WRONG.items() for url in urls])
def test_what_is_not_is_told_what_is_wrong_in_both_languages(words: str, url: str) -> None:
    found = mistake_in(url)

    assert found is not None
    assert words in found[1]
    assert any("가" <= letter <= "힣" for letter in found[0])


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/a", "https://127.0.0.1:9000/", "http://localhost/", "http://LocalHost/"])
def test_hosts_for_local_work_are_trusted_as_they_stand(url: str) -> None:
    extra = ("127.0.0.1:9000", "localhost")

    assert mistake_in(url, extra) is None
    assert mistake_in(url) is not None
    assert mistake_in(url.replace("://", "://me:pw@"), extra) is not None
    assert mistake_in("http://127.0.0.1:9001/", extra) is not None
    assert mistake_in("http://localhost:81/", extra) is not None


@given(st.ip_addresses())
def test_no_address_that_python_calls_private_is_public(address: object) -> None:
    if not address.is_global or address.is_multicast:  # type: ignore[attr-defined]
        assert not is_public(str(address))


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert mistake_in(text) is None or len(mistake_in(text) or ()) == 2
    assert not is_public("" if "." in text or ":" in text else text)


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_an_address_that_stands_for_another_is_what_that_is(address: str, is_it: bool) -> None:
    assert is_public(address) == is_it
