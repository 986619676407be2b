"""Every other address: 404, or 405 where only the method is wrong. The host itself would answer with an empty 404."""

import re

import azure.durable_functions as df
import azure.functions as func

from shared.domain.kinds import GOODS, KINDS
from shared.domain.problem import Problem
from triggers.edge import endpoint, problem_response

blueprint = df.Blueprint()

#: What there is, and with which methods; a test compares it with the app.
ROUTES: dict[str, tuple[str, ...]] = {
    **{f"{kind.route}/generate": ("POST",) for kind in KINDS.values()},
    **{f"{kind.route}/translate": ("POST",) for kind in KINDS.values()},
    f"{GOODS.route}/sheet": ("POST",),
    "jobs": ("GET", "HEAD"),
    "jobs/claim": ("POST",),
    "jobs/{id}": ("GET", "HEAD", "DELETE"),
    "jobs/{id}/result": ("GET", "HEAD"),
    "jobs/{id}/cancel": ("POST",),
    "jobs/{id}/retry": ("POST",),
    "options": ("GET", "HEAD"),
    "usage": ("GET", "HEAD"),
    "problems": ("GET", "HEAD"),
    "problems/{code}": ("GET", "HEAD"),
    "health": ("GET", "HEAD"),
    "health/ready": ("GET", "HEAD"),
    "webhooks/replicate": ("POST",),
    "webhooks/secret": ("GET", "HEAD"),
    "webhooks/secret/rotate": ("POST",),
    "openapi.json": ("GET", "HEAD"),
    "docs": ("GET", "HEAD"),
}


_PARAMETER = re.compile(r"\{\w+\}")


# The host tries functions in the order of their names, and the first route that fits wins (durable-host reference 1.8).
@blueprint.function_name("zz_no_route")
@blueprint.route("{*rest}", auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def no_route(req: func.HttpRequest) -> func.HttpResponse:
    methods = _methods(req.route_params.get("rest", ""))
    if not methods:
        return problem_response(req, Problem("not_found"))
    return problem_response(req, wrong_method(methods))


def wrong_method(methods: tuple[str, ...]) -> Problem:
    """What an address answers that takes these methods only."""
    return Problem("method_not_allowed", params={"methods": ", ".join(methods)})


def _methods(path: str) -> tuple[str, ...]:
    """Of the address, whose fixed words are in any case; empty when there is nothing under it."""
    for template, methods in ROUTES.items():
        if re.fullmatch(_PARAMETER.sub("[^/]+", template), path.removesuffix("/"), re.IGNORECASE):
            return methods
    return ()
