"""Whose a job is, who may ask, where a key may go, what a log may say, and how many are let in."""

from tests.mutants.mutant import Mutant, of

view = of(
    "triggers/job_view.py", "tests/triggers/test_jobs.py", "tests/triggers/test_job_view.py", "tests/triggers/test_owners.py"
)
jobs = of("triggers/jobs.py", "tests/triggers/test_jobs.py")
edge = of(
    "triggers/edge.py", "tests/triggers/test_edge.py", "tests/triggers/test_jobs.py", "tests/triggers/test_owners.py",
    "tests/triggers/test_charges.py",
)  # fmt: skip
generate = of(
    "triggers/generate.py", "tests/triggers/test_generate.py", "tests/triggers/test_trouble.py",
    "tests/triggers/test_mappings.py", "tests/triggers/test_delete.py",
)  # fmt: skip
keyed = of("triggers/generate.py", "tests/triggers/test_idempotency.py", "tests/triggers/test_owners.py")
overtaken = of("triggers/generate.py", "tests/rare/test_overtaken_post.py")
translate = of("triggers/translate.py", "tests/triggers/test_translate.py", "tests/triggers/test_owners.py")
webhook = of("triggers/webhooks.py", "tests/triggers/test_webhook_calls.py", "tests/triggers/test_charges.py")
probe = of("triggers/health.py", "tests/triggers/test_health.py")
expired = of("triggers/job_view.py", "tests/triggers/test_results.py")
housekeeping = of("triggers/housekeeping.py", "tests/triggers/test_housekeeping.py")
forgetting = of("shared/forgetting.py", "tests/triggers/test_delete.py", "tests/triggers/test_owners.py")
canceling = of(
    "shared/canceling.py", "tests/triggers/test_jobs.py", "tests/triggers/test_delete.py", "tests/triggers/test_owners.py"
)
intake = of("shared/intake.py", "tests/triggers/test_generate.py", "tests/triggers/test_trouble.py")
keys = of(
    "shared/storage/key_store.py", "tests/unit/test_key_store.py", "tests/triggers/test_same_requests.py",
    "tests/unit/test_claims.py", "tests/unit/test_tunables.py",
    "tests/triggers/test_delete.py",
)  # fmt: skip
quotas = of("shared/storage/quota_store.py", "tests/unit/test_quotas.py")
documents = of("shared/storage/documents.py", "tests/unit/test_documents.py")
job_store = of("shared/storage/job_store.py", "tests/unit/test_job_store.py", "tests/integration/test_storage.py")
blobs = of("shared/storage/blob_store.py", "tests/integration/test_storage.py", "tests/integration/test_gone_images.py")
links = of("shared/storage/signed_links.py", "tests/integration/test_signed_links.py")
gate = of(
    "shared/domain/gate.py", "tests/unit/test_gate.py", "tests/unit/test_claims.py", "tests/unit/test_gate_generators.py",
    "tests/unit/test_gate_turns.py",
)  # fmt: skip
gate_store = of("shared/storage/gate_store.py", "tests/unit/test_gate_store.py")
slots = of("shared/slots.py", "tests/activities/test_gate.py", "tests/activities/test_leftover_runs.py")
settings = of("shared/settings.py", "tests/unit/test_settings.py")
services = of("shared/services.py", "tests/unit/test_services.py", "tests/unit/test_tunables.py")
bfl_account = of("shared/providers/bfl.py", "tests/unit/test_tunables.py")
replicate_account = of("shared/providers/replicate.py", "tests/unit/test_tunables.py")
verifier = of("shared/webhooks.py", "tests/unit/test_webhooks.py")
opened = of("triggers/job_view.py", "tests/triggers/test_job_list.py", "tests/triggers/test_owners.py")
owned = of("triggers/edge.py", "tests/triggers/test_job_list.py", "tests/triggers/test_edge.py")
owners = of("shared/domain/owners.py", "tests/triggers/test_job_list.py", "tests/unit/test_job_index.py")
lists = of("triggers/job_list.py", "tests/triggers/test_job_list.py")
index = of("shared/storage/job_index.py", "tests/unit/test_job_index.py", "tests/triggers/test_job_list.py")
claims = of("shared/claiming.py", "tests/triggers/test_job_list.py")
listing = of("shared/listing.py", "tests/unit/test_job_index.py")
generate_listed = of("triggers/generate.py", "tests/triggers/test_job_list.py")
forgetting_listed = of("shared/forgetting.py", "tests/triggers/test_job_list.py")
limits_listed = of("shared/limits.py", "tests/triggers/test_job_list.py")
trust = of("shared/providers/trust.py", "tests/unit/test_trust.py")
bfl_hosts = of("shared/providers/bfl.py", "tests/providers/test_generators.py", "tests/unit/test_trust.py")
replicate_hosts = of("shared/providers/replicate.py", "tests/providers/test_generators.py", "tests/unit/test_trust.py")
client = of("shared/providers/client.py", "tests/providers/test_rules.py")
http = of(
    "shared/providers/http.py",
    "tests/providers/test_downloads.py",
    "tests/providers/test_rules.py",
    "tests/providers/test_generators.py",
)
provider_key = of("shared/providers/keys.py", "tests/providers/test_keys.py", "tests/providers/test_generators.py")
secrets = of("shared/secrets.py", "tests/unit/test_secrets_cache.py")
flight = of("shared/single_flight.py", "tests/unit/test_single_flight.py", "tests/unit/test_secrets_cache.py")
telemetry = of("shared/telemetry.py", "tests/unit/test_traces.py")
told_calls = of("shared/providers/http.py", "tests/providers/test_spans.py")
told_requests = of("triggers/edge.py", "tests/triggers/test_edge.py")

TRUST: tuple[Mutant, ...] = (
    # ---- whose a job is ----
    view("other people's jobs can be seen", ' or document["owner"] not in owners else', " else"),
    view("a deleted job can be seen", "document is None or is_deleted(document) or document", "document is None or document"),
    view("a job that is deleted meanwhile can be seen", "if is_deleted(stored):", "if False:"),
    view("a dead orchestration is shown as running", "if not is_alive or custom.get", "if custom.get"),
    edge("whoever is not signed in is let in", 'raise ProblemError(Problem("unauthorized"))', 'return "anonymous"'),
    edge(
        "an owner is taken from a header though nobody signs in",
        'if mode == "none":',
        'if mode == "none" and "x-ms-client-principal-id" not in req.headers:',
    ),
    opened(
        "a job of another's token can be opened",
        'if document is None or is_deleted(document) or document["owner"] not in owners else document',
        "if document is None or is_deleted(document) else document",
    ),
    opened(
        "where people sign in jobs of nobody are everybody's",
        '(who, ANONYMOUS) if app.settings.auth_mode == "none" else (who,)',
        "(who, ANONYMOUS)",
    ),  # noqa: E501
    owned("a malformed token makes nobody of its sender", "raise ProblemError(_BAD_TOKEN)", "return None"),
    owned("somebody may sign in as a stranger", " or is_stranger(principal):", ":"),
    owned("a browser's own memory is for all owners", "Accept-Language, X-Owner-Token", "Accept-Language"),
    owners("a token is kept as it is", "hashlib.sha256(token.encode()).hexdigest()", "token"),
    owners("short words are tokens", "{32,128}", "{1,128}"),
    lists("a list tells what is another's by now", ' or document["owner"] != who or place', " or place"),
    lists("a job is told at each place that a row names", " or place_of(document) != row.place:", ":"),
    lists("while storage is away a list is empty", "        except (AzureError, StorageNotConfigured):\n            raise\n", ""),
    lists(
        "one job that cannot be told takes the list", '            _tell_failed(job.document["id"], error)', "            raise"
    ),
    lists("deleted jobs are listed", "if is_deleted(document) or is_expired", "if is_expired"),
    lists(
        "jobs past their time are listed",
        "if is_deleted(document) or is_expired(document, app.now()):",
        "if is_deleted(document):",
    ),
    lists("a row of a POST under way is removed", "ORPHANED_AFTER = timedelta(hours=1)", "ORPHANED_AFTER = timedelta(-1)"),
    lists("jobs that end now are missed by a filter", " or row.status is None)", ")"),
    lists("a request looks through everything", "and seen.rows < MAX_ROWS:", "and True:"),
    lists("nobody may claim for everybody", "if who == ANONYMOUS:", "if False:"),
    lists(
        "a token takes over what is its own for whoever signs in without it",
        "unowned = {ANONYMOUS, holder or ANONYMOUS}",
        "unowned = {ANONYMOUS}",
    ),  # noqa: E501
    index("a page begins with the last job of the one before", "bound and bound + _LAST for", "bound for"),
    index("two rows of a job are two jobs", "if row.place != told:", "if True:"),
    index("the row of a running job stays when it has ended", "            self._blobs.delete(DOCUMENTS, former)\n", ""),
    index("an owner stands in the name of a row", "hashlib.sha256(owner.encode()).hexdigest()", "owner"),
    claims("a job of another's is claimed", ' or document["owner"] not in (owner, *unowned):', ":"),
    claims("a deleted job is claimed", "is_deleted(document) or ", ""),
    claims("a lost claim leaves a row", "        app.index.remove(mine)\n", ""),
    claims("a claimed job stays in its former list", "app.index.remove_former(document)", "pass"),
    claims(
        "a claim that was cut short is never made good",
        '    app.index.remove_former(document)\n    if seen["owner"] == owner:\n        return\n',
        '    if seen["owner"] == owner:\n        return\n    app.index.remove_former(document)\n',
    ),  # noqa: E501
    forgetting_listed(
        "a claimed job's row in a former list outlives it", "await threads.run(app.index.remove_former, document)", "pass"
    ),  # noqa: E501
    limits_listed(
        "whose a job was goes on to know of it",
        'for owner in (*former_owners(document), document["owner"]) for',
        'for owner in (document["owner"],) for',
    ),  # noqa: E501
    generate_listed("a job is in no list until it is there", "        app.index.add(document)\n", ""),
    generate_listed(
        "a POST that failed leaves a row",
        "            app.index.remove(document)\n            # What was",
        "            # What was",
    ),
    generate_listed("a key tells of a job that somebody claimed", 'if claim.job["owner"] != who:', "if False:"),
    forgetting_listed("a deleted job leaves its row", "await threads.run(app.index.remove, document)", "pass"),
    listing("jobs of a rolling deployment are never indexed", 'progress["passes"] >= 2', 'progress["passes"] >= 1'),
    listing("jobs of before are never indexed to the end", 'start_from=progress["after"]', 'start_from=""'),
    edge("a preflight is not allowed what it asks for", "response.headers.update(_allowed(req))", "pass"),
    edge("any page may call and read the answers", 'return asked in allowed or "*" in allowed', "return True"),
    edge("a form of any site may start a job", "if _is_foreign(req):", "if False:"),
    edge("a page without an origin may be anybody's", 'return site in ("cross-site", "same-site")', "return False"),
    edge("a page of this very origin may not call", "asked in (web_origin(origin(req)), _stated_origin())", "False"),
    edge("the host's own name is compared as spelt", "(web_origin(origin(req)), ", "(origin(req), "),
    settings("an origin is compared as spelt", "parts.netloc.lower()", "parts.netloc"),
    settings("an origin keeps the scheme's own port", ".removesuffix(f\":{_PORTS.get(parts.scheme, '')}\")", ""),
    settings("an address may hold what no header can", "    if _UNSPEAKABLE.search(text):\n        return False\n", ""),
    settings("an origin may hold what no header can", "is_origin and not _UNSPEAKABLE.search(url) and", "is_origin and"),
    settings("an origin may have a query", ' and not set("@?#") & set(url)', ""),
    settings("an origin may have a path", 'url.count("/") == 2', 'url.count("/") >= 2'),
    settings("what is no origin is left out in silence", "            if wrong:\n", "            if False:\n"),
    settings(
        "any page may call where people sign in",
        'anybody = () if auth_mode != "none" else tuple(',
        "anybody = tuple(",
    ),
    settings(
        "a list for any page is not reported where people sign in",
        'elif auth_mode != "none" and ("*" in listed or "null" in listed):',
        "elif False:",
    ),
    edge("links lead past what stands in front", "settings.stated_base_url or origin(req)", "origin(req)"),
    edge(
        "links without a host name one all the same",
        "parts.scheme and host and host.isascii()",
        "parts.scheme and host.isascii()",
    ),
    edge("who calls is believed though nobody looked", 'if mode == "closed":', "if False:"),
    settings("a misspelt way to sign in lets everybody in", 'auth_mode = "closed"', "pass"),
    settings(
        "headers are believed where the platform looks at none", 'if auth_mode == "easyauth" and not is_signed_in:', "if False:"
    ),
    settings("a stand-in is believed in the cloud", "is_signed_in or not is_cloud", "True"),
    edge("a principal may have any letters", "principal.isascii() and principal.isprintable()", "True"),
    edge("the edge may fail", "            return _last_word()\n", "            raise\n"),
    edge(
        "an address that makes no sense fails a job",
        '    except ValueError:\n        return ""',
        '    except KeyError:\n        return ""',
    ),
    edge("an origin of any letters is told back", "asked and asked.isascii() and asked.isprintable() and ", "asked and "),
    edge(
        "a missing picture of a paid job is said to cost nothing",
        'Problem("result_expired", charged="unknown")',
        'Problem("result_expired")',
    ),
    edge("a rush is told as a defect", "except Busy:", "except ZeroDivisionError:"),
    translate("translate is open without sign-in", "owner(req), _prompt", '"anonymous", _prompt'),
    jobs(
        "job_already_finished says nothing of the charge",
        'Problem("job_already_finished", charged=charged(document))',
        'Problem("job_already_finished")',
    ),
    expired("result_expired says nothing of the charge", "charged=charged(document) if document else ", "charged="),
    jobs(
        "result_not_ready says nothing of the charge",
        'Problem("result_not_ready", charged=charged(document))',
        'Problem("result_not_ready")',
    ),
    expired("jobs are served after their retention", "if is_expired(document, app.now()):", "if False:"),
    jobs("a cancel is not marked", "lambda known: asked_to_cancel(known, now))", "lambda known: known)"),
    jobs("a cancel wakes nobody", "await wake(client, document)", "pass"),
    jobs("another picture than asked for is served", 'if index is None or str(output["index"]) == index:', "if True:"),
    canceling("a suspended job hears no cancel", 'await client.resume(instance, "canceled by its owner")', "pass"),
    canceling(
        "a cancel reaches the first picture only",
        'names.instance_ids(document["id"], len(document["seeds"]), document.get("starts", 0)):',
        'names.instance_ids(document["id"], len(document["seeds"]), document.get("starts", 0))[:2]:',
    ),
    canceling(
        "a cancel reaches the pictures of the first start only",
        'len(document["seeds"]), document.get("starts", 0)',
        'len(document["seeds"]), 0',
    ),
    forgetting(
        "a deleted job is forgotten while it may be paid",
        "if document is not None and not await _has_ended(app, client, document):",
        "if False:",
    ),
    forgetting("a deleted job keeps its quota slot", "await threads.run(limits.forgotten, app, document)", "pass"),
    forgetting("a deleted job keeps its history", "await client.purge_instance_history(instance)", "pass"),
    forgetting(
        "a deleted job keeps its images until its story ends",
        "await threads.run(app.pictures.forget, job_id)\n        if not",
        "if not",
    ),
    forgetting("a deleted job goes on", 'if not is_terminal(document["status"]) or is_watched(document):', "if False:"),
    forgetting("nobody looks after a deleted job", "    await call_janitor(client)\n\n", "\n"),
    housekeeping(
        "histories are purged before their time", "now - timedelta(days=app.settings.retention_days)", "now - timedelta(days=1)"
    ),
    housekeeping(
        "a job that nobody started is not found",
        "ids |= set(await threads.run(lambda: list(app.jobs.open_jobs(since, now))))",
        "pass",
    ),
    housekeeping(
        "a watch that died is not found",
        "ids = {status.instance_id for status in failed if is_job_id(status.instance_id)}",
        "ids: set[str] = set()",
    ),
    # ---- a POST ----
    generate("an owner's quota is not asked", "limits.admit(app, document)", "pass"),
    generate(
        "a job is taken in while its provider is stopped",
        "if (problem := intake.refusal(app, g.provider))",
        "if (problem := intake.refusal(app, g.provider)) and False",
    ),
    generate("a job is taken in without a key", "willing[0].provider.require_key()", "pass"),
    generate("a job is taken in with broken settings", "_require_settings(app, kind)\n    generators =", "generators ="),
    generate(
        "an error of the wait is a 500",
        "except Exception as error:  # noqa: BLE001 - the job exists",
        "except ZeroDivisionError as error:  # noqa: BLE001 - the job exists",
    ),
    generate(
        "an error after an end says nothing of the charge",
        'problem = Problem("result_not_ready", charged=charged(document), retryable=False)',
        'problem = Problem("result_not_ready", retryable=False)',
    ),
    generate(
        "a POST that outlives its wait says no",
        'return problem_response(req, Problem("result_not_ready", charged=charged(document), retryable=False)',
        'return problem_response(req, Problem("result_not_ready", retryable=False)',
    ),
    generate(
        "a job that is deleted while its POST waits is said to cost nothing",
        'Problem("job_not_found", charged="unknown"), headers)',
        'Problem("job_not_found"), headers)',
    ),
    generate(
        "a refused POST keeps its quota slot",
        '            app.uploads.delete(document["images"].values())\n            limits.withdraw(app, document)',
        '            app.uploads.delete(document["images"].values())',
    ),
    generate("a refused POST leaves its images", 'app.uploads.delete(document["images"].values())', "pass"),
    overtaken("a POST removes what another one's job is made of", 'post = taken.holder if taken else ""', 'post = ""'),
    overtaken(
        "who was overtaken is counted as the only one",
        'taken is None or app.keys.hold(document["key"], taken)',
        "True",
    ),
    of("shared/storage/key_store.py", "tests/unit/test_key_store.py", "tests/rare/test_overtaken_post.py")(
        "who was overtaken gives the key back",
        '(known["job_id"], known.get("holder")) == (mine.job_id, mine.holder)',
        'known["job_id"] == mine.job_id',
    ),
    generate(
        "a POST that may have left something says no",
        'raise ProblemError(Problem("internal", charged="unknown")) from error',
        'raise ProblemError(Problem("internal")) from error',
    ),
    generate("AI_LABEL is no default", '"visible" if app.settings.ai_label == "visible" else "none"', '"none"'),
    keyed(
        "a repeated POST starts a job that has ended",
        'if not is_terminal(document["status"]):\n        document = await',
        "if True:\n        document = await",
    ),
    keyed("a key counts for everybody", "key_name(who, wish.route, key)", 'key_name("", wish.route, key)'),
    keyed("a key counts for both routes", "key_name(who, wish.route, key)", 'key_name(who, "", key)'),
    keyed("a deleted job's key gives the job back", "if is_deleted(claim.job):", "if False:"),
    keyed(
        "the key of a deleted job says nothing of the charge",
        'Problem("job_deleted", charged=charged(claim.job))',
        'Problem("job_deleted")',
    ),
    keyed(
        "a key whose job is on its way says no",
        'Problem("idempotency_in_progress", charged="unknown"))\n    if is_deleted',
        'Problem("idempotency_in_progress"))\n    if is_deleted',
    ),
    of("triggers/edge.py", "tests/triggers/test_idempotency.py")(
        "a repeated POST that fails says that its job cost nothing", ' or "idempotency-key" in req.headers', ""
    ),
    keyed("a refused POST keeps its key", "app.keys.give_back(name, taken, is_refused=is_refused)", "pass"),
    keyed("a refused POST's key is bound to what was refused", "is_refused=is_refused)", "is_refused=False)"),
    keyed(
        "a POST that may have left something frees its key",
        'isinstance(error, ProblemError) and error.problem.charged == "no"',
        "True",
    ),
    keys("the key of a job that another may be making is free", "if is_refused and mine.is_first else", "if is_refused else"),
    keyed(
        "a repeated POST is refused by the limits",
        "    taken = app.keys.take(",
        "    _taken_in(app, kind, app.generators_of(kind))\n    taken = app.keys.take(",
    ),
    keyed("a repeated POST is refused for its image", "app.keys.look(name, wish.request()) if key else None", "None"),
    keyed("who comes second makes a job of its own", 'document | {"id": taken.job_id}', "document"),
    keys("owners share idempotency keys", "f'{owner}|{route}|{key}'", "f'{route}|{key}'"),
    keys("routes share idempotency keys", "f'{owner}|{route}|{key}'", "f'{owner}|{key}'"),
    keys("a key is free after an hour", "KEY_KEPT = timedelta(hours=24)", "KEY_KEPT = timedelta(hours=1)"),
    keys("a key stands for any request", "request.are_of(known) else Reused()", "True else Reused()"),
    keys("a default written out is another request", "or not set(self.meanings)", "or False and not set(self.meanings)"),
    keys(
        "the keys of the former version are of other requests",
        'known["fingerprint"] == self.spelling or ',
        "",
    ),
    keys(
        "a key is taken over from a POST that lives",
        " if now - datetime.fromisoformat(claim.at) < KEY_ABANDONED else None",
        " if False else None",
    ),
    keys("two take over one key", 'if known is None or (known["job_id"], known["at"]) != (seen.job_id, seen.at):', "if False:"),
    keys(
        "a key is given back by who does not have it",
        'is_mine = known is not None and (known["job_id"], known.get("holder")) == (mine.job_id, mine.holder)',
        "is_mine = True",
    ),
    keys("a key that is taken over makes another job", "mine = Taken(seen.job_id)", 'mine = Taken("job_other")'),
    # ---- how many are let in ----
    quotas(
        "MAX_ACTIVE_JOBS_PER_OWNER is ignored",
        'if self._max_active and len(document["active"]) >= self._max_active:',
        "if False:",
    ),
    quotas("DAILY_JOBS_PER_OWNER is ignored", 'if self._max_daily and document["started"] >= self._max_daily:', "if False:"),
    quotas(
        "one job more than is allowed",
        'len(document["active"]) >= self._max_active',
        'len(document["active"]) > self._max_active',
    ),
    quotas(
        "an ended job is counted for ever",
        '"active": {k: v for k, v in document["active"].items() if k != job_id}})',
        '"active": document["active"]})',
    ),
    quotas("a refused job counts in its day", 'max(0, document["started"] - 1)', 'document["started"]'),
    quotas(
        "a job is counted each time it is said",
        'if job_id in document["active"]:\n            return document\n        standings',
        "standings",
    ),
    quotas("names of blobs hold the owner", "hashlib.sha256(owner.encode()).hexdigest()", "owner"),
    quotas("the day never ends", '"started": known["started"] if is_today else 0', '"started": known["started"]'),
    gate("one slot too many", "len(active) >= self.limit:", "len(active) > self.limit:"),
    gate("who came last goes first", "min(first, holder)", "max(first, holder)"),
    gate("one slot of a generator too many", "if taken[generator] < self.width(", "if taken[generator] <= self.width("),
    gate(
        "a generator is as wide as its provider",
        "min(self.limit, self.caps.get(generator or self.default_generator, self.limit))",
        "self.limit",
    ),
    gate("a cap above the limit gives more", "return min(self.limit, self.caps", "return max(0, self.caps"),
    gate(
        "who waits for a full generator has a slot of it",
        "_whose_turn(welcome, _PROVIDER_TURN)",
        "_whose_turn(waiting, _PROVIDER_TURN)",
    ),
    gate(
        "the turns of the provider are those of a generator",
        "return _whose_turn(self._queue(generator), _TURN)",
        "return _whose_turn(welcome, _PROVIDER_TURN)",
    ),
    gate("an owner with many keeps all others from a generator", "entry[_TURN] = number", "pass"),
    gate("an owner with many keeps all others from the provider", "entry[_PROVIDER_TURN] = number", "pass"),
    gate(
        "a slot of one generator costs the turn at another",
        "if self._generator(entry) == self._generator(given):",
        "if True:",
    ),
    gate("turns are all alike", 'self.document.get("turns", 0) + 1', "1"),
    gate("who comes goes before all who wait", "if is_known else last for turn", "if is_known else 0 for turn"),
    gate("asking again costs a turn", "known.get(turn, 0) if is_known else last", "last"),
    gate(
        "who waits since the former version goes last",
        "number, owner = entry.get(turn, 0)",
        "number, owner = entry.get(turn, 10**9)",
    ),
    gate("a position is that of a line without turns", "had - (len(order) - bisect.bisect_right(order, turn))", "had"),
    gate(
        "those who wait for another generator are in the way",
        "_Line(self._queue(generator))",
        "_Line(waiting)",
    ),
    gate("a generator is forgotten", 'generator or known.get("generator", "")', "generator"),
    gate("an owner is forgotten", 'owner or known.get("owner", "")', "owner"),
    gate("those of the former version take turns as one owner", 'entry.get("owner", "")) or holder', 'entry.get("owner", ""))'),
    gate(
        "a slot is one of any generator",
        "is_known = bool(known) and self._generator(known) == self._generator(asked)",
        "is_known = bool(known)",
    ),
    gate(
        "holders of the former version are beside every cap",
        'return entry.get("generator") or self.default_generator',
        'return entry.get("generator", "")',
    ),
    gate("one measure for all generators", "[*holds_of.get(generator, []), seconds]", '[*document["holds"], seconds]'),
    gate("what the former version measured is forgotten", '{self.default_generator: document["holds"]}', "{}"),
    gate(
        "what the former version measured is not read", '.get("holds_of", {name: self.document["holds"]})', '.get("holds_of", {})'
    ),
    gate("the former version finds no measure", 'document["holds"] = [*document["holds"], seconds][-_REMEMBERED_HOLDS:]', "pass"),
    gate(
        "holds are remembered for ever",
        "[*holds_of.get(generator, []), seconds][-_REMEMBERED_HOLDS:]",
        "[*holds_of.get(generator, []), seconds]",
    ),
    gate(
        "a wait is that of a generator without a cap",
        "waves = -(-position // self.width(generator))",
        "waves = -(-position // self.limit)",
    ),
    gate(
        "a wait is measured on another generator",
        "self.typical_seconds(default_hold, generator) +",
        "self.typical_seconds(default_hold) +",
    ),
    gate("who is told to wait is told another generator's wait", "generator=self._generator(asked))", 'generator="")'),
    gate(
        "a grant does not say of which model",
        'round((self.now - entry["since"]) * 1000), self._generator(entry) or None',
        'round((self.now - entry["since"]) * 1000), None',
    ),
    gate(
        "a slot of the dead does not say of which model",
        "model = self._generator(entry) or None\n                    self",
        "model = None\n                    self",
    ),
    gate_store("a gate knows no caps", "self._caps.get(provider)", "None"),
    gate_store("a gate knows no default generator", 'self._defaults.get(provider, "")', '""'),
    gate_store(
        "who looks at a gate sees it without caps",
        "gate = self._gate(provider, document, 0.0)",
        "gate = Gate(document, self._limits[provider], 0.0)",
    ),
    gate_store(
        "who changes a gate sees it without caps",
        "gate = self._gate(provider, document, self._clock())",
        "gate = Gate(document, self._limits[provider], self._clock())",
    ),
    gate("a stopped provider is asked", 'return self.document["stopped"] is not None or', "return"),
    gate("a provider that is down is asked by everybody", "if probing and any(slot", "if False and any(slot"),
    gate("a provider that fails is asked on and on", "BREAKER_FAILURES = 5", "BREAKER_FAILURES = 50"),
    gate("a slot of the dead is never free", "elif entry := self.document[group].pop(holder, None):", "elif False:"),
    gate("a slot is taken from the living", "if holder in self.document[group] and is_alive:", "if False:"),
    gate(
        "failed runs are taken for the usual time",
        'if outcome == "ok":\n            self._count_success()\n            if slot:',
        'if outcome == "ok":\n            self._count_success()\n        if True:\n            if slot:',
    ),
    gate(
        "who asks again loses its slot to one who came earlier",
        "slot = active.get(holder)\n        known",
        "slot = None\n        known",
    ),
    gate("a pause is forgotten", 'self.document["paused"] = {"since": since, "reason": reason}', "pass"),
    intake("a paused provider takes jobs in", 'if gate.get("paused"):', "if False:"),
    intake(
        "a provider without credit takes jobs in", 'return gate["stopped"]["code"] if gate["stopped"] else None', "return None"
    ),
    of("shared/intake.py", "tests/activities/test_gate.py")(
        "what a pause refused is refused for a while after it",
        "services.gates.look(provider.name, 0)",
        "services.gates.look(provider.name, INTAKE_SECONDS)",
    ),
    slots("no answer of the hub frees a slot", "alive[holder] = True", "alive[holder] = False"),
    slots("a place in a closed line is kept", "            gate.leave(holder, None)\n", "            pass\n"),
    slots("a call that comes late closes the line for its story", " and not place.is_overtaken", ""),
    gate(
        "a call that comes late acts for a later one",
        'if known.get("instance") == instance and known.get("call", 0) > call:',
        "if False:",
    ),
    gate("a story that is told anew is taken for a late call", 'known.get("instance") == instance and ', ""),
    slots("whose turn it is hears nothing", "await client.raise_event(grant.instance, grant.event, {})", "pass"),
    bfl_account("BFL_MAX_ACTIVE is ignored", "self.max_active = settings.bfl_max_active", "self.max_active = 24"),
    replicate_account(
        "REPLICATE_MAX_ACTIVE is ignored", "self.max_active = settings.replicate_max_active", "self.max_active = 50"
    ),
    services(
        "the limits of owners are swapped",
        "settings.max_active_jobs_per_owner, settings.daily_jobs_per_owner",
        "settings.daily_jobs_per_owner, settings.max_active_jobs_per_owner",
    ),
    # ---- documents and links ----
    documents(
        "what is remembered decides without a proof",
        "                    self._memory.mistrust(name)\n",
        "                    self._memory.mistrust(name)\n            else:\n                return\n",
    ),
    documents("a change that failed takes the others along", "self.error = error\n            return None", "raise"),
    documents("a change waits for ever", "if now >= change.ends]", "if False]"),
    job_store(
        "an ended job ends again",
        'if is_terminal(job["status"]):\n                return None, False',
        "if False:\n                return None, False",
    ),
    job_store("an ended job is changed", 'None if is_terminal(job["status"]) else change(job)', "change(job)"),
    job_store("an amendment changes the status", '({**change(job), "status": job["status"]}, None)', "(change(job), None)"),
    job_store("a deleted job keeps its claims", "[self._delete_claim(name) for name in submissions]", "[]"),
    job_store(
        "a deleted job leaves word at a stranger's key", 'if claim is None or claim["job_id"] != job_id:', "if claim is None:"
    ),
    keys(
        "the key of a forgotten job is taken for one that is being made",
        """    if known.get("deleted"):\n        return Deleted()\n    return _Standing""",
        "    return _Standing",
    ),
    job_store("documents do not say their status", 'return {"status": document["status"], **', "return {**"),
    blobs(
        "writes are not conditional", "overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified", "overwrite=True"
    ),
    blobs(
        "a document is created over another",
        "self._put_document(name, document, metadata, overwrite=False)",
        "self._put_document(name, document, metadata, overwrite=True)",
    ),
    blobs(
        "an image that is gone is served from memory",
        "if container == IMAGES:\n            self._recent.forget(prefix)",
        "if False:\n            self._recent.forget(prefix)",
    ),
    links("links live for 7 days", "expires = (now + ttl)", "expires = (now + timedelta(days=7))"),
    links("links may write", "BlobSasPermissions(read=True)", "BlobSasPermissions(read=True, write=True)"),
    links("a link outlives the key that signs it", "is None or delegation[1] < needed_until:", "is None or delegation[1] < now:"),
    links("each of the threads that wait for a key asks for one", "self._delegation[1] >= needed_until", "False"),
    services("SAS_TTL_MINUTES is ignored", "timedelta(minutes=self.settings.sas_ttl_minutes)", "timedelta(days=7)"),
    # ---- settings and secrets ----
    settings("AUTH_MODE is ignored", "auth_mode=auth_mode,", 'auth_mode="none",'),
    settings("AI_LABEL is not read", 'ai_label=choice("AI_LABEL", "metadata", "metadata", "visible")', 'ai_label="metadata"'),
    settings("RETENTION_DAYS is not read", 'number("RETENTION_DAYS", 30, int, 1, 3650)', "30"),
    settings("SAS_TTL_MINUTES is not read", 'number("SAS_TTL_MINUTES", 60, int, 1, 7 * 24 * 60)', "60"),
    settings(
        "limits of owners are not read",
        'daily_jobs_per_owner=optional_count("DAILY_JOBS_PER_OWNER")',
        "daily_jobs_per_owner=None",
    ),
    settings("extra hosts are trusted as written", "host.lower() for host in", "host for host in"),
    settings("keys are in the settings' text", "field(default_factory=dict, repr=False)", "field(default_factory=dict)"),
    settings(
        "a laptop has webhooks",
        'is_cloud = host_name is not None and ":" not in host_name and',
        "is_cloud = host_name is not None and",
    ),
    secrets(
        "a secret keeps the newline it was pasted with",
        '(self._source.read(name) or "").strip() or None',
        "self._source.read(name)",
    ),
    secrets("a vault that is away takes the key along", "if known is None:\n                raise\n", "raise\n"),
    secrets("an old key waits for the vault", "flight.is_under_way and (is_old or away)", "flight.is_under_way and away"),
    secrets(
        "every thread waits for a vault that is away",
        "flight.is_under_way and (is_old or away)",
        "flight.is_under_way and is_old",
    ),
    secrets("a refused key is used while the vault is asked", "(is_old or away)", "(known or away)"),
    flight("each thread asks for itself", "flight, leads = self._flight, self._flight is None", "flight, leads = None, True"),
    flight("after one question none is asked any more", "                self._flight = None", "                pass"),
    secrets(
        "a refused key is kept",
        "known.value\n        return self._refresh(name, known)\n\n    def _refresh",
        "known.value\n        return self.get(name)\n\n    def _refresh",
    ),
    secrets("a key is read once only", "REREAD_AFTER_SECONDS = 300.0", "REREAD_AFTER_SECONDS = 3e9"),
    provider_key("a key that was changed is not tried", "if newer is not None and newer != key:", "if False:"),
    provider_key("a key that no header holds is sent", "if not _SENDABLE.fullmatch(key):", "if False:"),
    telemetry(
        "texts of errors are in traces", 'made.set_attribute("error.type", type(error).__name__)', "made.record_exception(error)"
    ),
    telemetry(
        "signed links are in traces",
        "record_exception=False, set_status_on_exception=False",
        "record_exception=True, set_status_on_exception=True",
    ),
    telemetry(
        "requests are counted by the app and by the host",
        "trace.SpanKind.INTERNAL if is_known else trace.SpanKind.SERVER",
        "trace.SpanKind.SERVER",
    ),
    telemetry("refusals are failures of ours", "yield Answered(made, failed_from=500)", "yield Answered(made, failed_from=400)"),
    telemetry("what a provider refuses has not failed", "failed_from=400)", "failed_from=500)"),
    telemetry("calls have no target", '"server.port": port,', ""),
    telemetry("every call has the same name", '"url.full": f"{parts.scheme}://{host}{stated}{route}",', ""),
    telemetry("probes are told of twice", "if is_known and name in _PROBES:", "if False:"),
    telemetry("Azure's clients tell of each request", 'for _chatty in ("azure.core", ', "for _chatty in ("),
    told_calls("each prediction has a name of its own in traces", 'r"(?<=/predictions/)[^/]+"', 'r"$^"'),
    told_calls("what opens a picture is in traces", "check(url), {}, budget, _PICTURE)", "check(url), {}, budget)"),
    told_requests("a request does not say how it was answered", "told.with_status(response.status_code)", "pass"),
    housekeeping(
        "nobody hears that housekeeping fails", 'telemetry.event("housekeeping_failed", logging.ERROR, reason', "dict(reason"
    ),
    # ---- where a key and a download may go ----
    trust("a key goes over plain http", 'if parts.scheme != "https" or port', "if port"),
    trust("a key goes to any port", " or port not in (None, 443)", ""),
    trust("a key goes to any host", " or not allowed(host):", ":"),
    trust(
        "a key goes where a name stands before the host",
        "if parts.username is not None or parts.password is not None:",
        "if False:",
    ),
    trust("evilreplicate.delivery is Replicate's", 'host.endswith(f".{domain}")', "host.endswith(domain)"),
    trust(
        "an extra host is trusted on every port",
        "(port is None and host in extra_hosts)",
        'host in [extra.partition(":")[0] for extra in extra_hosts]',
    ),
    bfl_hosts(
        "api.bfl.ai.evil.com is BFL's", "return _API_HOST.fullmatch(host) is not None", "return _API_HOST.match(host) is not None"
    ),
    bfl_hosts(
        "delivery.bfl.ai.evil.com is BFL's",
        "return _DELIVERY_HOST.fullmatch(host) is not None",
        "return _DELIVERY_HOST.match(host) is not None",
    ),
    bfl_hosts(
        "the polling URL of an answer is followed wherever it leads",
        "except UntrustedUrl:\n            return own",
        "except UntrustedUrl:\n            return given",
    ),
    bfl_hosts(
        "the polling URL of another task is followed", ' and parse_qs(parts.query).get("id") == [task_id] else own', " else own"
    ),
    replicate_hosts(
        "Replicate's key goes to its delivery hosts",
        'return host == "api.replicate.com"',
        'return host.endswith("replicate.com") or host.endswith("replicate.delivery")',
    ),
    replicate_hosts(
        "a picture is fetched from anywhere", 'return is_host_or_subdomain(host, "replicate.delivery")', "return True"
    ),
    client(
        "a URL is not checked before the key goes there",
        "check_url(url, self._is_api_host, self._extra_hosts)\n        except",
        "pass\n        except",
    ),
    http(
        "a redirect is followed unchecked",
        'self._exchange(self._session, "GET", check(url), {}, budget, _PICTURE)',
        'self._exchange(self._session, "GET", url, {}, budget, _PICTURE)',
    ),
    http("keys of the machine travel along", "session.trust_env = False", "session.trust_env = True"),
    http("a name may lead into a private net", "if not is_public(made.getpeername()[0]):", "if False:"),
    http("an answer may be of any size", "if self.bytes_left < 0:", "if False:"),
    # ---- webhooks ----
    webhook("calls need no signature", "await threads.run(services().webhooks.verify, req.headers, body)", "pass"),
    webhook(
        "a call wakes whatever it names", 'if _is_instance(instance) and re.fullmatch(r"[1-9][0-9]?", submission):', "if True:"
    ),
    of("shared/names.py", "tests/triggers/test_charges.py")(
        "a call for a picture that was started again wakes nobody",
        'PICTURE_SUFFIX = r"-[0-8](-[1-9])?"',
        'PICTURE_SUFFIX = r"-[0-8]"',
    ),
    verifier("an old call is played again", "if abs(now - int(timestamp)) > TOLERANCE_SECONDS:", "if False:"),
    verifier("any signature will do", "if not any(hmac.compare_digest(expected, one) for one in given):", "if not given:"),
    verifier("the time is not signed", 'f"{message_id}.{timestamp}.".encode() + body', 'f"{message_id}.".encode() + body'),
    verifier("every forged call fetches the secret", "REFETCH_AFTER_SECONDS = 60.0", "REFETCH_AFTER_SECONDS = 0.0"),
    verifier(
        "a call without a signature fetches the secret",
        "        claimed_signatures(headers, now)\n        secret =",
        "        secret =",
    ),
    verifier("every call asks for a secret that cannot be had", "RETRY_AFTER_SECONDS = 2.0", "RETRY_AFTER_SECONDS = 0.0"),
    verifier("every call waits while the secret is fetched", "acquire(blocking=False)", "acquire()"),
    verifier(
        "an outage is remembered from before it was told",
        """            try:
                self._secret = self._fetch()
            except ProviderError as error:
                self._failure = (error.problem, error.note)
            finally:
                # When it ended: what takes longer than it is good for would be forgotten as it is learned.
                self._fetched_at = self._clock()
""",
        """            self._fetched_at = self._clock()
            try:
                self._secret = self._fetch()
            except ProviderError as error:
                self._failure = (error.problem, error.note)
""",
    ),
    verifier("a clock that is set back keeps the secret away", "0 <= self._clock()", "self._clock()"),
    probe("every probe asks a provider that refuses", "FAILED_CHECK_SECONDS = 15.0", "FAILED_CHECK_SECONDS = 0.0"),
    probe("every probe asks storage and hub", "_CHECK_EVERY_SECONDS = 5.0", "_CHECK_EVERY_SECONDS = 0.0"),
    probe("probes at one moment ask each for itself", "if part not in self._looks:", "if True:"),
    probe(
        "what a part said counts from before it was asked",
        "            said = await look()\n            self._known[part] = (time.monotonic(), said)\n",
        "            began = time.monotonic()\n            said = await look()\n            self._known[part] = (began, said)\n",
    ),
    probe(
        "a part without an answer is waited for by every probe", "        self._known[part] = (time.monotonic(), silent)\n", ""
    ),
    probe("a probe waits as long as a part does", "timeout=_CHECK_SECONDS)\n        if done", "timeout=None)\n        if done"),
    probe("a look that fails itself is the last", "del self._looks[part]", "pass"),
    probe(
        "a hub without an answer is asked on",
        'await asyncio.wait_for(find_instance(client, "health-probe"), _CHECK_SECONDS)',
        'await find_instance(client, "health-probe")',
    ),
)
