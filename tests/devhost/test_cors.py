"""Preflights end at the host, as on Flex Consumption; what an app says of CORS reaches browsers all the same."""

import pytest
import requests

from devhost.cors import HostCors
from tests.patience import PATIENCE
from tests.preflights import PREFLIGHTS

from .conftest import RunningHost, StartHost

PAGE, OTHER, EVIL = "https://page.example", "https://other.example", "https://evil.example"
APP = """
import azure.functions as func
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route("open", methods=["GET", "OPTIONS"])
async def open_to_all(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Expose-Headers": "X-One", "Vary": "Accept"}
    return func.HttpResponse(req.method, headers=headers)
"""


@pytest.mark.parametrize("asked", PREFLIGHTS)
def test_a_preflight_of_an_allowed_origin_may_ask_for_anything(asked: dict[str, str]) -> None:
    answer = HostCors([PAGE, OTHER]).preflight("OPTIONS", {"Origin": PAGE, **asked})

    assert answer is not None
    assert answer["Access-Control-Allow-Origin"] == PAGE
    assert answer["Access-Control-Allow-Methods"] == asked["Access-Control-Request-Method"]
    wanted = asked.get("Access-Control-Request-Headers", "").replace(" ", "")
    assert answer.get("Access-Control-Allow-Headers", "") == wanted
    assert answer["Vary"] == "Origin"
    assert "Access-Control-Max-Age" not in answer
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("origins", [[], [OTHER], [PAGE]])
def test_a_preflight_of_any_other_origin_is_answered_with_nothing(origins: list[str]) -> None:
    assert HostCors(origins).preflight("OPTIONS", {"Origin": EVIL, **PREFLIGHTS[0]}) == {}


def test_a_single_origin_does_not_vary_and_a_star_is_told_as_one() -> None:
    assert HostCors([PAGE]).added({"Origin": PAGE}) == {"Access-Control-Allow-Origin": PAGE}
    assert HostCors(["*"]).added({"Origin": EVIL}) == {"Access-Control-Allow-Origin": "*"}
    assert HostCors([PAGE]).added({}) == {}


@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", {"Origin": PAGE, **PREFLIGHTS[0]}), ("OPTIONS", {"Origin": PAGE}), ("OPTIONS", PREFLIGHTS[0])],
)
def test_what_is_no_preflight_goes_on(method: str, headers: dict[str, str]) -> None:
    assert HostCors([PAGE]).preflight(method, headers) is None


@pytest.fixture
def host(start_host: StartHost, monkeypatch: pytest.MonkeyPatch) -> RunningHost:
    monkeypatch.setenv("PAGES", f"{PAGE}/, {OTHER}")
    return start_host(APP, "--cors-setting", "PAGES")


def test_the_host_answers_preflights_and_leaves_the_apps_headers(host: RunningHost) -> None:
    url = f"{host.url}/api/open"
    for asked in PREFLIGHTS:
        preflight = requests.options(url, headers={"Origin": PAGE, **asked}, timeout=PATIENCE)
        assert (preflight.status_code, preflight.content) == (204, b"")
        assert preflight.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Access-Control-Expose-Headers" not in preflight.headers, "the app was not asked"
        refused = requests.options(url, headers={"Origin": EVIL, **asked}, timeout=PATIENCE)
        assert refused.status_code == 204
        assert not [name for name in refused.headers if name.lower().startswith("access-control")]
    answer = requests.get(url, headers={"Origin": OTHER}, timeout=PATIENCE)
    assert answer.headers["Access-Control-Allow-Origin"] == OTHER, "the host's word is the last"
    assert answer.headers["Access-Control-Expose-Headers"] == "X-One"
    assert answer.headers["Vary"] == "Accept, Origin"
    stranger = requests.get(url, headers={"Origin": EVIL}, timeout=PATIENCE)
    assert stranger.headers["Access-Control-Allow-Origin"] == "https://app.example", "what the app says stays"
    assert requests.options(url, headers={"Origin": PAGE}, timeout=PATIENCE).text == "OPTIONS"
    durable = requests.options(
        f"{host.url}/runtime/webhooks/durabletask/instances", headers={"Origin": PAGE, **PREFLIGHTS[0]}, timeout=PATIENCE
    )
    assert durable.status_code == 204
