"""GET /api/problems and /api/problems/{code}: what a problem's `type` leads to, written from the catalogue in both languages."""

from html import escape

import azure.durable_functions as df
import azure.functions as func

from shared.domain.problem import CATALOGUE, FIELD_CODES, Kind, Problem, ProblemError, without_values
from triggers.edge import endpoint

blueprint = df.Blueprint()

_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Content-Language": "ko, en",
    # Nothing of it runs, and nothing is fetched.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8883;padding:0 .3em}"
)


@blueprint.function_name("problem_catalogue")
@blueprint.route("problems", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def problem_catalogue(req: func.HttpRequest) -> func.HttpResponse:
    """Every problem that there is. Also for who is not signed in: the platform leaves out exact addresses only, this one."""
    listed = sorted(CATALOGUE, key=lambda code: (CATALOGUE[code].status, code))
    links = "".join(f'<li><a href="#{code}"><code>{code}</code></a> {escape(CATALOGUE[code].title_en)}</li>' for code in listed)
    return _page("오류 · Problems", f"<h1>오류 · Problems</h1><ul>{links}</ul>{''.join(map(_told, listed))}")


@blueprint.function_name("problem_page")
@blueprint.route("problems/{code}", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def problem_page(req: func.HttpRequest) -> func.HttpResponse:
    """What a problem of this code means and what to do, in Korean and English."""
    code: str = req.route_params["code"]
    if code not in CATALOGUE:
        raise ProblemError(Problem("not_found"))
    return _page(code, _told(code))


def _told(code: str) -> str:
    kind = CATALOGUE[code]
    fields = _field_codes() if code == "validation_failed" else ""
    head = f"<h2><code>{code}</code> · HTTP {kind.status}</h2>"
    return f'<article id="{code}">{head}{_in_korean(kind)}{_in_english(kind)}{fields}</article>'


def _in_korean(kind: Kind) -> str:
    again = "같은 요청을 나중에 다시 보내면 될 수 있습니다." if kind.retryable else "같은 요청을 다시 보내도 결과는 같습니다."
    return (
        f'<section lang="ko"><h3>{escape(kind.title_ko)}</h3><p>{_sentence(kind.detail_ko)}</p><p>{again} '
        "오류마다 <code>retryable</code>이 다를 수 있고, 비용은 <code>charged</code>(yes, no, unknown)가 알려 줍니다.</p>"
        "</section>"
    )


def _in_english(kind: Kind) -> str:
    again = "The same request may work later." if kind.retryable else "The same request will fail again."
    return (
        f'<section lang="en"><h3>{escape(kind.title_en)}</h3><p>{_sentence(kind.detail_en)}</p><p>{again} '
        "<code>retryable</code> says so of each, and <code>charged</code> (yes, no, unknown) says whether it was paid for.</p>"
        "</section>"
    )


def _sentence(text: str) -> str:
    return escape(without_values(text), quote=False)


def _field_codes() -> str:
    rows = [f"<li><code>{code}</code> {escape(ko)} {escape(en)}</li>" for code, (ko, en) in FIELD_CODES.items()]
    return f"<h3><code>errors[].code</code></h3><ul>{''.join(rows)}</ul>"


def _page(title: str, body: str) -> func.HttpResponse:
    html = (
        '<!doctype html><html lang="ko"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{body}</body></html>"
    )
    return func.HttpResponse(html.encode(), mimetype="text/html", charset="utf-8", headers=dict(_HEADERS))
