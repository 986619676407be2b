"""Where a key or a download may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.providers.bfl import Bfl
from shared.providers.replicate import Replicate
from shared.providers.trust import UntrustedUrl, check_url, is_host_or_subdomain
from shared.secrets import EnvironmentSecrets, Secrets
from shared.settings import Settings

_parts = (Settings(), Secrets(EnvironmentSecrets({})))
BFL, REPLICATE = Bfl(*_parts), Replicate(*_parts)
RULES = {
    "BFL's API": BFL._is_api_host,
    "BFL's delivery": BFL._is_delivery_host,
    "Replicate's API": REPLICATE._is_api_host,
    "Replicate's delivery": REPLICATE._is_delivery_host,
}

GOOD = [
    ("BFL's API", "https://api.bfl.ai/v1/get_result?id=1"),
    ("BFL's API", "https://api.eu1.bfl.ai/v1/get_result?id=1"),
    ("BFL's API", "HTTPS://API.BFL.AI:443/v1/get_result"),
    ("BFL's delivery", "https://delivery-eu1.bfl.ai/results/a/sample.png?sig=x"),
    ("BFL's delivery", "https://delivery.us.bfl.ai/results/sample.png"),
    ("Replicate's API", "https://api.replicate.com/v1/predictions/abc"),
    ("Replicate's delivery", "https://replicate.delivery/xezq/out.png"),
    ("Replicate's delivery", "https://pbxt.replicate.delivery/xezq/out.png"),
]


@pytest.mark.parametrize(("rule", "url"), GOOD)
def test_the_providers_own_addresses_are_trusted_as_they_stand(rule: str, url: str) -> None:
    assert check_url(url, RULES[rule]) == url


HOSTILE = [
    pytest.param("http://{host}/x", id="plain http"),
    pytest.param("ftp://{host}/x", id="another scheme"),
    pytest.param("//{host}/x", id="no scheme"),
    pytest.param("{host}/x", id="a bare host"),
    pytest.param("/x", id="a path"),
    pytest.param("", id="nothing"),
    pytest.param("file:///etc/passwd", id="a file"),
    pytest.param("data:image/png;base64,AAAA", id="data"),
    pytest.param("https:///x", id="no host"),
    pytest.param("https://{host}:8443/x", id="another port"),
    pytest.param("https://{host}:80/x", id="http's port"),
    pytest.param("https://{host}:0/x", id="port 0"),
    pytest.param("https://{host}:99999/x", id="no such port"),
    pytest.param("https://{host}:４４３/x", id="wide digits as port"),
    pytest.param("https://{host}@evil.com/x", id="the host as user"),
    pytest.param("https://{host}:443@evil.com/x", id="the host as user and password"),
    pytest.param("https://user@{host}/x", id="a user"),
    pytest.param("https://user:word@{host}/x", id="a user and password"),
    pytest.param("https://@{host}/x", id="an empty user"),
    pytest.param("https://evil.com/{host}", id="the host as path"),
    pytest.param("https://evil.com/?{host}", id="the host as query"),
    pytest.param("https://evil.com#{host}", id="the host as fragment"),
    pytest.param("https://evil.com?@{host}/x", id="a query before the host"),
    pytest.param("https://evil.com#@{host}/x", id="a fragment before the host"),
    pytest.param("https://{host}.evil.com/x", id="a longer name"),
    pytest.param("https://evil-{host}/x", id="a name that ends alike"),
    pytest.param("https://evil{host}/x", id="a name that ends alike, no dash"),
    pytest.param("https://{host}./x", id="a dot at the end"),
    pytest.param("https://evil.com\\.{host}/x", id="a backslash"),
    pytest.param("https://evil.com\\@{host}/x", id="a backslash before a user"),
    pytest.param("https:\\\\{host}\\x", id="backslashes for slashes"),
    pytest.param("https://{host}\\@evil.com/x", id="a backslash after the host"),
    pytest.param(" https://{host}/x", id="a space before"),
    pytest.param("https://{host}/x y", id="a space within"),
    pytest.param("https://{host}/x\r\nX-Key: 1", id="a second header line"),
    pytest.param("https://ev\til.com\n.{host}/x", id="tabs and line ends that parsers drop"),
    pytest.param("https://{host}\x00.evil.com/x", id="a null byte"),
    pytest.param("https://{host}\u2028/x", id="a line separator"),
    pytest.param("https://evil.com\uff0f.{host}/x", id="a wide slash"),
    pytest.param("https://evil.com\uff20{host}/x", id="a wide at-sign"),
    pytest.param("https://evil.com\u2100.{host}/x", id="a character that unfolds to a slash"),
    pytest.param("https://{host}\u3002evil.com/x", id="an ideographic full stop"),
    pytest.param("https://{host}%2eevil.com/x", id="an escaped dot"),
    pytest.param("https://{host}%00.evil.com/x", id="an escaped null byte"),
    pytest.param("https://[::1]/x", id="loopback, v6"),
    pytest.param("https://[::ffff:127.0.0.1/x", id="half an address"),
    pytest.param("https://127.0.0.1/x", id="loopback"),
    pytest.param("https://169.254.169.254/metadata", id="the metadata service"),
    pytest.param("https://localhost/x", id="localhost"),
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("BFL's API", "api.bfl.ai"),
        ("BFL's delivery", "delivery-eu1.bfl.ai"),
        ("Replicate's API", "api.replicate.com"),
        ("Replicate's delivery", "replicate.delivery"),
    ],
)
def test_no_trick_makes_another_address_trusted(rule: str, host: str, hostile: str) -> None:
    with pytest.raises(UntrustedUrl):
        check_url(hostile.replace("{host}", host), RULES[rule])


@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("BFL's API", "bfl.ai"),
        ("BFL's API", "delivery-eu1.bfl.ai"),
        ("BFL's API", "api.a.b.bfl.ai"),
        ("BFL's API", "apixbfl.ai"),
        ("BFL's API", "api.bfl.aix"),
        ("BFL's delivery", "api.bfl.ai"),
        ("BFL's delivery", "evil.delivery.bfl.ai.evil.com"),
        ("BFL's delivery", "notdelivery.bfl.ai"),
        ("Replicate's API", "replicate.com"),
        ("Replicate's API", "evil.api.replicate.com"),
        ("Replicate's API", "replicate.delivery"),
        ("Replicate's delivery", "api.replicate.com"),
        ("Replicate's delivery", "xreplicate.delivery"),
    ],
)
def test_a_rule_holds_for_its_own_hosts_only(rule: str, host: str) -> None:
    assert not RULES[rule](host)


def test_what_is_told_of_an_untrusted_address_is_its_host_alone() -> None:
    for url in ("https://evil.com/path?sig=secret", "https://user:secret@evil.com/secret", "http://evil.com:81/secret?secret"):
        with pytest.raises(UntrustedUrl) as caught:
            check_url(url, RULES["BFL's API"])
        assert "evil.com" in str(caught.value)
        assert "secret" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_either_trusted_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://api.bfl.ai{text}"):
        try:
            assert check_url(url, RULES["BFL's API"]) == url
        except UntrustedUrl:
            pass


# ---- extra hosts, for local work ----

EXTRA = ("127.0.0.1:7090", "localhost")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:7090/bfl/v1", "https://127.0.0.1:7090/bfl", "http://localhost/x", "http://LOCALHOST/x"]
)
def test_an_extra_host_is_trusted_as_it_is_written_with_plain_http_too(url: str) -> None:
    assert check_url(url, RULES["BFL's API"], EXTRA) == url
    with pytest.raises(UntrustedUrl):
        check_url(url, RULES["BFL's API"])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x", "http://127.0.0.1:7091/x", "http://localhost:7090/x", "http://localhost.evil.com/x",
        "http://user@localhost/x", "http://localhost\\x", "ftp://localhost/x", "http://127.0.0.1:7090@evil.com/x",
        "http://evil.com/?127.0.0.1:7090",
    ],
)  # fmt: skip
def test_an_extra_host_opens_nothing_beside_itself(url: str) -> None:
    with pytest.raises(UntrustedUrl):
        check_url(url, RULES["BFL's API"], EXTRA)


def test_a_subdomain_ends_in_a_dot_and_its_domain() -> None:
    assert is_host_or_subdomain("a.b.example", "b.example")
    assert is_host_or_subdomain("b.example", "b.example")
    assert not is_host_or_subdomain("ab.example", "b.example")
