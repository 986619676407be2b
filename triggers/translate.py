"""POST /api/{ppl-gen|goods-gen}/translate: a prompt in English, before it is sent."""

import asyncio
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared.domain.generation import PROMPT_MAX_CHARACTERS
from shared.domain.kinds import KINDS, Kind
from shared.domain.problem import Problem, ProblemError, invalid_fields
from shared.services import services
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
    # Only who may make pictures may use the translator, which is paid for.
    owner(req)
    translation = await asyncio.to_thread(services().translator.to_english, _prompt(req))
    return json_response({"translated_text": translation.text, "detected_language": translation.detected_language})


def _prompt(req: func.HttpRequest) -> str:
    try:
        body = req.get_json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ProblemError(Problem("invalid_request", params={"reason": "JSON"}))
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not 1 <= len(prompt.strip()) <= PROMPT_MAX_CHARACTERS:
        raise ProblemError(
            invalid_fields((
                "prompt", f"1자에서 {PROMPT_MAX_CHARACTERS}자 사이로 입력해 주세요.",
                f"Must have 1 to {PROMPT_MAX_CHARACTERS} characters.",
            ))
        )  # fmt: skip
    return prompt.strip()
