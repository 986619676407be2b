"""Requests by queue: what is taken, once; what is told, and to whom; and what poison is."""

from tests.mutants.mutant import Mutant, of

TAKEN, STORED = "tests/triggers/test_generation_requests.py", "tests/integration/test_queues.py"
WORDS = "tests/unit/test_queue_messages.py"
trigger = of("triggers/generation_requests.py", TAKEN)
messages = of("shared/domain/queue_messages.py", WORDS, TAKEN, STORED)
telling = of("shared/announcing.py", TAKEN)
finish = of("activities/finish_job.py", TAKEN)
starting = of("shared/starting.py", TAKEN)
generate = of("triggers/generate.py", TAKEN)
housekeeping = of("triggers/housekeeping.py", TAKEN)
settings = of("shared/settings.py", "tests/unit/test_settings.py")
blobs = of("shared/storage/intake_blobs.py", STORED)
queues = of("shared/storage/queues.py", STORED)
ops = of("ops/intake.py", STORED)
keys = of("shared/storage/key_store.py", TAKEN, "tests/triggers/test_housekeeping.py", "tests/unit/test_key_store.py")
host = of("devhost/background_triggers.py", "tests/devhost/test_queues.py")

QUEUE: tuple[Mutant, ...] = (
    # ---- taken once ----
    trigger("a message that comes again is paid again", "BY_QUEUE + asked.key", '""'),
    trigger("a key by HTTP finds a queued job", "BY_QUEUE + asked.key", "asked.key.removeprefix('key:')"),
    of("shared/storage/key_store.py", TAKEN)(
        "a queued request is paid again after a day",
        "QUEUED_KEY_KEPT = timedelta(days=15)",
        "QUEUED_KEY_KEPT = timedelta(hours=24)",
    ),
    keys("a queued request's key lies among those of a day", "_QUEUED_KEYS if key.startswith(BY_QUEUE) else _KEYS", "_KEYS"),
    keys("keys of queued requests stay for ever", "for folder in (_KEYS, _QUEUED_KEYS)", "for folder in (_KEYS,)"),
    keys("the key of a queued request is swept after a day", "_kept(folder) - _MARGIN", "KEY_KEPT - _MARGIN"),
    trigger("a message whose blobs are gone is refused though its job runs", "        return known, True\n", "        raise\n"),
    trigger("a key stands for any message", 'known.get("queued", {}).get("request") != queued["request"]', "False"),
    messages("a key is not read", 'f"key:{key}" if key is not None else', ""),
    messages("a message has no key of its own", 'else f"id:{message_id}"', 'else "id:"'),
    messages("a key may be an id", 'f"key:{key}" if', 'f"id:{key}" if'),
    trigger("a delivery that finds another at it is refused", '"busy", "idempotency_in_progress")', '"busy")'),
    trigger("what storage did not do is refused for good", '_ANOTHER_TIME = ("internal", ', "_ANOTHER_TIME = ("),
    trigger("a queued job is nobody's", "app.settings.intake_owner", '"nobody"'),
    trigger("a job is accepted and not begun", "document = await ensure_started(app", "document = await _unstarted(app"),
    # ---- images ----
    messages("a name leads out of its container", 'and not {".", ".."}.intersection(name.split("/"))', ""),
    blobs("a name leads out of its container where nobody looked before", "if not is_blob_name(name):", "if False:"),
    blobs("all of a huge blob is read", "length=at_most + 1", "length=at_most + 10_000_000"),
    blobs("an empty blob is a failure of storage", "if error.status_code != _NO_SUCH_RANGE:", "if True:"),
    trigger("a blob that is gone is a failure of storage", "except Missing:", "except ZeroDivisionError:"),
    # ---- told ----
    trigger("nobody hears of a job", "await threads.run(announcing.accepted, app, document, correlation_id)", "pass"),
    trigger("nobody hears of a refusal", "await threads.run(announcing.refused, app, error.problem, correlation_id)", "pass"),
    finish("nobody hears of an end", "    announcing.ended(services, document)\n", ""),
    finish(
        "an end that could not be told is not told",
        "announcing.ended(services, document)",
        "announcing.ended_or_not_told(services, document)",
    ),  # noqa: E501
    starting("nobody hears of a job that was given up", "        announcing.ended_or_not_told(app, document)\n", ""),
    starting("a job cannot be given up while its end cannot be told", "announcing.ended_or_not_told(app", "announcing.ended(app"),
    telling("the queue hears of jobs that came by HTTP", "if correlation_id is not None:", "if True:"),
    messages("a refusal does not name the fields", '"fields": _fields(problem.errors)', '"fields": []'),
    messages("a refusal for now is one for good", '"retryable": problem.is_retryable', '"retryable": False'),
    messages("an end does not say why", 'error["code"] if error else None', "None"),
    generate(
        "a queued job does not know what it was asked as", 'made.document | {"request_id": asked_as}', '{"request_id": asked_as}'
    ),
    # ---- secrets ----
    trigger(
        "an error of others is logged in its own words",
        "else type(error).__name__\n        telemetry",
        "else str(error)\n        telemetry",
    ),  # noqa: E501
    trigger(
        "the error that caused it leaves the function", "raise NotTaken(reason) from None", "raise NotTaken(reason) from error"
    ),
    messages("half a character is let in", "        json.dumps(message, ensure_ascii=False).encode()\n", ""),
    messages("what is no number is read", "json.loads(text, parse_constant=_refuse)", "json.loads(text)"),
    messages("a correlation id may be anything", "and _CORRELATION.fullmatch(given)", ""),
    messages("an unknown field passes", "for name in sorted(set(message) - set(_NAMES)):", "for name in ():"),
    # ---- off ----
    settings("intake is on by itself", 'switch("INTAKE_QUEUE", False)', 'switch("INTAKE_QUEUE", True)'),
    settings(
        "intake takes jobs that nobody can have", 'elif intake_queue and auth_mode != "none" and not intake_owner:', "elif False:"
    ),  # noqa: E501
    settings("a closed app takes jobs", 'or auth_mode == "closed":', "or False:"),
    housekeeping("where there is no queue its poison is looked at", "if app.settings.intake_queue:", "if True:"),
    housekeeping("nobody says that there is poison", "    if waiting:", "    if False:"),
    # ---- poison ----
    ops("a message without a key is paid again", '_looked_at(message.content)["key"] and ', ""),
    of("ops/intake.py", "tests/ops/test_given_back.py")(
        "a message whose key is forgotten is paid again", "<= _KEY_IS_KNOWN.total_seconds()", "> 0"
    ),
    ops("poison is no finding", "FOUND if lengths[POISON] else 0", "0"),
    ops("a message is deleted that nobody named", 'wanted in ("all", message.id)', "True"),
    queues("what is not wanted is hidden", "queue.update_message(message, visibility_timeout=0)", "pass"),
    queues("a missing queue stays missing", "queue.create_queue()", "pass"),
    host(
        "what fails too often comes for ever", "message.dequeue_count >= rules.max_dequeue_count", "message.dequeue_count > 999"
    ),
    host("what fails comes again at once", "int(rules.visibility_seconds)", "0"),
    host(
        "what is not encoded is handed over",
        "    except ValueError:\n        return None",
        "    except ValueError:\n        return str(message.content)",
    ),  # noqa: E501
    host("all messages are taken at once", "while len(running) > self._rules.new_batch_threshold:", "while len(running) > 999:"),
    host("a killer is called again", "message.dequeue_count > rules.max_dequeue_count", "message.dequeue_count > 999"),
    host("poison has poison", "None if name.endswith(_POISON) else poison", "poison"),
)
