"""The translator's protocol, against a server that answers as Azure's does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shared.domain.problem import ProblemError
from shared.secrets import EnvironmentSecrets, Secrets
from shared.settings import Settings
from shared.translator import Translation, Translator

GOOD = [{"detectedLanguage": {"language": "ko", "score": 1.0}, "translations": [{"text": "a hero", "to": "en"}]}]


class Azure(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answer: tuple[int, bytes] = (200, json.dumps(GOOD).encode())
        self.asked: list[tuple[str, dict[str, str], Any]] = []


class _Answers(BaseHTTPRequestHandler):
    server: Azure

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        status, data = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *values: Any) -> None:
        """Silent."""


@pytest.fixture
def azure() -> Iterator[Azure]:
    with Azure() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def translator(azure: Azure, key: str = "tk", **settings: str) -> Translator:
    made = {"AzureWebJobsStorage": "x", "TRANSLATOR_ENDPOINT": azure.url, "TRANSLATOR_REGION": "koreacentral", **settings}
    return Translator(Settings.from_environ(made), Secrets(EnvironmentSecrets({"TRANSLATOR_KEY": key})))


def test_a_prompt_comes_back_in_english(azure: Azure) -> None:
    assert translator(azure).to_english("영웅") == Translation("a hero", "ko")
    ((path, headers, body),) = azure.asked
    assert (path, body) == ("/translate?api-version=3.0&to=en", [{"Text": "영웅"}])
    assert (headers["Ocp-Apim-Subscription-Key"], headers["Ocp-Apim-Subscription-Region"]) == ("tk", "koreacentral")


def refusal(made: Translator) -> str:
    with pytest.raises(ProblemError) as caught:
        made.to_english("영웅")
    return caught.value.problem.code


def test_without_a_translator_it_is_said_so(azure: Azure) -> None:
    assert refusal(translator(azure, key="")) == "translator_not_configured"
    assert refusal(translator(azure, TRANSLATOR_ENDPOINT="")) == "translator_not_configured"
    assert azure.asked == []


@pytest.mark.parametrize(
    "answer", [(401, b"{}"), (500, b""), (200, b"<html>"), (200, b"[]"), (200, b"{}"), (200, b'[{"translations":[]}]')]
)
def test_a_translator_that_fails_is_no_failure_of_ours(azure: Azure, answer: tuple[int, bytes]) -> None:
    azure.answer = answer
    assert refusal(translator(azure)) == "translator_unavailable"
