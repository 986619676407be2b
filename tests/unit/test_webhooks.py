"""Signatures of Replicate's webhooks (providers reference 1.8)."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.webhooks import REFETCH_AFTER_SECONDS, RETRY_AFTER_SECONDS, Refused, WebhookVerifier, verify

NOW = 1_800_000_000.0
SECRET, OTHER = ("whsec_" + base64.b64encode(text).decode() for text in (b"one secret", b"another"))
BODY = b'{"id":"abc","status":"succeeded"}'


def signed(body: bytes = BODY, secret: str = SECRET, at: float = NOW, message: str = "msg_1") -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message}.{int(at)}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": message, "webhook-timestamp": str(int(at)), "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}


def test_what_replicate_signed_is_accepted() -> None:
    verify(SECRET, signed(), BODY, NOW)


def test_one_right_signature_among_several_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,AAAA v2,whatever {headers['webhook-signature']}"
    verify(SECRET, headers, BODY, NOW)


def test_the_published_example_of_the_scheme_is_accepted() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the reference libraries' test vector
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }  # fmt: skip
    verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", headers, b'{"test": 2432232314}', 1614265330)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""}, {"webhook-signature": "v1,"}, {"webhook-id": ""}, {"webhook-id": "msg_2"},
        {"webhook-timestamp": ""}, {"webhook-timestamp": "soon"}, {"webhook-timestamp": str(int(NOW) + 1)},
        {"webhook-timestamp": "９"}, {"webhook-signature": "v1,ÿ"},
        # Half a character is not even text; a host that decodes headers leniently passes it on.
        {"webhook-signature": "v1,\ud800"}, {"webhook-id": "\udcff"}, {"webhook-id": "영웅"}, {"webhook-timestamp": "\ud800"},
    ],
)  # fmt: skip
def test_anything_else_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(Refused):
        verify(SECRET, signed() | change, BODY, NOW)


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_old_and_future_messages_are_refused_though_signed(age: float) -> None:
    with pytest.raises(Refused, match="too"):
        verify(SECRET, signed(at=NOW - age), BODY, NOW)


def test_another_body_or_secret_is_refused() -> None:
    for headers, body in ((signed(), BODY + b" "), (signed(secret=OTHER), BODY)):
        with pytest.raises(Refused):
            verify(SECRET, headers, body, NOW)


class Source:
    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self) -> str:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


AWAY = ProviderError(Problem("provider_unavailable"))


def test_the_secret_is_fetched_once() -> None:
    source = Source(SECRET)
    verifier = WebhookVerifier(source, lambda: NOW)
    for _ in range(3):
        verifier.verify(signed(), BODY)
    assert source.asked == 1


def test_a_changed_secret_is_found_out_by_a_wrong_signature_but_forgeries_do_not_make_us_ask_again_and_again() -> None:
    clock, source = [NOW], Source(SECRET, OTHER)
    verifier = WebhookVerifier(source, lambda: clock[0])
    verifier.verify(signed(), BODY)
    clock[0] += REFETCH_AFTER_SECONDS
    verifier.verify(signed(secret=OTHER, at=clock[0]), BODY)
    for _ in range(5):
        with pytest.raises(Refused):
            verifier.verify(signed(secret=SECRET, at=clock[0]), BODY)
    assert source.asked == 2


def test_without_the_secret_nothing_can_be_said() -> None:
    with pytest.raises(ProviderError):
        WebhookVerifier(Source(AWAY), lambda: NOW).verify(signed(), BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""}, {"webhook-signature": "AAAA"}, {"webhook-id": ""},
        {"webhook-timestamp": str(int(NOW) - 301)}, {"webhook-timestamp": "x"},
    ],
)  # fmt: skip
def test_a_call_that_does_not_even_look_signed_fetches_no_secret(change: dict[str, str]) -> None:
    source = Source(SECRET)
    with pytest.raises(Refused):
        WebhookVerifier(source, lambda: NOW).verify(signed() | change, BODY)
    assert source.asked == 0


def test_a_secret_that_could_not_be_had_is_asked_for_again_a_little_later_only() -> None:
    clock, source = [NOW], Source(AWAY, SECRET)
    verifier = WebhookVerifier(source, lambda: clock[0])
    for seconds in (0.0, 1.0, RETRY_AFTER_SECONDS - 0.1):
        clock[0] = NOW + seconds
        with pytest.raises(ProviderError):
            verifier.verify(signed(), BODY)
    assert source.asked == 1
    clock[0] = NOW + RETRY_AFTER_SECONDS
    verifier.verify(signed(), BODY)
    assert source.asked == 2


def test_a_wrong_signature_while_the_provider_is_away_is_refused() -> None:
    clock, source = [NOW], Source(SECRET, AWAY)
    verifier = WebhookVerifier(source, lambda: clock[0])
    verifier.verify(signed(), BODY)
    clock[0] += REFETCH_AFTER_SECONDS
    with pytest.raises(Refused):
        verifier.verify(signed(secret=OTHER, at=clock[0]), BODY)
