"""CORS as the Functions host does it on Flex Consumption: preflights never reach an app.

Azure/azure-functions-host, CorsOptionsSetup and JobHostCorsMiddleware: one policy of the site's origins, always there, that
allows any method and header; dotnet/aspnetcore, CorsMiddleware and CorsService: how such a policy answers.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HostCors:
    """The site's CORS. Without origins preflights are answered all the same, with nothing that a browser accepts."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = tuple(origins)

    def preflight(self, method: str, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The headers of the 204 that answers a preflight, None for what is none."""
        if method != "OPTIONS" or "Origin" not in headers or "Access-Control-Request-Method" not in headers:
            return None
        answer = self.added(headers)
        if answer:
            answer["Access-Control-Allow-Methods"] = headers["Access-Control-Request-Method"]
            if wanted := [part.strip() for part in headers.get("Access-Control-Request-Headers", "").split(",") if part.strip()]:
                answer["Access-Control-Allow-Headers"] = ",".join(wanted)
        return answer

    def added(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What is set on the answer to any request of an origin that may read it; everything else the app says stays."""
        origin = headers.get("Origin", "")
        if not origin or not ("*" in self._origins or origin in self._origins):
            return {}
        if "*" in self._origins:
            return {"Access-Control-Allow-Origin": "*"}
        return {"Access-Control-Allow-Origin": origin, **({"Vary": "Origin"} if len(self._origins) > 1 else {})}

    @property
    def middleware(self) -> Middleware:
        """In front of everything that the host serves, Durable's own API too."""

        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            preflight = self.preflight(request.method, request.headers)
            if preflight is not None:
                return web.Response(status=204, headers=preflight)
            response = await handler(request)
            for name, value in self.added(request.headers).items():
                # The host appends to Vary and replaces the other.
                if name == "Vary":
                    response.headers.add(name, value)
                else:
                    response.headers[name] = value
            return response

        return answer
