"""The smoke test sees a deployment that works, and says what does not."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra import smoke_test
from shared.job_ids import is_job_id
from tests.infra.checks import check_actions, check_deployment_order
from tests.infra.compiler import Infra

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a site that plays both API and page; `broken` paths answer 503."""
    servers: list[ThreadingHTTPServer] = []

    def start(
        broken: tuple[str, ...] = (), allowed: bool = True, knows: bool = True, exposed: bool = True,
        jobs: int = 404, forged: int = 0, signs_in: bool = False,
        headers: str = smoke_test.SENT,
    ) -> str:  # fmt: skip
        class Site(BaseHTTPRequestHandler):
            def answer(self) -> None:
                origin = f"http://127.0.0.1:{self.server.server_address[1]}"
                is_job = self.path == f"/api/jobs/{smoke_test.NO_JOB}"
                is_forged = any(name.upper().startswith("X-MS-") for name in self.headers)
                job_status = forged if is_forged and forged else jobs
                self.send_response(job_status if is_job else 503 if self.path in broken else 200)
                if allowed and self.headers.get("Origin") == origin:
                    self.send_header("Access-Control-Allow-Origin", origin)
                    self.send_header("Access-Control-Allow-Headers", headers)
                    if exposed:
                        self.send_header("Access-Control-Expose-Headers", "Location, X-Request-Id")
                self.end_headers()
                if self.path == "/config.js":
                    sign_in = '{ issuer: "https://issuer" }' if signs_in else "null"
                    self.wfile.write(f'export const apiBase = "{origin if knows else ""}/api";{sign_in}'.encode())
                elif self.path in broken:
                    self.wfile.write(b'{"checks": "BFL_API_KEY is missing"}')

            do_GET = do_OPTIONS = answer

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_deployment_that_works_has_no_problems(serve: Serve) -> None:
    site = serve()

    assert smoke_test.main(site, site + "/") is None


def test_a_deployment_where_callers_sign_in_works_too(serve: Serve) -> None:
    site = serve(jobs=401, signs_in=True)

    assert list(smoke_test.problems(site, site)) == []


def test_the_job_that_is_asked_for_could_be_one() -> None:
    assert is_job_id(smoke_test.NO_JOB)


def test_an_app_that_is_down_is_all_that_is_told(serve: Serve) -> None:
    site = serve(broken=("/api/health", "/api/health/ready"))

    assert [problem.split(":")[0] for problem in smoke_test.problems(site, site)] == ["the app is not up"]


def test_nobody_at_the_address_is_an_app_that_is_down() -> None:
    assert next(smoke_test.problems("http://127.0.0.1:1", "http://127.0.0.1:1")).startswith("the app is not up")


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ({"broken": ("/api/health/ready",)}, "BFL_API_KEY is missing"),
        ({"headers": "Idempotency-Key"}, "browsers may not call the API"),
        ({"exposed": False}, "may not read the API's answers"),
        ({"knows": False}, "the page does not know the API"),
        ({"jobs": 401, "forged": 404, "signs_in": True}, "a caller who only says who they are is believed"),
        ({"jobs": 500}, "nobody can be let in"),
        ({"jobs": 401}, "the page thinks otherwise"),
        ({"signs_in": True}, "the page thinks otherwise"),
    ],
)
def test_what_is_wrong_is_said_when_patience_ends(
    site: dict[str, object], said: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke_test, "PATIENCE_SECONDS", 0)
    address = serve(**site)

    problem = smoke_test.main(address, address)

    assert problem is not None
    assert said in problem
    assert "\n" not in problem


def test_a_page_of_an_unknown_origin_is_told_twice(serve: Serve) -> None:
    site = serve(allowed=False)

    assert [problem.split(" ")[0] for problem in smoke_test.problems(site, site)] == ["browsers", "pages"]


def test_the_workflow_runs_it_with_pinned_actions_and_without_secrets(tmp_path: Path) -> None:
    project = Infra(tmp_path / "project", compiler="not needed")

    assert "python infra/smoke_test.py" in project.workflows["deploy-environment.yml"]
    assert [*check_actions(project), *check_deployment_order(project)] == []
    assert "secrets." not in "".join(project.workflows.values())
