"""Signatures that we make, judged by what verifies those of others (Standard Webhooks), and the secrets they are made with."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.domain.signature import secret_of, signature
from shared.webhooks import TOLERANCE_SECONDS, Refused, verify

ROOT = Path(__file__).resolve().parents[2]
KEY = "a key that an operator made, of 44 characters"
NOW = 1_800_000_000
MESSAGE, BODY = "msg_01", b'{"type":"job.succeeded"}'
MINE, OTHERS, NEXT = secret_of(KEY, "me", 1), secret_of(KEY, "you", 1), secret_of(KEY, "me", 2)


def headers(*secrets: str, message: str = MESSAGE, at: int = NOW, body: bytes = BODY) -> dict[str, str]:
    signed = " ".join(signature(secret, message, at, body) for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signed}


def test_the_published_example_of_the_scheme_is_what_we_would_send() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the reference libraries' test vector
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_signed_with_the_owners_secret_is_accepted() -> None:
    verify(MINE, headers(MINE), BODY, NOW)


@pytest.mark.parametrize("both", [(OTHERS, MINE), (MINE, OTHERS)])
def test_two_signatures_of_which_one_is_right_are_accepted(both: tuple[str, str]) -> None:
    verify(MINE, headers(*both), BODY, NOW)


@pytest.mark.parametrize(
    ("sent", "body", "why"),
    [
        (headers(OTHERS), BODY, "wrong signature"),
        (headers(MINE), BODY + b" ", "wrong signature"),
        (headers(MINE) | {"webhook-id": "msg_02"}, BODY, "wrong signature"),
        (headers(MINE) | {"webhook-timestamp": str(NOW + 1)}, BODY, "wrong signature"),
        (headers(MINE, at=NOW - int(TOLERANCE_SECONDS) - 1), BODY, "too old"),
        (headers(MINE, at=NOW + int(TOLERANCE_SECONDS) + 1), BODY, "too new"),
        (headers(OTHERS, NEXT), BODY, "wrong signature"),
        (headers(), BODY, "no signature"),
    ],
    ids=["secret", "body", "id", "time", "too old", "too new", "two wrong ones", "none"],
)
def test_anything_else_is_refused(sent: dict[str, str], body: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        verify(MINE, sent, body, NOW)


def test_each_owner_and_each_version_has_a_secret_of_its_own_and_always_the_same() -> None:
    made = [
        secret_of(key, owner, n) for key in (KEY, KEY + "2") for owner in ("me", "you", "", "me,1", "영웅") for n in (1, 2, 12)
    ]

    assert len(set(made)) == len(made)
    assert made == [
        secret_of(key, o, n) for key in (KEY, KEY + "2") for o in ("me", "you", "", "me,1", "영웅") for n in (1, 2, 12)
    ]
    # The scheme wants 24 to 64 bytes.
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32 for secret in made)


def test_a_secret_is_made_as_hkdf_makes_it() -> None:
    made = HKDF(SHA256(), 32, b"toonconnect webhook secrets", b'["me", 3]').derive(KEY.encode())

    assert secret_of(KEY, "me", 3) == f"whsec_{base64.b64encode(made).decode()}"


def test_the_secrets_stay_what_they_are() -> None:
    """Receivers keep them: another one for the same owner would turn all of them away."""
    assert MINE == FIRST


FIRST = "whsec_nUpWqftbFJGYu8S04POxve/YQqVTq5n7hNbaE8Kt71U="


@pytest.mark.parametrize("guide", ["docs/requests.en.md", "docs/requests.ko.md"])
def test_the_guides_function_verifies_what_we_sign_and_nothing_else(guide: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", (ROOT / guide).read_text(), re.DOTALL)
    given: dict[str, Any] = {}
    exec(sample, given)  # noqa: S102 - what readers copy
    monkeypatch.setattr(given["time"], "time", lambda: float(NOW))
    given["verify"](MINE, headers(OTHERS, MINE), BODY)
    for wrong in (
        (MINE, headers(OTHERS, NEXT), BODY), (MINE, headers(MINE), BODY + b" "), (MINE, headers(MINE, at=NOW - 301), BODY),
        (MINE, headers(MINE) | {"webhook-id": "msg_02"}, BODY), (MINE, headers(MINE) | {"webhook-signature": "v1,영웅"}, BODY),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            given["verify"](*wrong)
