"""POST /api/{ppl-gen|goods-gen}/translate: a prompt in English, before it is sent."""

import asyncio

import azure.durable_functions as df
import azure.functions as func

from shared.domain.generation import PROMPT_MAX_CHARACTERS
from shared.domain.problem import Problem, ProblemError, invalid_fields
from shared.services import services
from triggers.edge import endpoint, json_response, owner

blueprint = df.Blueprint()


@blueprint.function_name("translate_ppl")
@blueprint.route("ppl-gen/translate", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def translate_ppl(req: func.HttpRequest) -> func.HttpResponse:
    return await translate(req)


@blueprint.function_name("translate_goods")
@blueprint.route("goods-gen/translate", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def translate_goods(req: func.HttpRequest) -> func.HttpResponse:
    return await translate(req)


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
