"""What a picture owes, what is sent once, what is on record, and how it ends."""

from tests.mutants.mutant import Mutant, of

ledger = of("shared/domain/ledger.py", "tests/unit/test_ledger.py")
submission = of("shared/domain/submission.py", "tests/unit/test_submission.py")
outcomes = of("shared/domain/outcomes.py", "tests/unit/test_outcomes.py")
watch = of("shared/domain/watch.py", "tests/unit/test_watch.py")
job = of(
    "shared/domain/job.py", "tests/unit/test_job.py", "tests/unit/test_rules_of_money.py", "tests/unit/test_tunables.py",
    "tests/activities/test_finish_and_keep.py", "tests/triggers/test_starting_again.py",
)  # fmt: skip
problem = of("shared/domain/problem.py", "tests/unit/test_ledger.py", "tests/unit/test_problem.py")
deciding = of("shared/domain/starting.py", "tests/unit/test_starting.py")
new_hub = of("shared/domain/starting.py", "tests/orchestrators/test_new_hub.py")
starting = of(
    "shared/starting.py", "tests/triggers/test_starting_again.py", "tests/triggers/test_housekeeping.py",
    "tests/unit/test_giving_up.py", "tests/triggers/test_owners.py", "tests/rare/test_operators.py",
)  # fmt: skip
ordering = of(
    "shared/starting.py", "tests/triggers/test_models.py", "tests/triggers/test_generate.py", "tests/triggers/test_mappings.py"
)
submit = of(
    "activities/submit_prediction.py", "tests/activities/test_submit_prediction.py", "tests/activities/test_lost_sends.py",
    "tests/activities/test_gate.py", "tests/activities/test_leftover_runs.py", "tests/activities/test_check_prediction.py",
    "tests/rare/test_unrecorded.py",
)  # fmt: skip
check = of(
    "activities/check_prediction.py", "tests/activities/test_check_prediction.py", "tests/activities/test_leftover_runs.py"
)
LATE = (
    "tests/activities/test_finish_and_keep.py",
    "tests/activities/test_leftover_runs.py",
    "tests/activities/test_forget_jobs.py",
)
finish = of("activities/finish_job.py", *LATE)
keep = of("activities/keep_leftover.py", *LATE)
cancel = of("activities/cancel_prediction.py", "tests/activities/test_cancel_prediction.py")
records = of(
    "shared/storage/submission_store.py", "tests/activities/test_lost_sends.py", "tests/activities/test_leftover_runs.py",
    "tests/rare/test_unrecorded.py",
)  # fmt: skip
claims = of("shared/storage/job_store.py", "tests/rare/test_unrecorded.py", "tests/activities/test_forget_jobs.py")
STORIES = "tests/orchestrators/test_"
one_picture = of(
    "orchestrators/make_picture.py", STORIES + "courses.py", STORIES + "one_picture.py", STORIES + "sending.py",
    STORIES + "records.py",
)  # fmt: skip
sending = of(
    "orchestrators/sending.py", STORIES + "courses.py", STORIES + "sending.py", STORIES + "one_picture.py",
    STORIES + "starting_again.py", STORIES + "lost_and_slow.py", "tests/rare/test_unrecorded.py",
)  # fmt: skip
ran = of("orchestrators/watching.py", STORIES + "watching.py")
left = of("shared/domain/watch.py", STORIES + "watching.py")
watching = of("orchestrators/watching.py", STORIES + "watching.py", STORIES + "leftovers.py", STORIES + "one_picture.py")
several = of(
    "orchestrators/generate_job.py",
    STORIES + "courses.py",
    STORIES + "several_pictures.py",
    STORIES + "leftovers.py",
    STORIES + "starting_again.py",
)

MONEY: tuple[Mutant, ...] = (
    # ---- the ledger ----
    ledger("an open send is ignored by `charged`", '"open": "unknown"', '"open": "no"'),
    ledger("a prediction that runs is said to cost nothing", '"accepted": "unknown"', '"accepted": "no"'),
    ledger("a run that may be billed is said to cost nothing", '"may be charged": "unknown"', '"may be charged": "no"'),
    ledger("a paid picture is said to be uncertain", '"paid": "yes",\n}  # fmt', '"paid": "unknown",\n}  # fmt'),
    ledger("a refused send is said to be uncertain", '"refused": "no"', '"refused": "unknown"'),
    ledger("an end that may be billed counts as free", '"unknown": "may be charged"', '"unknown": "free"'),
    ledger(
        "what is known to be paid is lowered by a later end",
        'if last is None or self.sends[last].state == "paid":',
        "if last is None:",
    ),
    ledger("the end of a prediction is noted at the lost send before it", "last = max((i", "last = min((i"),
    ledger("what was known of an attempt is kept beside what is known now", "if send.attempt != attempt)", "if attempt)"),
    ledger(
        "a job with an uncertain send is settled", 'return all(send.charged != "unknown"', 'return any(send.charged != "unknown"'
    ),
    ledger("a send that nobody knows of is not open", 'any(send.state == "open" for', 'any(send.state == "lost" for'),
    ledger("a repeat that was refused counts as a duplicate", ' and later.state != "refused"', ""),
    ledger(
        "possible_duplicate is overwritten by a later send",
        "for i, send in enumerate(self.sends)\n            for later",
        "for i, send in enumerate(self.sends[-2:])\n            for later",
    ),
    ledger("a second prediction counts as a duplicate", "and later.attempt == send.attempt ", ""),
    ledger("a lost send counts as an attempt", 'send.state not in ("open", "refused")', 'send.state not in ("refused",)'),
    ledger(
        "what may be charged is added to the cost",
        'for send in self.sends if send.state == "paid")\n\n    def open_usd',
        'for send in self.sends if send.state != "refused")\n\n    def open_usd',
    ),
    problem("paid and uncertain together are uncertain", '= ("no", "unknown", "yes")', '= ("no", "yes", "unknown")'),
    problem("nothing sent is uncertain", 'key=order.index, default="no")', 'key=order.index, default="unknown")'),
    # ---- the record of an attempt ----
    submission("a send is repeated twice", "MAX_SENDS = 2", "MAX_SENDS = 3"),
    submission(
        "an attempt with a prediction is sent again",
        '"submitted": frozenset({"ended"})',
        '"submitted": frozenset({"ended", "sending"})',
    ),
    submission("an attempt that was given up is sent again", '"canceled": frozenset(),', '"canceled": frozenset({"sending"}),'),
    submission("an attempt that failed is sent again", '"failed": frozenset(),', '"failed": frozenset({"sending"}),'),
    submission(
        "a repeat forgets the send that is still open",
        'sends = self.sends if self.sends and self.sends[-1] == "open" else self.sends[:-1]',
        "sends = self.sends[:-1]",
    ),
    submission(
        "a refusal resets the count of sends",
        'return self._moved("refused", [*self.sends[:-1], "refused"])',
        'return self._moved("refused", [])',
    ),
    submission(
        "a refusal resets the duplicate flag",
        'return self._moved("refused", [*self.sends[:-1], "refused"])',
        'return self._moved("refused", ["refused"])',
    ),
    submission("a found prediction hides the lost send before it", '[*self.sends[:-1], "accepted"]', '["accepted"]'),
    submission("the end of a prediction hides the lost send before it", "[*self.sends[:-1], state]", "[state]"),
    submission(
        "giving up takes an open send for refused",
        '[*sends[:-1], "refused"] if is_refused else sends, problem=dict(problem))',
        '[*sends[:-1], "refused"], problem=dict(problem))',
    ),
    submission(
        "a cancel takes an open send for refused",
        '"canceled", [*sends[:-1], "refused"] if is_refused else sends)',
        '"canceled", [*sends[:-1], "refused"])',
    ),
    submission("the former version is not told of a repeat", '"open" in sends[:-1]', '"open" in sends[1:-1]'),
    submission(
        "a repeat of the former version is forgotten",
        'return ["open", last] if self.document["possible_duplicate"] else [last]',
        "return [last]",
    ),
    submission(
        "a call that is delivered again sends again", "if asked.call > record.call else", "if asked.call >= record.call else"
    ),
    submission(
        "a send that is under way is taken for lost",
        'record.state == "sending" and age < asked.settled_after',
        'record.state == "sending" and age < REPEAT_AFTER',
    ),
    submission("the provider's list is looked through at once", "if lost_for < asked.find_looks[0]:", "if False:"),
    submission("one look at the provider's list decides", "lost_for >= asked.find_looks[-1]", "lost_for >= asked.find_looks[0]"),
    submission(
        "a lost send is repeated at once",
        'if lost_for < REPEAT_AFTER.total_seconds():\n        return Step("wait"',
        'if lost_for < 0:\n        return Step("wait"',
    ),
    submission(
        "a lost send is repeated for nobody", 'if not asked.is_wanted:\n        return Step("cancel")\n    return', "return"
    ),
    submission("a refused send is repeated for nobody", 'if not asked.is_wanted:\n            return Step("cancel")\n', ""),
    submission(
        "a verdict on record is not told but sent",
        'if record.state not in ("sending", "lost", "refused"):',
        'if record.state == "submitted":',
    ),
    # ---- what comes after a prediction ----
    outcomes("another provider is asked beside an open send", " and not ledger.is_open", ""),
    outcomes("another provider is asked for what may be paid", 'problem["charged"] == "no" or is_transient', "True"),
    outcomes("a new prediction is made when the time is over", " and not is_too_late", ""),
    outcomes("one prediction more than is allowed", "min(resubmits, max_attempts - 1)", "min(resubmits, max_attempts)"),
    outcomes(
        "a failure is repeated that is not worth it", "tries <= min(resubmits, max_attempts - 1)", "tries <= max_attempts - 1"
    ),
    outcomes(
        "moderated pictures are tried elsewhere",
        '= {\n    "provider_unavailable"',
        '= {\n    "content_moderated": ("elsewhere",),\n    "provider_unavailable"',
    ),
    # ---- the watch ----
    watch(
        "a failure after the picture was ready ends it",
        'return "end" if self.seen.paid_at is None else self._unstored(age, is_final=True)',
        'return "end"',
    ),
    watch("one not-found loses a picture", "MISSING_SECONDS, MISSING_LOOKS = 30, 3", "MISSING_SECONDS, MISSING_LOOKS = 0, 1"),
    watch("three not-founds in a moment lose a picture", " and age - since >= MISSING_SECONDS", ""),
    watch("an unusable result gets no second look", "UNUSABLE_LOOKS = 2", "UNUSABLE_LOOKS = 1"),
    watch("an unusable result is fetched for minutes", "UNUSABLE_LOOKS = 2", "UNUSABLE_LOOKS = 200"),
    watch("ready but not fetched is forgotten when the picture ends", ", seen=self.seen)", ")"),
    watch(
        "ready but not fetched is forgotten by the next look",
        "if self.seen.paid_at is not None:\n            return self._unstored(age, is_final=False)",
        "pass",
    ),
    watch(
        "what is watched on is left at once",
        'return age - self.left_at >= self.limits["leftover_timeout_seconds"]',
        'return age >= self.limits["generation_timeout_seconds"]',
    ),
    watch("no deadline stops a prediction", 'age >= self.limits["generation_timeout_seconds"] or ', ""),
    watch("a prediction is looked at for ever", ' or self.looks >= self.limits["poll_max_attempts"]', ""),
    watch("a leftover that is over is stopped again", 'return "stop" if self.left_at is None else "leave"', 'return "stop"'),
    watch("nothing is looked for early, so what became quicker is not learned", "(6, 9) if due > 0", "(9,) if due > 0"),
    watch("looks do not aim at the expected time", "(6, 9) if due > 0", "(1, 2) if due > 0"),
    watch(
        "a look before the expected time puts off the one after it",
        "if due <= 0 or delay + least <= due else max(least, due)",
        "",
    ),
    watch(
        "what it usually takes is looked for when it comes",
        "due = math.ceil(expected_seconds - MEASURED_WITHIN_SECONDS - age)",
        "due = 0",
    ),
    watch(
        "looks come closer than the poll interval",
        "delay = max(least, round(target - age))",
        "delay = max(1, round(target - age) // 2)",
    ),
    ran("a look with trouble has seen it run", ' and not look["trouble"]:', ":"),
    ran("what is heard of a look is what it saw", 'ran_at = order["asked_at"]', "ran_at = picture.now.isoformat()"),
    left("a leftover forgets when it was seen to run", "ran_at=self.ran_at, ", ""),
    watch("what was looked for a moment too early waits for a tenth more", "<= MEASURED_WITHIN_SECONDS:", "< 0:"),
    # ---- how a job ends ----
    job("one missing picture fails the job", 'if "stored" in states:', 'if states == {"stored"}:'),
    job("a job with a failed and a canceled picture is canceled", 'states == {"canceled"}', '"canceled" in states'),
    job("retention does not reach expires_at", "timedelta(days=retention_days)", "timedelta(days=30)"),
    job(
        "the cost is that of the missing pictures",
        "sum(ledger.cost_usd(prices) for ledger in ledgers)",
        "sum(ledger.cost_usd(prices) for ledger in missing)",
    ),
    job("a failed job whose late picture was paid says no", "else []) or ledgers", "else missing) or ledgers"),
    job(
        "the error of a job that succeeded tells of what was made",
        'told = (missing if document["status"] == SUCCEEDED else []) or ledgers',
        "told = ledgers",
    ),
    job("one picture's duplicate is not the job's", "any(ledger.possible_duplicate", "all(ledger.possible_duplicate"),
    job("a job is settled when one picture is", "all(ledger.is_settled", "any(ledger.is_settled"),
    job("attempts are pictures", "sum(ledger.attempts for ledger in ledgers)", "len(ledgers)"),
    job(
        "a picture's error does not tell what was charged",
        'problem = picture["problem"] and {**picture["problem"], "charged": _ledger(picture).charged}\n    return',
        'problem = picture["problem"]\n    return',
    ),
    job(
        "a running job is said to cost nothing",
        'return "unknown"\n    return worst_charge',
        'return "no"\n    return worst_charge',
    ),
    job("a canceled job is still wanted", 'not document["cancel_requested_at"] and ', ""),
    job("an ended job is still wanted", ' and not is_terminal(document["status"])\n', "\n"),
    job("a later cancel moves the time of the first", 'document["cancel_requested_at"] or at.isoformat()', "at.isoformat()"),
    job("what came late takes away what was told", 'kept = before if picture["state"] != "stored" else now', "kept = now"),
    job(
        "what came late hides what was known", "sends = _ledger(now).beside(_ledger(before)).to_payload()", 'sends = now["sends"]'
    ),
    job(
        "a late word takes up a watch that is over",
        '"is_watched": now["is_watched"] and before["is_watched"]',
        '"is_watched": now["is_watched"]',
    ),
    job("a job of before that may be charged is free", '"unknown": "may be charged"}', '"unknown": "free"}'),
    job("a canceled picture of before keeps no charge", 'document.get("charges", {}).get(str(index), told)', "told"),
    # ---- starting again ----
    new_hub(
        "a job that a new task hub does not know is left alone",
        "if runtime is None and now - _last_start(document) < START_GRACE:",
        "if runtime is None:",
    ),
    deciding("a terminal job is started", 'if is_terminal(document["status"]) and not', "if False and not"),
    deciding(
        "a job that an operator terminated is started again", 'frozenset({"Terminated", "Canceled"})', 'frozenset({"Canceled"})'
    ),
    deciding("a suspended job is started a second time", '"Running", "Suspended", ', '"Running", '),
    deciding("a job is started again without end", 'if document.get("starts", 0) >= MAX_STARTS:', "if False:"),
    deciding(
        "a job that is just being started is started again",
        "now - _last_start(document) < START_GRACE",
        "now < _last_start(document)",
    ),
    deciding(
        "everybody who sees a dead job counts a start", 'if document.get("starts", 0) != seen or has_ended:', "if has_ended:"
    ),
    job("a job is started fifty times", "MAX_STARTS: Final = 5", "MAX_STARTS: Final = 50"),
    starting(
        "two who see a dead job both start it",
        'if counted.get("starts") != seen + 1 or counted.get("started_again_at") != now.isoformat():',
        'if counted.get("starts") != seen + 1:',
    ),
    starting(
        "children of the former start go on beside the new ones", 'await client.terminate(instance, "started again")', "pass"
    ),
    starting(
        "the slot of a living child is freed when an operator has ended its job",
        "return child != job_id and await is_going_on(client, child)",
        "return False",
    ),
    starting(
        "the quota slot of a job that is given up is kept", "limits.ended(app, given_up(", "(lambda *_: None)(app, given_up("
    ),
    starting(
        "the quota slot of a job that is given up is kept for good if storage refuses it once",
        "    limits.ended(app, given_up(document, pictures, app.prices, now, progress, days))\n    document, has_ended",
        "    document, has_ended",
    ),
    starting(
        "the paid picture of a job that is given up is forgotten",
        "if kept is not None:\n        ledger",
        "if False:\n        ledger",
    ),
    starting("a job that is given up is counted each time it is seen", "if has_ended:", "if True:"),
    ordering(
        "the fallback is not asked",
        "for g in generators]\n",
        "for g in generators[:1]]\n",
    ),
    ordering("a label is not passed on", 'document["input"].get("label", "none")', '"none"'),
    ordering(
        "every picture of a job is ordered with the first seed",
        '{"index": i, "seed": seed, "preset"',
        '{"index": i, "seed": document["seeds"][0], "preset"',
    ),
    ordering(
        "the poll interval is not passed on",
        '"poll_interval_seconds": settings.poll_interval_seconds',
        '"poll_interval_seconds": 1.0',
    ),
    ordering(
        "the generation time-out is not passed on",
        '"generation_timeout_seconds": settings.generation_timeout_seconds',
        '"generation_timeout_seconds": 120',
    ),
    ordering(
        "the queue's time-out is not passed on",
        '"queue_timeout_seconds": settings.queue_timeout_seconds',
        '"queue_timeout_seconds": 600',
    ),
    ordering("another start has other settings", 'plan = document.get("plan") or plan_of(', "plan = plan_of("),
    starting(
        "pictures whose job was terminated are given up with it",
        "if await _has_living_children(client, document):",
        "if False:",
    ),
    ordering("PROVIDER_DOWN is ignored", 'settings.provider_down == "wait"', "True"),
    # ---- the step that pays ----
    submit(
        "a run that stood still sends all the same", "if self._services.now() - submission.sent_at > SEND_WITHIN:", "if False:"
    ),
    submit("a canceled job is sent", "if is_new and not wanted:", "if False:"),
    submit(
        "what nobody wants is repeated",
        'wanted = is_wanted(job) and self._is_made_here(job) and not self._payload["is_over"]',
        "wanted = True",
    ),  # noqa: E501
    submit("a lost answer is taken for a refusal", "if error.maybe_done:", "if False:"),
    submit("a refusal is taken for a lost answer", "if error.maybe_done:", "if True:"),
    submit("a used-up credit does not stop the intake", 'if error.problem.code == "provider_quota_exhausted":', "if False:"),
    submit(
        "another job's prediction is adopted",
        "if handle.id not in known and store.claim(self._generator.provider.name, handle.id, self._attempt):",
        "if handle.id not in known:",
    ),
    submit("an earlier attempt's prediction is adopted", "if handle.id not in known and store.claim", "if store.claim"),
    submit(
        "a prediction that is another's is taken for the answer",
        "if self._generator.provider.can_find and not self._is_mine(handle):",
        "if False:",
    ),
    submit(
        "a claim that storage does not take loses the prediction",
        "with contextlib.suppress(AzureError):\n            return self._services.submissions.claim(",
        "if True:\n            return self._services.submissions.claim(",
    ),
    submit(
        "what an earlier run went on from is sent again", "if following is not None:\n        # The story", "if False:\n        #"
    ),
    submit(
        "a list that cannot be read ends in a repeat",
        "if error.problem.is_retryable and not step.is_last_look:",
        "if not step.is_last_look:",
    ),
    submit(
        "every send lost is said to cost nothing",
        "# Every send was lost, so each may have been made.\n            self._change(record, submission.failed(self._unknown()",
        'self._change(record, submission.failed(self._unknown("no")',
    ),
    submit(
        "the slot of a canceled picture is kept",
        'if answer["state"] in ("failed", "canceled", "ended") or sender.is_story_over:',
        "if sender.is_story_over:",
    ),
    of("activities/submit_prediction.py", "tests/explore/test_delivered_again.py")(
        "the slot of a picture that has ended is kept", '"canceled", "ended")', '"canceled")'
    ),
    of("activities/finish_job.py", "tests/explore/test_delivered_again.py")(
        "a picture that is there is called lost",
        'if picture["state"] == "stored" or picture["is_watched"] or ledger.charged == "no":',
        "if True:",
    ),
    submit("a late run of the activity keeps its slot", " or sender.is_story_over:", ":"),
    submit(
        "a run that died and had sent is forgotten without a slot",
        "and not _is_on_its_way(record := await _record(services, attempt)):",
        "and ((record := await _record(services, attempt)) or True):",
    ),
    submit(
        "who wrote meanwhile does not count",
        "return self._overtaken(handle)",
        "return self._submitted(accepted, wanted=True)",
    ),
    submit(
        "what a run made that was overtaken goes on",
        "with contextlib.suppress(ProviderError):\n            self._generator.provider.cancel(handle)",
        "pass",
    ),
    submit(
        "what another run has found is stopped by the one that made it",
        "if found is not None and found.submission.prediction_id == handle.id:",
        "if False:",
    ),
    submit(
        "an intent that was not followed by a send stays when its job cannot be read",
        "self._services.submissions.withdraw(begun)",
        "pass",
    ),
    claims(
        "a claim whose worker died before its record was written outlives the job",
        "if any(are_open):",
        "if False:",
    ),
    submit("what is made for a forgotten job stays claimed", "store.release(self._generator.provider.name, handle.id)", "pass"),
    submit(
        "a picture that is kept is ordered again", 'if kept is not None and kept[1] == self._payload["attempt"]:', "if False:"
    ),
    submit(
        "an earlier attempt's picture is taken for this one's",
        'kept is not None and kept[1] == self._payload["attempt"]',
        "kept is not None",
    ),
    submit("a run that wakes late leaves a record of a forgotten job", "self._services.submissions.withdraw(record)", "pass"),
    submit("a provider that failed is not counted at its gate", 'if slot is None and payload["has_failed"]:', "if False:"),
    records("a claimed prediction is everybody's", "return found is not None and found[0] == mine", "return True"),
    records("known predictions are those of this attempt", "for n in range(1, attempt.attempt))", "for n in range(1, 1))"),
    # ---- looks, and the end ----
    check("AI_LABEL is ignored", 'elif payload["label"] == "visible":', "elif False:"),
    check("a picture does not say that it was generated", "data = provenance.with_provenance(", "provenance.with_provenance("),
    check("a picture is written after its job was deleted", "if document is None or is_deleted(document):", "if False:"),
    check(
        "a slot is held until the picture is stored",
        'asyncio.create_task(_leave_gate(services, client, payload, "failed" if has_failed else "ok", took))',
        '_leave_gate(services, client, payload, "failed" if has_failed else "ok", took)',
    ),
    check("a slot is kept with a picture", "left_gate = await leaving\n", "left_gate = False\n"),
    check("a slot that was left is left again", 'answer["left_gate"] = left_gate', 'answer["left_gate"] = False'),
    check(
        "a gate measures when it was looked at",
        '"failed" if has_failed else "ok", took))',
        '"failed" if has_failed else "ok", None))',
    ),
    check("a provider's clock is believed whatever it says", "return said if since is None else min(said, since)", "return said"),
    check(
        "a gate that cannot be left loses a picture",
        "except (AzureError, Busy):\n        return False",
        "except Busy:\n        return False",
    ),
    check("an unfetched picture is said to be uncertain", 'stage=STORING, charged="yes"', 'stage=STORING, charged="unknown"'),
    check(
        "the end of a prediction is not put on record",
        "services.submissions.change(record, record.submission.ended(answer, ENDINGS[look.problem.charged]))",
        "pass",
    ),
    check("what is no picture is fetched for minutes", "is_final = isinstance(error, ProblemError) or", "is_final ="),
    check("a dead link is fetched for minutes", "(isinstance(error, ProviderError) and error.is_final)", "False"),
    check(
        "a failure of ours is told as the provider's",
        'Problem("internal" if isinstance(error, AzureError) else',
        'Problem("provider_bad_response" if isinstance(error, AzureError) else',
    ),
    check("the sum is that of another file", "hashlib.sha256(data).hexdigest()", "hashlib.sha256(small.data).hexdigest()"),
    finish("a quota slot is never released", "limits.ended(services, document)", "pass"),
    finish(
        "a quota slot is lost with the run that died before it gave it back",
        "    limits.ended(services, document)",
        "    limits.ended(services, document) if has_ended else None",
    ),
    finish("a job that ends twice counts twice", "if has_ended:", "if True:"),
    finish("a deleted job's images stay", "if is_deleted(document):", "if False:"),
    finish("a picture that its story lost is not paid", 'ledger.ended(attempt, "paid").to_payload()', "ledger.to_payload()"),
    finish("records are not asked", 'picture = {**picture, "sends": ledger.to_payload()}', 'picture = {**picture, "sends": []}'),
    keep("a deleted job gets its picture back", "if is_deleted(document):", "if False:"),
    keep(
        "records are not asked for a leftover",
        'told_by_records(services, payload["job_id"], payload["picture"])',
        'payload["picture"]',
    ),
    cancel("a canceled prediction keeps its slot", "await slots.give_back(services, client, payload, None)", "pass"),
    cancel("a prediction that finished gives its slot back", 'if state == "canceled":', "if state:"),
    cancel("a cancel that was refused for good is repeated", "error.problem.is_retryable", "True"),
    finish("the story of a deleted job calls no janitor", 'if answer.get("is_deleted"):', "if False:"),
    keep("the watch of a deleted job calls no janitor", 'if answer.get("is_deleted"):', "if False:"),
    records(
        "a handle that storage took late is not put on record",
        "if record is not None and record.submission.is_open:",
        "if False:",
    ),
    records("the claim of a send that was taken over stays", "if not is_kept:", "if False:"),
    # ---- the stories ----
    one_picture(
        "a story that was lost forgets what its records owe",
        'return picture.ended(failed(Problem("internal")), is_known=False), None',
        'return picture.ended(failed(Problem("internal"))), None',
    ),
    one_picture(
        "a story that is told again goes elsewhere by itself",
        'went_on = picture.course.followed_by not in (None, choice["name"])',
        "went_on = False",
    ),
    one_picture(
        "a cancel stops a story that is told again before it has found what was made",
        "if picture.course.followed_by is not None:\n            # Made",
        "if False:\n            # Made",
    ),
    one_picture(
        "a later want of a slot hides the prediction that failed",
        'return (sent if end is None or sent.state == "canceled" else end), None',
        "return sent, None",
    ),
    sending("what may have been made is left alone", 'if answer["sends"][-1:] == ["open"]:', "if False:"),
    sending(
        "each prediction moves the end of a picture's time",
        "turn.first_ends = turn.first_ends or submitted_at",
        "turn.first_ends = submitted_at",
    ),
    sending("a prediction that is not on record is watched all the same", 'if not answer.get("is_recorded", True):', "if False:"),
    sending("a picture waits in line for ever", "if left <= 0:", "if False:"),
    sending(
        "a picture that is told again is sent before its records are read", '"may_be_sent": order["run"] > 0 or', '"may_be_sent":'
    ),
    watching(
        "a canceled run is free",
        'ended(prediction.order["attempt"], "may be charged")',
        'ended(prediction.order["attempt"], "free")',
    ),
    watching(
        "what cannot be canceled is not watched",
        "    return end, _left(picture, prediction)\n\n\ndef _cancel",
        "    return end, None\n\n\ndef _cancel",
    ),
    watching("a cancel is asked for once only", 'for tries in range(picture.limits["cancel_tries"]):', "for tries in range(1):"),
    watching("a slot that a look could not give back is kept", 'if not look["left_gate"]:', "if False:"),
    watching(
        "a paid picture is canceled",
        "if prediction.watch.seen.paid_at is not None:\n        picture.show(STORING, ",
        "if False:\n        picture.show(STORING, ",
    ),
    watching("a picture that was quicker than the cancel is lost", 'if state == "finished":', "if False:"),
    # Not here: that a picture's error says what all its sends owe (orchestrators/picture.py). Whoever keeps it sums that up anew
    # (shared/domain/job.py), so nobody would notice.
    several("a child that failed is not called again", 'if not (order["run"] + 1) %', "if True or (order['run'] + 1) %"),
    several("a child that an operator has ended is called again", 'return not answer["was_terminated"]', "return True"),
    several(
        "what an earlier start has sent is not looked after",
        'if problem is not None and not job["start"]:',
        "if problem is not None:",
    ),
    several("what comes late is not kept", "yield from _kept(context, job, child.end)", "pass"),
    several(
        "a leftover of the only picture is not kept", "yield from _kept(context, job, end)\n    return status", "return status"
    ),
)
