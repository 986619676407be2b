"""Decide once what is sent of a creator's words: their translation, or themselves.

The words and their translation stay in the job's document: the story hears only that it is decided.
"""

import asyncio
import logging

import azure.durable_functions as df

from shared import names, telemetry, threads
from shared.domain.job import Document, is_wanted
from shared.domain.payloads import TranslateAnswer, TranslateOrder
from shared.domain.problem import ProblemError
from shared.domain.translation import is_open, source_of, with_translation, without_translation
from shared.services import Services, services
from shared.storage.job_store import NoSuchJob
from shared.storage.submission_store import Attempt
from shared.translator import ANSWER_SECONDS

blueprint = df.Blueprint()


@blueprint.activity_trigger(input_name="payload", activity=names.TRANSLATE_PROMPT)
async def translate_prompt(payload: dict) -> dict:  # type: ignore[type-arg]  # the worker refuses dict[...]
    with telemetry.step(names.TRANSLATE_PROMPT, payload):
        return await translate(services(), payload)  # type: ignore[arg-type,return-value]


async def translate(services: Services, payload: TranslateOrder) -> TranslateAnswer:
    """`decided`: the document says what is sent, and goes on saying it. `again`: the translator failed, and may be asked again;
    the last time its failure is the decision."""
    document = await threads.run(services.jobs.read, payload["job_id"])
    if document is None or not is_wanted(document) or not is_open(document):
        return {"state": "decided"}
    text = None
    # A run that died may have begun on another version, which sends without having decided.
    if not payload["start"] or not await threads.run(_was_sent, services, document):
        text = await _in_english(services, document)
        if text is None and not payload["is_last"]:
            return {"state": "again"}
    await threads.run(_decide, services, document, text)
    return {"state": "decided"}


async def _in_english(services: Services, document: Document) -> str | None:
    """None where the translator, or what lets us in there, gives no answer in time."""
    prompt = document["input"]["prompt"]
    asking = asyncio.ensure_future(threads.run(services.translator.to_english, prompt, source_of(prompt)))
    # The bound is on vault and identity too. A thread cannot be stopped, but its answer comes to nothing then.
    await asyncio.wait((asking,), timeout=ANSWER_SECONDS)
    if not asking.done():
        asking.add_done_callback(lambda late: late.cancelled() or late.exception())
        reason = "no answer in time"
    else:
        try:
            return asking.result().text
        except ProblemError as error:
            reason = error.problem.code
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the translator, a picture can be made
            reason = type(error).__name__
    telemetry.event("translation_failed", logging.WARNING, job_id=document["id"], reason=reason)
    return None


def _decide(services: Services, document: Document, text: str | None) -> None:
    """Of several runs of this activity the first one's word stands."""
    try:
        services.jobs.update(
            document["id"], lambda known: without_translation(known) if text is None else with_translation(known, text)
        )
    except NoSuchJob:
        # Deleted and forgotten meanwhile: nothing is sent.
        return


def _was_sent(services: Services, document: Document) -> bool:
    pictures = range(len(document["seeds"]))
    return any(services.submissions.find(Attempt(document["id"], index, 1)) is not None for index in pictures)
