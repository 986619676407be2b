"""What ends a wait, what is told of the time that a job takes, how its result and its problems are told, and when it is gone."""

from tests.mutants.mutant import Mutant, of

validators = of("triggers/validators.py", "tests/triggers/test_waiting.py")
view = of("triggers/job_view.py", "tests/triggers/test_waiting.py", "tests/triggers/test_results.py")
jobs = of("triggers/jobs.py", "tests/triggers/test_results.py", "tests/triggers/test_waiting.py")
waiting = of("triggers/waiting.py", "tests/triggers/test_waiting.py")
polling = of("shared/domain/polling.py", "tests/unit/test_polling.py")
gate = of("shared/domain/gate.py", "tests/unit/test_gate.py")
names = of("shared/domain/file_names.py", "tests/unit/test_file_names.py")
ids = of("shared/job_ids.py", "tests/triggers/test_results.py")
jobs_kept = of("shared/storage/job_store.py", "tests/triggers/test_results.py")
keys = of("shared/storage/job_store.py", "tests/unit/test_job_store.py", "tests/triggers/test_delete.py")
housekeeping = of("triggers/housekeeping.py", "tests/triggers/test_results.py")
problem = of("shared/domain/problem.py", "tests/unit/test_problem.py", "tests/triggers/test_every_code.py")
edge = of("triggers/edge.py", "tests/triggers/test_every_code.py")
pages = of("triggers/problem_pages.py", "tests/triggers/test_problem_pages.py")
watching = of("orchestrators/watching.py", "tests/orchestrators/test_one_picture.py")

TROUBLE = "tests/triggers/test_trouble.py"
hub = of("shared/task_hub.py", TROUBLE)

WAITING: tuple[Mutant, ...] = (
    # ---- waiting ----
    validators("tags are compared strongly", 'etag.removeprefix("W/") in', "etag in"),
    validators("a comma in a tag ends it", r"[\x21\x23-\x7e", r"[\x21\x23-\x2b\x2d-\x7e"),
    validators("a star names nothing", "listed == _ANYTHING or ", ""),
    validators(
        "spaces are divided in every way",
        r"""r'[ \t]*+(?:(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*+"))?[ \t]*+(""",
        r"""r'[ \t]*(?:(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*"))?[ \t]*(""",
    ),
    validators("a malformed list is read as far as it goes", "            return set()", "            return tags"),
    view("progress is news", '{"progress", "eta_seconds", ', '{"eta_seconds", '),
    view("the time that is left is news", '{"progress", "eta_seconds", ', '{"progress", '),
    view("a late job is not told", '    return {"eta_seconds": eta, "overdue": eta is None}', '    return {"eta_seconds": eta, "overdue": False}'),  # noqa: E501
    view("who waits behind a late job is told nothing", '"overdue": eta is None, "waiting_for"', '"overdue": False, "waiting_for"'),  # noqa: E501
    view("the time that is left is that of the last look", "return live | _reckoned(live, services().now())", "return live"),
    view("one picture of a queue speaks for those that nobody knows", "if len(known) == len(starts) else None", ""),
    waiting("a held request compares a list as one tag", "is_known(known, job.etag(spoken))", "known == job.etag(spoken)"),
    waiting("who waits is shown a job that was deleted", "    if was_held:", "    if False:"),
    jobs("who knows the end of a job waits in vain", "if is_known(known, etag):", "if False:"),
    jobs("when to ask again is the same for all", 'headers["Retry-After"] = job.retry_after', 'headers["Retry-After"] = "2"'),
    polling("nothing is ever late", "    if is_late(elapsed_seconds, expected_seconds):", "    if False:"),
    polling("half of all jobs are late", "expected_seconds * LATE_FACTOR, ", "expected_seconds, "),
    polling("who asks again waits for ever", "min(max(round(eta), SOONEST_SECONDS), LATEST_SECONDS)", "round(eta)"),
    gate("what was measured long ago counts", "holds[-RECENT_HOLDS:]", "holds"),
    gate("one quick picture is believed", "max(holds[-_QUICK_HOLDS:])", "holds[-1]"),
    gate("quick pictures are not believed", "< usual * _QUICK_FACTOR else", "< 0 else"),
    gate("late pictures end at once", "for age in ages if not is_late(age, usual))", "for age in ages)"),
    gate("a stopped provider goes on soon", 'position is None or self.document["stopped"] is not None', "position is None"),
    polling("the last in a long line asks as often as the first", "min(position // PLACES_A_SECOND", "min(0"),
    polling("who is late asks often however many are", "asked_for // LOOKS_A_SECOND", "0"),
    view("nobody knows where in line a job stands", "look_again_seconds(eta, position=position)", "look_again_seconds(eta)"),
    polling("who is expected soon asks late", " if eta is None else min(round(eta), LATEST_IN_LINE_SECONDS)", ""),
    view("who is drawn is asked for as rarely as who waits", '"submitted_at" in self.live or ', ""),
    of("triggers/job_view.py", "tests/triggers/test_trouble.py")(
        "a job that runs goes back while the hub is silent", 'job.live or services().askers.told(stored["id"])', "{}"
    ),
    view("nobody counts who asks", "asked_for=services().askers.count()", "asked_for=0"),
    jobs("nobody is counted who asks", "goes_on=not job.is_terminal", "goes_on=False"),
    jobs("who has seen the end is counted on", "goes_on=not job.is_terminal", "goes_on=True"),
    gate("each who waits looks as if nobody else did", "len(waiting) / LOOKS_A_SECOND", "0.0"),
    gate("who need not look yet is taken for dead", 'max(entry["seen_at"], entry.get("looks_at", 0.0))', 'entry["seen_at"]'),
    gate("nobody looks when a long line has become short", "self._have_one_look()", "pass"),
    gate("all who did not come are told at once", "late[:TOLD_AGAIN_AT_ONCE]", "late"),
    gate("a word that is lost is not told again", "> TELL_AGAIN_SECONDS", "> 1e9"),
    gate("who has come for its slot is told of it for ever", 'slot["seen_at"] <= slot["granted_at"] and ', ""),
    gate("each in line has the first slot", "rests[turn] + self", "rests[0] + self"),
    # ---- results ----
    jobs("a page of another origin is sent to storage", ' or bool(req.headers.get("origin"))', ""),
    jobs("a failed picture tells the job's problem", 'if str(each["index"]) == index and each["problem"]', "if False"),
    jobs("a picture is kept beyond its job's time", "min(_CACHED_SECONDS, int(left.total_seconds()))", "_CACHED_SECONDS"),
    jobs("a link has no name", 'IMAGES, output["blob"], name)', 'IMAGES, output["blob"], None)'),
    jobs("bytes have no name", ', "Content-Disposition": name}', "}"),
    names("the day is that of London", "timezone(timedelta(hours=9))", "timezone.utc"),
    names("a preset has no name", "*([preset.name_ko] if preset else []),", ""),
    # ---- the end of a job's time ----
    ids("ids of any time may have been jobs", "return FIRST_JOB <= accepted <= now", "return accepted <= now"),
    view("a forgotten job was never there", "raise JobExpired if is_long_over(", "raise JobNotFound if is_long_over("),
    jobs_kept("jobs are forgotten a day early", "datetime.fromisoformat(expires_at) <= now", "True"),
    jobs_kept("one run forgets all", " or len(found) == at_most", ""),
    jobs_kept("all jobs are listed", "elif expires_at and accepted_at(job_id) + retention > now:", "elif False:"),
    jobs_kept("a longer retention keeps what was promised to go", "accepted_at(job_id) + _SHORTEST_RETENTION > now", "accepted_at(job_id) + retention > now"),  # noqa: E501
    jobs_kept("a shorter retention waits for the longer one", "            elif expires_at and accepted_at(job_id) + retention > now:", "            elif expires_at:"),  # noqa: E501
    housekeeping("one job that cannot be forgotten keeps all", "        except Exception as error:  # noqa: BLE001 - the others are over as well; this one comes again\n            telemetry.event(\"expired_kept\"", "        except ZeroDivisionError as error:\n            telemetry.event(\"expired_kept\""),  # noqa: E501
    jobs_kept("those of the version before stay", ' or self._expiry(job_id)', ""),
    housekeeping("what is over stays", "removed += await forget_ended(app, client, job_id)", "pass"),
    keys("a key keeps its request", 'return {"fingerprint": "", ', 'return {**claim, "fingerprint": claim["fingerprint"], '),
    # ---- problems ----
    problem("a type is no address", '"type": f"{base_url}{PAGES}{self.code}"', '"type": f"{PAGES}{self.code}"'),
    problem("a pointer is not escaped", '.replace("~", "~0").replace("/", "~1")', ""),
    problem("fields have no codes", 'error.get("code", "invalid")', '"invalid"'),
    edge("a key in progress says not when to ask again", ', "idempotency_in_progress": "2"', ""),
    pages("any code has a page", "if code not in CATALOGUE:", "if False:"),
    pages("a page has one language", "{_in_korean(kind)}{_in_english(kind)}", "{_in_korean(kind)}"),
    watching("stories do not tell when they began to wait", 'usual = {"submitted_at": ', 'usual = {"submitted": '),
    # ---- a hub that gives no answer ----
    hub("nobody is told what the hub's client raised", "if isinstance(error, TaskHubUnavailable) and error.__cause__ else error", "if False else error"),  # noqa: E501
    hub("what the hub's client raised is lost", "raise TaskHubUnavailable from error", "raise TaskHubUnavailable from None"),
    of("triggers/job_view.py", TROUBLE)(
        "a look says only that the hub is silent", "reason=reason(error)", "reason=type(error).__name__"
    ),
    of("triggers/edge.py", TROUBLE)(
        "a refusal says only that the hub is silent", "reason=reason(error)", "reason=type(error).__name__"
    ),
    of("triggers/health.py", "tests/triggers/test_health.py")(
        "readiness says only that the hub is silent", '"reason": reason(error)', '"reason": type(error).__name__'
    ),
)  # fmt: skip
