"""What may be spent and by whom, what an owner is told of it, and what a job says of its own money."""

from tests.mutants.mutant import Mutant, of

SPENDING, LIMITS = "tests/unit/test_spending.py", "tests/triggers/test_limits.py"
spending = of("shared/domain/spending.py", SPENDING, LIMITS)
store = of("shared/storage/spending_store.py", SPENDING, LIMITS)
addresses = of("shared/storage/address_store.py", SPENDING, LIMITS)
limits = of("shared/limits.py", LIMITS)
caller = of("triggers/caller.py", LIMITS)
usage = of("triggers/usage.py", LIMITS)
days = of("shared/domain/days.py", SPENDING, LIMITS)
money = of("triggers/job_money.py", LIMITS, "tests/triggers/test_job_view.py")
edge = of("triggers/edge.py", LIMITS)
services = of("shared/services.py", LIMITS)
keep = of("activities/keep_leftover.py", LIMITS)
quotas = of("shared/storage/quota_store.py", LIMITS, "tests/unit/test_quotas.py")
translate = of("triggers/translate.py", LIMITS)
ledger = of("shared/domain/ledger.py", LIMITS)
picture = of("orchestrators/picture.py", "tests/orchestrators/test_one_picture.py")
watching = of("orchestrators/watching.py", "tests/orchestrators/test_one_picture.py")

BUDGETS: tuple[Mutant, ...] = (
    # ---- a POST that was overtaken ----
    of("triggers/generate.py", LIMITS)(
        "an overtaken POST counts its job again", "limits.overtaken(app, document, known)", "pass"
    ),
    quotas("a job that was overtaken in time has no place", "datetime.fromisoformat(admitted_at) <= since", "False"),
    spending(
        "a step that is late opens what was settled", '["until"] == (job.ended_at + _SAID_AGAIN).isoformat():', '["until"] == "":'
    ),
    of("triggers/generate.py", "tests/rare/test_overtaken_post.py")(
        "an overtaken POST stays in its owner's list",
        'elif known is None or known["created_at"] != document["created_at"]:',
        "elif False:",
    ),
    spending("what was reserved before the end is taken back", "if reserved_at > job.ended_at else None", ""),
    spending("what may still be paid is taken back", "or job.open_usd > _TINY or entry", "or entry"),
    # ---- what is spent ----
    spending("the limit of a day is not asked", "budget.daily_usd, _spent_on(month, job.day)", "None, 0.0"),
    spending(
        "the limit of a month is that of a day",
        "_spent_on(month, None), end_of_month(now), days_in_month(now)",
        "_spent_on(month, job.day), end_of_month(now), days_in_month(now)",
    ),
    spending("one job more than may be paid", "if spent + job.open_usd > limit + _TINY:", "if spent > limit + _TINY:"),
    spending("what is expected counts for nothing", 'float(row["cost_usd"] + row["open_usd"])', 'float(row["cost_usd"])'),
    spending("what is paid counts for nothing", 'float(row["cost_usd"] + row["open_usd"])', 'float(row["open_usd"])'),
    spending("what a job may still cost is forgotten at its end", "unknown if ended else", "0.0 if ended else"),
    spending("a job that is said again counts again", "if job.job_id not in month", "if True or job.job_id not in month"),
    spending(
        "an end that is told again counts again",
        "if not is_there and (was_reserved or",
        "if not is_there and (False and was_reserved or",
    ),
    spending("an end that comes late counts twice", "now - job.ended_at > _NEW_UNTIL", "False"),
    spending(
        "a corrected job keeps what it was expected to cost",
        'month["jobs"][job.job_id] = _entry(job, job.ended_at + _SAID_AGAIN)',
        'month["jobs"].setdefault(job.job_id, _entry(job, job.ended_at + _SAID_AGAIN))',
    ),
    spending(
        "a deleted job is not in the sums",
        'if job_id in month["jobs"]:\n        _fold(month, month["jobs"].pop(job_id))',
        'if job_id in month["jobs"]:\n        (month["jobs"].pop(job_id))',
    ),
    spending("the alarm is raised with every job", 'month["near"][window] = limit', "pass"),
    spending("the alarm waits until all is spent", "NEAR: Final = 0.8", "NEAR: Final = 1.1"),
    spending(
        "a job whose end nobody told counts for ever by its name",
        "<= now:\n            _fold",
        "< now.min.replace(tzinfo=now.tzinfo):\n            _fold",
    ),
    store(
        "addresses and owners lie in one folder",
        "return _LIMITS + hashlib.sha256(account",
        "return _OWNERS + hashlib.sha256(account",
    ),
    store("the names of blobs hold the owner", "hashlib.sha256(owner.encode()).hexdigest()", "owner"),
    store("what limits count is kept for ever", "(_LIMITS, _LIMITS_KEPT), ", ""),
    addresses("an address can be guessed from its name", "key=bytes.fromhex(key), ", ""),
    addresses("an address has one name for ever", "month_of(day_of(self._clock()))", '"always"'),
    # ---- translations that no job has asked for ----
    translate("a translation counts for nobody", "        limits.admit_translation(app, who, prompt)\n", "        pass\n"),
    translate("where there is no translator its words are counted", "    if app.translator.is_configured:\n", "    if True:\n"),
    limits("a translation has no limit in numbers", "standings[scope] += _quotas(app, scope).translate(name, scope)", "pass"),
    limits("a translation costs nothing", "len(text) * USD_A_CHARACTER", "0.0"),
    limits("a refused translation stays counted", "            take_back()\n", "            pass\n"),
    quotas("one translation more than may be", "if not standing.remaining:", "if standing.quota < document['translated']:"),
    quotas("a day of translations never ends", 'known.get("translated", 0) if is_today else 0', 'known.get("translated", 0)'),
    quotas("the counter of the version before cannot be read", 'known.get("translated", 0)', 'known["translated"]'),
    spending("what was translated leaves as much for jobs", "sum(jobs, 0.0) + sum(words, 0.0)", "sum(jobs, 0.0)"),
    # ---- for whom ----
    limits("a token makes an owner of a stranger", 'counted["own"] = STRANGERS', 'counted["own"] = owner'),
    limits("an address has no share", 'counted["own"] = app.addresses.account(known.address)', "pass"),
    limits("all together are not counted", 'counted["all"] = STRANGERS if', "_ = STRANGERS if"),
    limits(
        "a refused job stays counted",
        "        withdraw(app, document)\n        raise\n    except Busy",
        "        raise\n    except Busy",
    ),
    limits("a job that could not be counted everywhere stays counted", "        if is_counted:\n", "        if False:\n"),
    limits(
        "how busy the app is with others is told",
        'until it refuses.\n    _say(standings["own"])',
        'until it refuses.\n    _say(standings["own"] + standings["all"])',
    ),
    limits("anybody may look at what strangers spent", 'set() if document["owner"] == STRANGERS else', "set() if False else"),
    limits("what is settled is not counted", "app.spending.settle(folder, job, was_reserved=folder in reserved)", "pass"),
    limits(
        "nobody is told when most is spent",
        "standings[scope] += left\n            _tell(scope, folder, near)",
        "standings[scope] += left",
    ),
    limits("a job that is forgotten is still named", "app.spending.forget(folder, job)", "pass"),
    services("strangers together have no limit of a caller's", "active or settings.max_active_jobs_per_owner", "active"),
    caller("the address is what the caller wrote first", '.rpartition(",")[2]', '.partition(",")[0]'),
    caller("each address of a network is another caller", "_NETWORK_BITS = 64", "_NETWORK_BITS = 128"),
    caller("a port makes another caller", 'return text.partition(":")[0] if text.count(":") == 1 else text', "return text"),
    keep("what a leftover cost is not counted", "limits.settled(services, document)", "pass"),
    # ---- what is told ----
    usage("somebody without a token sees what strangers spent", "is_known = who != limits.STRANGERS", "is_known = True"),
    days("the last month of a span is left out", "last.year * 12 + last.month)", "last.year * 12 + last.month - 1)"),
    usage("a span may be as long as anybody likes", "< timedelta(days=MAX_DAYS)", "< timedelta(days=10 * MAX_DAYS)"),
    usage("what may still be charged is left out of the cost", "round(cost + unknown, 4)", "round(cost, 4)"),
    money(
        "a picture that has not ended is said to cost nothing", '("yes" if seen.charged == "yes" else "unknown")', "seen.charged"
    ),
    money("0.0 is said of what may cost something", "return rounded if rounded or is_known else None", "return rounded"),
    money("what may still be charged is not told", '"open_usd": round(max(0.0, unknown), 4)', '"open_usd": 0.0'),
    money(
        "a canceled job hides that its provider goes on",
        'if "pictures" in document and is_watched(document) else []',
        "if False else []",
    ),
    edge("nobody is told when a limit begins anew", 'reset_at = problem.params.get("reset_at")', "reset_at = None"),
    edge("limits are not told", "met.standings:", "False:"),
    quotas(
        "a limit of all is told as the caller's own",
        'told.append(Standing("jobs-at-once", scope,',
        'told.append(Standing("jobs-at-once", "own",',
    ),
    ledger(
        "what may still be charged costs nothing",
        'if send.charged == "unknown")\n\n    @property\n    def is_quoted',
        'if send.charged == "never")\n\n    @property\n    def is_quoted',
    ),
    picture("a running picture does not show what it owes", "sends = self.ledger.to_payload()", "sends = []"),
    watching("what is paid is not shown until the job ends", "        picture.show_money()\n", ""),
)
