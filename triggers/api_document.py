"""GET /api/openapi.json and /api/docs: the contract, for programs and for people."""

import functools
import hashlib
import json

import azure.durable_functions as df
import azure.functions as func

from shared import threads
from shared.domain.kinds import KINDS
from shared.services import services
from triggers.edge import base_url, endpoint

blueprint = df.Blueprint()

_CACHE = "public, max-age=300"


@blueprint.function_name("get_openapi")
@blueprint.route("openapi.json", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    data = await threads.run(_document, base_url(req), _models())
    return _answer(req, data, "application/json")


@blueprint.function_name("get_docs")
@blueprint.route("docs", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def get_docs(req: func.HttpRequest) -> func.HttpResponse:
    """The whole document in one page, without a script or anything from elsewhere."""
    data, policy = await threads.run(_page, base_url(req), _models())
    answer = _answer(req, data, "text/html")
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _models() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((kind.name, tuple(g.name for g in services().generators_of(kind))) for kind in KINDS.values())


# Built when somebody asks, and imported no sooner.
@functools.lru_cache(maxsize=8)
def _document(server: str, models: tuple[tuple[str, tuple[str, ...]], ...]) -> bytes:
    from triggers.contract.document import build

    return json.dumps(build(server, dict(models)), ensure_ascii=False).encode()


@functools.lru_cache(maxsize=8)
def _page(server: str, models: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[bytes, str]:
    from triggers.contract.document import build
    from triggers.contract.page import POLICY, page

    return page(build(server, dict(models))).encode(), POLICY


def _answer(req: func.HttpRequest, data: bytes, mimetype: str) -> func.HttpResponse:
    etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
    headers = {"ETag": etag, "Cache-Control": _CACHE}
    if etag in [tag.strip().removeprefix("W/") for tag in req.headers.get("if-none-match", "").split(",")]:
        return func.HttpResponse(status_code=304, headers=headers)
    return func.HttpResponse(data, mimetype=mimetype, charset="utf-8", headers=headers)
