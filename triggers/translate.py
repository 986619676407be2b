"""POST /api/{ppl-gen|goods-gen}/translate: a prompt in English, before it is sent."""

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared import limits, threads
from shared.domain.generation import checked_prompt
from shared.domain.kinds import KINDS, Kind
from shared.domain.problem import ProblemError, invalid_fields
from shared.services import services
from shared.translator import Translation
from triggers.bodies import read_json_object
from triggers.edge import endpoint, json_response, owner

blueprint = df.Blueprint()


def _serve(kind: Kind) -> Any:
    """The route of a kind."""

    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        return await translate(req)

    # What its requests are called in a trace.
    handler.__name__ = f"translate_{kind.name}"
    route = blueprint.route(f"{kind.route}/translate", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
    return blueprint.function_name(handler.__name__)(route(endpoint(handler)))


BY_KIND = {kind.name: _serve(kind) for kind in KINDS.values()}


async def translate(req: func.HttpRequest) -> func.HttpResponse:
    # Only who may make pictures may use the translator, which is paid for; and no more than a limit allows.
    translation = await threads.run(_translated, owner(req), _prompt(req))
    return json_response({"translated_text": translation.text, "detected_language": translation.detected_language})


def _translated(who: str, prompt: str) -> Translation:
    app = services()
    if app.translator.is_configured:
        limits.admit_translation(app, who, prompt)
    return app.translator.to_english(prompt)


def _prompt(req: func.HttpRequest) -> str:
    prompt = read_json_object(req, '{"prompt": "..."}').get("prompt")
    if not isinstance(prompt, str):
        raise ProblemError(
            invalid_fields(
                ("prompt", "번역할 글을 문자열로 보내 주세요.", "Send the text to translate as a string.", "wrong_type")
            )
        )
    return checked_prompt(prompt)
