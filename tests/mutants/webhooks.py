"""Where the end of a job may be told to, how it is signed, how often it is told, and when it is told no more."""

from tests.mutants.mutant import Mutant, of

STORY, CALLS, PURE = "tests/orchestrators/test_webhooks.py", "tests/triggers/test_deliveries.py", "tests/unit/test_delivery.py"
url = of("shared/domain/webhook_url.py", "tests/unit/test_webhook_url.py")
signed = of("shared/domain/signature.py", "tests/unit/test_signature.py")
delivery = of("shared/domain/delivery.py", PURE, CALLS)
store = of("shared/storage/webhook_store.py", CALLS)
receivers = of("shared/providers/receivers.py", "tests/integration/test_receivers.py")
delivering = of("shared/delivering.py", CALLS, STORY)
story = of("orchestrators/deliver_webhook.py", STORY)
finish = of("activities/finish_job.py", CALLS)
generate = of("triggers/generate.py", CALLS)
forgetting = of("shared/forgetting.py", CALLS, STORY)
job = of("shared/domain/job.py", CALLS, PURE)
housekeeping = of("triggers/housekeeping.py", CALLS)
health = of("triggers/health.py", CALLS)
secret = of("triggers/webhook_secret.py", CALLS)
settings = of("shared/settings.py", "tests/unit/test_settings.py")

WEBHOOKS: tuple[Mutant, ...] = (
    # ---- where to ----
    url("a webhook goes out in the clear", 'if parts.scheme != "https":', "if False:"),
    url("a webhook carries a password", "if parts.username is not None or parts.password is not None:", "if False:"),
    url("a webhook goes to any port", "if parts.port not in (None, 443):", "if False:"),
    url("a webhook goes to this machine by its name", "and not _OWN.fullmatch(host)", ""),
    url("a number is taken for a name", r'_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:', r'_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z0-9](?:'),  # noqa: E501
    url("an address of any net is public", "one.is_global and not one.is_multicast", "True"),
    url("the platform's own address is public", "one not in _PLATFORM", "True"),
    url("an address of IPv6 hides one of IPv4", "(given, *_inside(given))", "(given,)"),
    url("a translated address hides a private one", "if address in _NAT64:", "if False:"),
    url("a fragment is dropped in silence", 'if "#" in url:', "if False:"),
    receivers("a webhook is sent wherever the name leads", "if is_allowed is not None and not all(", "if False and not all("),
    receivers("one public address makes a name public", "not all(is_allowed(address)", "not any(is_allowed(address)"),
    receivers("the rule of the day a job was posted is enough", "if mistake_in(url, self._extra_hosts):", "if False:"),
    receivers("a redirect is followed", "redirect=False, retries=False", "redirect=True, retries=3"),
    receivers("an answer may drip for ever", "        self._timer.start()\n", ""),
    receivers("a webhook's address is in the traces", 'telemetry.call("POST", _ADDRESS, _ROUTE)', 'telemetry.call("POST", url, _ROUTE)'),  # noqa: E501
    receivers("a wish for time is not heard", 'Answer(response.status, response.headers, b"").retry_after()', "None"),
    settings("users' webhooks may go into the app's own net", "            webhook_hosts = ()\n", ""),
    # ---- how it is signed ----
    signed("our time is not signed", 'f"{message_id}.{timestamp}."', 'f"{message_id}.."'),
    signed("our id is not signed", 'f"{message_id}.{timestamp}."', 'f".{timestamp}."'),
    signed("all owners have one secret", "json.dumps([owner, version]", "json.dumps([version]"),
    signed("a new version is the old one", "json.dumps([owner, version]", "json.dumps([owner]"),
    delivering("only the new secret signs", ", *(version for version, _ in versions.former))", ",)"),
    delivering("who claims a job signs what another's receiver hears", "owner = posted_by(document)", "owner = document[\"owner\"]"),  # noqa: E501
    delivering("a short key signs", "if key and len(key) >= KEY_MIN_CHARACTERS else None", "or None"),
    delivering("nobody has a secret, which is everybody's", "    if owner == ANONYMOUS:\n", "    if False:\n"),
    secret("nobody may ask for a secret", "    if who == ANONYMOUS:\n", "    if False:\n"),
    store("a former secret signs for ever", "if now < until", "if True"),
    store("a repeated rotation takes the secret away", "(known.current, now + BOTH_SIGN), *known.former]", "(known.current, now + BOTH_SIGN)]"),  # noqa: E501
    store("the header grows with every rotation", "if len(known.former) >= MOST_FORMER:", "if False:"),
    store("a secret may be made as soon as the newest ends", "known.former[-1][1]", "known.former[0][1]"),
    store("an owner's name is a blob's name", "hashlib.sha256(owner.encode()).hexdigest()}.json", "owner}.json"),
    # ---- how often, and until when ----
    delivery("a receiver that is gone is told again", "or status == GONE", ""),
    delivery("a redirect is taken for a receipt", "200 <= status < 300", "200 <= status < 400"),
    delivery("a receiver is told for ever", "if tried >= len(SCHEDULE_SECONDS):", "if False:"),
    delivery("a receiver may put it off for ever", "min(retry_after or 0.0, LONGEST_WAIT_SECONDS)", "(retry_after or 0.0)"),
    delivery("a receiver may have it sooner", "return max(scheduled, ", "return max(5.0, "),
    delivery("each try is another event", "document['id'].removeprefix('job_')}", "document['id']}{len(document.get('deliveries') or [])}"),  # noqa: E501
    delivery("a deleted job is told", "and not is_deleted(document) and", "and"),
    delivery("a job that runs is told", 'or not is_terminal(document["status"])', ""),
    delivering("a try comes before its time", "if wait > _EARLY_SECONDS:", "if False:"),
    delivering("slow receivers take all the threads", "len(self._taken) < SENDS_AT_ONCE and ", ""),
    delivering("one owner's silent receivers hold up everybody's", " and self._taken.count(owner) < SENDS_OF_ONE_OWNER", ""),
    delivering("a place is held for ever", "            self._taken.remove(owner)\n", "            pass\n"),
    delivery("who is turned away asks as often as ever", "max(SHORTEST_BUSY_SECONDS, late)", "SHORTEST_BUSY_SECONDS"),
    delivery("who is turned away for a day does not come for a day", "min(max(SHORTEST_BUSY_SECONDS, late), LONGEST_BUSY_SECONDS)", "max(SHORTEST_BUSY_SECONDS, late)"),  # noqa: E501
    delivery("all who were turned away come back together", ", LONGEST_BUSY_SECONDS) * (1 + jitter)", ", LONGEST_BUSY_SECONDS)"),
    delivering("a try is not written down", "            lambda known: attempted(known, at, status=status,", "            lambda known: known or attempted(known, at, status=status,"),  # noqa: E501
    delivering("the mark of a job that was told stays", "    if wait is None:\n        app.deliveries.forget(job_id)\n    return wait", "    return wait"),  # noqa: E501
    delivering("one that goes on is begun again", "    if runtime in GOING_ON:\n        return False\n", ""),
    delivering("an operator's word is not final", "runtime in STOPPED or now", "now"),
    delivering("what cannot be told is begun for ever", '> GIVEN_UP_AFTER', "> 99 * GIVEN_UP_AFTER"),
    delivering("a job that is being made loses its mark", "if now - accepted_at(job_id) > _MADE_BY:", "if True:"),
    delivering("a deleted job is told on", 'await client.terminate(instance, "its job was deleted")', "pass"),
    story("a story is told once", '        yield timer(context, answer["wait_seconds"])\n', "        return {}\n"),
    finish("nobody begins to tell", 'await delivering.start(client, payload["job_id"], payload["traceparent"])', "pass"),
    generate("a job to be told of leaves no mark", "            app.deliveries.expect(job_id)\n", "            pass\n"),
    generate("an unsigned webhook is taken", '        delivering.require(app, document["owner"])\n', "        pass\n"),
    generate("every job is told", 'if asked.webhook_url else {}', 'if asked is not None else {}'),
    forgetting("a deleted job's webhook keeps its history", ", *webhook]:", "]:"),
    forgetting("a deleted job is forgotten while it is told", "if document is not None and not await delivering.end(app, client, document):", "if False:"),  # noqa: E501
    job("a deleted job keeps the address", '{"webhook": None} if "webhook" in document else {}', "{}"),
    housekeeping("what was never begun to be told stays untold", "    await delivering.start_missing(app, client, now)\n", ""),
    delivering("one run of housekeeping looks at all that is to be told", "[:LOOKED_AT_ONCE]\n", "\n"),
    delivering("each run looks at the same", "    begin = run * LOOKED_AT_ONCE % len(job_ids)\n", "    begin = run * 0\n"),
    housekeeping("a webhook between two tries is called stuck", 'if not names.is_webhook_instance(status.instance_id or "")', ""),
    health("a key that is missing where it is used is not missed", '"degraded" if is_used else "off"', '"off"'),
)  # fmt: skip
