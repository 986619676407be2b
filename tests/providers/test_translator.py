"""The translator's adapter over HTTP against its simulator: addresses, keys and tokens, bad days."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError

from shared.domain.problem import ProblemError
from shared.secrets import EnvironmentSecrets, Secrets, SecretUnavailable
from shared.settings import Settings
from shared.translator import ANSWER_SECONDS, Translation, Translator
from simulators.translator_api import in_english
from tests.patience import PATIENCE

OWN = "/translator/text/v3.0"


class Identity:
    """The app's own identity, as azure-identity's credentials are used."""

    def __init__(self, token: Any = "a-token") -> None:  # noqa: S107 - opens nothing
        self.token = token
        self.scopes: list[str] = []

    def __call__(self) -> "Identity":
        return self

    def get_token(self, scope: str) -> Any:
        self.scopes.append(scope)
        if isinstance(self.token, Exception):
            raise self.token
        return SimpleNamespace(token=self.token)


class Vault:
    def read(self, name: str) -> str | None:
        raise SecretUnavailable(name, "away")


def made(
    sim: Any, path: str = "/translator", *, key: str = "tk", identity: Identity | None = None, source: Any = None, **settings: str
) -> Translator:
    environ = {
        "AzureWebJobsStorage": "x", "TRANSLATOR_ENDPOINT": f"{sim.url}{path}",
        "PROVIDER_EXTRA_HOSTS": sim.url.removeprefix("http://"), **settings,
    }  # fmt: skip
    secrets = Secrets(source or EnvironmentSecrets({"TRANSLATOR_KEY": key}))
    return Translator(Settings.from_environ(environ), secrets, identity)


def refusal(translator: Translator) -> str:
    with pytest.raises(ProblemError) as caught:
        translator.to_english("영웅")
    return caught.value.problem.code


@pytest.mark.parametrize("path", ["/translator", OWN])
@pytest.mark.parametrize("source", [None, "ko"])
def test_a_prompt_comes_back_in_english_from_either_address(sim: Any, path: str, source: str | None) -> None:
    with sim.recording() as received:
        assert made(sim, path).to_english("웃는 영웅", source) == Translation("smiling hero", "ko")
    ((asked),) = received
    assert asked.path == f"{path}/translate?api-version=3.0&to=en{'&from=ko' if source else ''}"
    assert dict(asked.headers)["ocp-apim-subscription-key"] == "tk"
    assert "authorization" not in dict(asked.headers)


def test_what_the_service_detected_is_told(sim: Any) -> None:
    assert made(sim).to_english("a hero") == Translation("a hero", "en")


def test_without_a_key_the_apps_identity_is_used_at_the_address_of_the_apps_own_resource(sim: Any) -> None:
    identity = Identity()
    translator = made(sim, OWN, key="", identity=identity)

    with sim.recording() as received:
        assert translator.to_english("영웅").text == "hero"
    headers = dict(received[0].headers)
    assert headers["authorization"] == "Bearer a-token"
    assert "ocp-apim-subscription-key" not in headers
    assert identity.scopes == ["https://cognitiveservices.azure.com/.default"]
    assert translator.is_configured


def test_a_key_comes_before_the_identity(sim: Any) -> None:
    identity = Identity()
    made(sim, OWN, identity=identity).to_english("영웅")

    assert identity.scopes == []


def test_the_shared_address_takes_no_identity(sim: Any) -> None:
    """It would need the resource's id beside the token."""
    identity = Identity()
    translator = made(sim, key="", identity=identity)

    assert not translator.is_configured
    assert refusal(translator) == "translator_not_configured"
    assert (identity.scopes, sim.stats()["translator"].get("requests", 0)) == ([], 0)


def test_no_token_goes_over_plain_http_to_a_host_that_is_not_named(sim: Any) -> None:
    identity = Identity()
    translator = made(sim, OWN, key="", identity=identity, PROVIDER_EXTRA_HOSTS="")

    assert refusal(translator) == "translator_not_configured"
    assert identity.scopes == []


@pytest.mark.parametrize(
    ("endpoint", "url", "knows_identities"),
    [
        ("https://api.cognitive.microsofttranslator.com/", "https://api.cognitive.microsofttranslator.com", False),
        ("https://toon.cognitiveservices.azure.com/", f"https://toon.cognitiveservices.azure.com{OWN}", True),
        (f"https://toon.cognitiveservices.azure.com{OWN}/", f"https://toon.cognitiveservices.azure.com{OWN}", True),
        ("https://cognitiveservices.azure.com.evil.example", "https://cognitiveservices.azure.com.evil.example", False),
        ("http://toon.cognitiveservices.azure.com", f"http://toon.cognitiveservices.azure.com{OWN}", False),
    ],
)  # fmt: skip
def test_an_address_is_taken_as_the_portal_shows_it(endpoint: str, url: str, knows_identities: bool) -> None:
    asked: list[tuple[str, Any]] = []

    class Http:
        def post(self, url: str, headers: Any, body: Any) -> Any:
            asked.append((url, headers))
            return SimpleNamespace(ok=False)

    settings = Settings.from_environ({"AzureWebJobsStorage": "x", "TRANSLATOR_ENDPOINT": endpoint})
    http: Any = Http()
    with_key = Translator(settings, Secrets(EnvironmentSecrets({"TRANSLATOR_KEY": "tk"})), Identity(), http)
    assert refusal(with_key) == "translator_unavailable"
    assert [where for where, _ in asked] == [f"{url}/translate?api-version=3.0&to=en"]

    without = Translator(settings, Secrets(EnvironmentSecrets({})), Identity(), http)
    assert without.is_configured is knows_identities
    assert refusal(without) == ("translator_unavailable" if knows_identities else "translator_not_configured")


def test_a_vault_or_an_identity_that_gives_no_answer_is_a_translator_that_is_away(sim: Any) -> None:
    translator = made(sim, source=Vault())
    assert translator.is_configured
    assert refusal(translator) == "translator_unavailable"

    assert refusal(made(sim, OWN, key="", identity=Identity(ClientAuthenticationError("no token")))) == "translator_unavailable"


def test_a_wrong_key_or_region_is_refused(sim: Any) -> None:
    sim.configure(translator={"keys": ["right"], "region": "koreacentral", "takes_tokens": False})

    assert refusal(made(sim, key="wrong", TRANSLATOR_REGION="koreacentral")) == "translator_unavailable"
    assert refusal(made(sim, key="right")) == "translator_unavailable"
    assert refusal(made(sim, OWN, key="", identity=Identity())) == "translator_unavailable"
    assert made(sim, key="right", TRANSLATOR_REGION="koreacentral").to_english("영웅").text == "hero"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": 1, "header": True}, {"kind": "status", "status": 500, "body": "html"},
        {"kind": "status", "status": 403, "body": "empty"}, {"kind": "disconnect_before", "reset": True}, {"kind": "garbage"},
        {"kind": "truncated_json"}, {"kind": "truncated_body"}, {"kind": "html"}, {"kind": "huge_body"},
        {"kind": "redirect", "to": "http://127.0.0.1:1/"}, {"kind": "status", "status": 200, "text": "[]"},
        {"kind": "status", "status": 200, "text": '[{"translations":[{"text":" \\u200b "}]}]'},
        {"kind": "status", "status": 200, "text": '[{"translations":[{"text":"lost \\ufffd"}]}]'},
        {"kind": "status", "status": 200, "text": '[{"translations":[{"text":"' + "a" * 10_001 + '"}]}]'},
    ],
    ids=lambda fault: "-".join(str(value)[:24] for value in fault.values()),
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_none(sim: Any, fault: dict[str, Any]) -> None:
    sim.configure(translator={"faults": [{"on": "translate", "times": 1, **fault}]})
    translator = made(sim)

    with pytest.raises(ProblemError) as caught:
        translator.to_english("영웅", "ko")
    assert caught.value.problem.code == "translator_unavailable"
    assert translator.to_english("영웅", "ko").text == "hero"


@pytest.mark.parametrize("kind", ["hang", "slow"])
def test_a_silent_translator_is_given_up_in_time(sim: Any, kind: str) -> None:
    sim.configure(translator={"faults": [{"on": "translate", "kind": kind, "seconds": 60, "times": 1}]})
    began = time.monotonic()

    assert refusal(made(sim)) == "translator_unavailable"
    assert ANSWER_SECONDS <= time.monotonic() - began < 30


def test_a_translation_is_kept_as_prompts_are(sim: Any) -> None:
    text = '[{"translations":[{"text":"  a hero\\r\\nin cafe\\u0301 \\u0000 "}]}]'
    sim.configure(translator={"faults": [{"on": "translate", "kind": "status", "status": 200, "text": text}]})

    assert made(sim).to_english("영웅", "ko").text == "a hero\nin café"


def test_what_the_simulator_says_is_the_same_each_time_and_has_no_hangul() -> None:
    assert in_english("웃는 영웅이 바다에서") == "smiling hero i sea eseo"
    assert in_english("값싼 떡볶이 hero") == "gapssan tteokboki hero"
    assert in_english("a hero [[slow:2]]") == "a hero [[slow:2]]"


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("to=en", [{"Text": "a"}], 400, 400021), ("api-version=3.0", [{"Text": "a"}], 400, 400036),
        ("api-version=3.0&to=en", {"Text": "a"}, 400, 400074), ("api-version=3.0&to=en", [], 400, 400074),
        ("api-version=3.0&to=en", [{"Text": "a" * 50_001}], 400, 400077),
        ("api-version=3.0&to=en&from=xx", [{"Text": "a"}], 400, 400035),
    ],
)  # fmt: skip
def test_the_simulator_refuses_what_azure_refuses_in_its_form(sim: Any, query: str, body: Any, status: int, code: int) -> None:
    headers = {"Ocp-Apim-Subscription-Key": "k"}
    answer = requests.post(f"{sim.translator_url}/translate?{query}", json=body, headers=headers, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert requests.post(f"{sim.translator_url}/translate?{query}", json=body, timeout=PATIENCE).status_code == 401
    assert [entry["key"] for entry in sim.requests("translator")] == [True, False]
