"""The app as its clients see it, over its public HTTP API."""

from typing import Any

import requests

from ops.failing import UNREACHABLE, CannotDo

#: A readiness check asks two providers and storage.
_SECONDS = 60.0


class AppApi:
    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self._session = requests.Session()
        # No .netrc: its Authorization would go with every call.
        self._session.trust_env = False
        self._session.headers["Accept-Language"] = "en"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self._answer("GET", f"{self.url}/api/{path}", params=params)

    def post_form(
        self, path: str, fields: dict[str, str], files: dict[str, bytes], headers: dict[str, str] | None = None
    ) -> requests.Response:
        """A form as the page sends it. `files` are images by field."""
        parts = {name: (name, data, "application/octet-stream") for name, data in files.items()}
        return self._answer("POST", f"{self.url}/api/{path}", data=fields, files=parts, headers=headers)

    def download(self, link: str) -> requests.Response:
        """What anybody gets who has the link: no credentials go along."""
        try:
            return requests.get(link, timeout=_SECONDS)
        except requests.RequestException as error:
            raise CannotDo(f"the picture's link gave no answer ({type(error).__name__})", UNREACHABLE) from None

    def _answer(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=_SECONDS, **kwargs)
        except requests.RequestException as error:
            raise CannotDo(f"the app at {self.url} gave no answer ({type(error).__name__})", UNREACHABLE) from None


def problem_text(answer: requests.Response) -> str:
    """Code and sentence of a refused request."""
    try:
        problem = answer.json()
        fields = "; ".join(f"{e['field']}: {e['message']}" for e in problem.get("errors") or ())
        return f"{problem['code']}: {problem['detail']}{' ' + fields if fields else ''}"
    except (ValueError, KeyError, TypeError):
        return f"the app answered {answer.status_code}"
