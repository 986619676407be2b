"""Signatures of Replicate's webhooks (providers reference 1.8)."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.domain.problem import Problem
from shared.providers.provider import ProviderError
from shared.webhooks import REFETCH_AFTER_SECONDS, RETRY_AFTER_SECONDS, Refused, WebhookVerifier, verify
from tests.patience import PATIENCE

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


# ---- while the secret is on its way ----


class Slow(Source):
    """Holds each fetch until told to go on."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> str:
        self.begun.release()
        assert self.go_on.acquire(timeout=2 * PATIENCE)
        return super().__call__()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


@pytest.mark.parametrize("outcome", [SECRET, AWAY])
def test_nobody_waits_for_the_secret_but_the_call_that_fetches_it(pool: ThreadPoolExecutor, outcome: Any) -> None:
    source = Slow(outcome)
    verifier = WebhookVerifier(source, lambda: NOW)
    first = pool.submit(verifier.verify, signed(), BODY)
    assert source.begun.acquire(timeout=PATIENCE)
    try:
        for _ in range(3):
            with pytest.raises(ProviderError) as told:
                pool.submit(verifier.verify, signed(secret=OTHER), BODY).result(PATIENCE)
            assert told.value.problem.status == 503
            assert "Replicate" in told.value.problem.to_document("en", request_id="r")["detail"]
    finally:
        source.go_on.release()
    assert isinstance(first.exception(PATIENCE), ProviderError if outcome is AWAY else type(None))
    assert source.asked == 1


def test_while_a_known_secret_is_fetched_again_calls_are_judged_by_it(pool: ThreadPoolExecutor) -> None:
    clock, source = [NOW], Slow(SECRET, OTHER)
    source.go_on.release()
    verifier = WebhookVerifier(source, lambda: clock[0])
    verifier.verify(signed(), BODY)
    clock[0] += REFETCH_AFTER_SECONDS
    newer = pool.submit(verifier.verify, signed(secret=OTHER, at=clock[0]), BODY)
    for _ in range(2):
        assert source.begun.acquire(timeout=PATIENCE)
    try:
        pool.submit(verifier.verify, signed(at=clock[0]), BODY).result(PATIENCE)
        with pytest.raises(Refused, match="wrong signature"):
            pool.submit(verifier.verify, signed(secret=OTHER, at=clock[0]), BODY).result(PATIENCE)
    finally:
        source.go_on.release()
    newer.result(PATIENCE)
    assert source.asked == 2


@pytest.mark.parametrize(("answers", "pause"), [((AWAY,), RETRY_AFTER_SECONDS), ((SECRET, AWAY), REFETCH_AFTER_SECONDS)])
def test_an_outage_is_remembered_from_when_it_was_told_however_long_that_took(answers: Any, pause: float) -> None:
    clock, source = [NOW], Source(*answers)

    def slowly() -> str:
        clock[0] += 2 * pause
        return source()

    verifier = WebhookVerifier(slowly, lambda: clock[0])

    def forged() -> None:
        with pytest.raises((Refused, ProviderError)):
            verifier.verify(signed(secret=OTHER, at=clock[0]), BODY)

    for _ in range(5):
        forged()
    assert source.asked == 1
    clock[0] += pause
    for _ in range(5):
        forged()
    assert source.asked == 2


def test_a_clock_that_is_set_back_does_not_keep_the_secret_away() -> None:
    clock, source = [NOW], Source(AWAY, SECRET)
    verifier = WebhookVerifier(source, lambda: clock[0])
    with pytest.raises(ProviderError):
        verifier.verify(signed(), BODY)
    clock[0] -= 3600
    verifier.verify(signed(at=clock[0]), BODY)
    assert source.asked == 2


def test_what_a_failure_is_told_with_keeps_no_call_alive() -> None:
    verifier = WebhookVerifier(Source(AWAY), lambda: NOW)
    raised = []
    for _ in range(2):
        with pytest.raises(ProviderError) as told:
            verifier.verify(signed(), BODY)
        raised.append(told.value)
    assert raised[0] is not raised[1]
    assert all(error is not AWAY for error in raised)
