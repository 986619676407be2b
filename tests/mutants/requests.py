"""What is asked of us and what is asked of the providers: each field of a request's body on its way, and what is answered."""

from tests.mutants.mutant import Mutant, of

kinds = of("shared/domain/kinds.py", "tests/triggers/test_mappings.py")
generation = of("shared/domain/generation.py", "tests/unit/test_generation.py")
post = of(
    "triggers/generate.py", "tests/triggers/test_generate.py", "tests/triggers/test_mappings.py",
    "tests/triggers/test_same_requests.py",
)  # fmt: skip
bodies = of("triggers/bodies.py", "tests/triggers/test_translate.py")
form = of(
    "triggers/upload.py", "tests/triggers/test_forms.py", "tests/triggers/test_mappings.py",
    "tests/triggers/test_same_requests.py",
)  # fmt: skip
parts = of("triggers/multipart.py", "tests/triggers/test_forms.py")
charsets = of("triggers/charsets.py", "tests/triggers/test_forms.py", "tests/unit/test_charsets.py")
text = of("shared/domain/text.py", "tests/unit/test_text.py")
meaning = of("shared/domain/fingerprint.py", "tests/triggers/test_same_requests.py")
encode = of("shared/pictures/encode.py", "tests/unit/test_images.py")
limits = of("shared/pictures/limits.py", "tests/unit/test_images.py")
results = of("shared/pictures/results.py", "tests/unit/test_images.py", "tests/unit/test_labels.py")
label = of("shared/pictures/label.py", "tests/unit/test_labels.py")
order = of("activities/submit_prediction.py", "tests/activities/test_what_is_sent.py")
output = of(
    "activities/check_prediction.py", "tests/activities/test_check_prediction.py", "tests/activities/test_what_is_sent.py"
)
turn = of("activities/prepare_image.py", "tests/activities/test_prepare_image.py")
threads = of("shared/threads.py", "tests/unit/test_threads.py")
capacity = of("bench/capacity.py", "tests/ops/test_capacity.py")
prepared = of("orchestrators/generate_job.py", "tests/orchestrators/test_one_picture.py")
sent = of(
    "orchestrators/sending.py", "tests/orchestrators/test_courses.py", "tests/orchestrators/test_sending.py",
    "tests/orchestrators/test_one_picture.py",
)  # fmt: skip
bfl = of("shared/providers/bfl.py", "tests/providers/test_contract_of_bfl.py")
bfl_looks = of(
    "shared/providers/bfl.py",
    "tests/providers/test_looks.py",
    "tests/providers/test_rules.py",
    "tests/providers/test_generators.py",
)
replicate = of("shared/providers/replicate.py", "tests/providers/test_contract_of_replicate.py")
replicate_looks = of(
    "shared/providers/replicate.py",
    "tests/providers/test_looks.py",
    "tests/providers/test_rules.py",
    "tests/providers/test_generators.py",
)
replicate_find = of("shared/providers/replicate.py", "tests/providers/test_find.py")
client = of(
    "shared/providers/client.py",
    "tests/providers/test_rules.py",
    "tests/providers/test_generators.py",
    "tests/providers/test_creates.py",
)
downloads = of("shared/providers/client.py", "tests/providers/test_downloads.py")
http = of("shared/providers/http.py", "tests/providers/test_creates.py", "tests/providers/test_downloads.py")
translator = of("shared/translator.py", "tests/unit/test_translator.py")
provenance = of("shared/provenance.py", "tests/unit/test_provenance.py")
no_route = of("triggers/no_route.py", "tests/triggers/test_no_route.py")
devhost_routes = of("devhost/http_host.py", "tests/devhost/test_routes.py", "tests/devhost/test_http.py")
devhost_methods = of("devhost/app_loader.py", "tests/devhost/test_http.py")

REQUESTS: tuple[Mutant, ...] = (
    no_route("an address with an empty part has methods", 'path.removesuffix("/")', 'path.strip("/")'),
    devhost_routes("an empty part begins what takes the rest", 'r"[^/].*" if takes_rest', 'r".*" if takes_rest'),
    devhost_routes(
        "the rest ends at a line break", "re.IGNORECASE | re.DOTALL)\n\n\ndef http_answer", "re.IGNORECASE)\n\n\ndef http_answer"
    ),
    devhost_routes("a slash at the end is another address", '("" if takes_rest else "(?:(?<=[^/])/)?")', '""'),
    devhost_routes(
        "a function without methods is never called", "(not methods or request.method in methods)", "request.method in methods"
    ),
    devhost_methods(
        "a function without methods takes those that are usual",
        "function.trigger.methods or ()",
        'function.trigger.methods or ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")',
    ),
    bodies("JSON may be nested as deep as this Python reads", "    if _is_deep(value):\n", "    if False:\n"),
    bodies("JSON may be nested a level deeper", "range(MAX_JSON_DEPTH + 1)", "range(MAX_JSON_DEPTH + 2)"),
    bodies("JSON may be nested a level less deep", "range(MAX_JSON_DEPTH + 1)", "range(MAX_JSON_DEPTH)"),
    bodies("JSON that no Python reads is an internal error", "except RecursionError:", "except ZeroDivisionError:"),
    # ---- what users ask for ----
    kinds("PPL's character and product are swapped", '("input_image_1", "input_image_2")', '("input_image_2", "input_image_1")'),
    generation(
        "safety 6 is allowed",
        "SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT = 0, 2, 2",
        "SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT = 0, 6, 2",
    ),
    generation(
        "safety 6 is the default",
        "SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT = 0, 2, 2",
        "SAFETY_MIN, SAFETY_MAX, SAFETY_DEFAULT = 0, 2, 6",
    ),
    generation("forty pictures may be ordered", "PICTURES_MAX = 4", "PICTURES_MAX = 40"),
    generation("n is ignored", 'n=whole("n", 1, PICTURES_MAX, 1) or 1', "n=1"),
    generation("the seed is ignored", 'seed=whole("seed", 0, SEED_MAX, None)', "seed=None"),
    generation("the format is ignored", 'output_format=format_text or "png"', 'output_format="png"'),
    generation("the ratio of a preset is ignored", "PRESETS[preset].aspect_ratio if preset else ", ""),
    generation(
        "what a user adds to a preset is ignored",
        'return f"{PRESETS[preset].prompt} {words}".strip()',
        "return PRESETS[preset].prompt",
    ),
    generation(
        "a preset's own prompt is not sent",
        "if preset is None:\n        return words",
        "if True:\n        return words",
    ),
    generation("the label is ignored", 'label=choice("label", LABELS, default_label)', 'label="none"'),
    generation("a prompt may be endless", "prompt = composed(text, PROMPT_MAX_CHARACTERS)", "prompt = composed(text, 10**9)"),
    generation("a prompt of nothing that is seen is sent", 'return "" if is_blank(prompt) else prompt', "return prompt"),
    generation("what was lost on the way is sent", "if is_damaged(prompt):", "if False:"),
    generation("what was written in another encoding is sent", "if is_misread(text):", "if False:"),
    form("controls show no other encoding", "if is_misread(text):", "if False:"),
    text("letters of UTF-16 are taken for controls", '[\\x00-\\x08\\x0e-\\x1f]")\n#: Nothing', '[\\x00]")\n#: Nothing'),
    text("a decomposed prompt is sent as it came", 'unicodedata.normalize("NFC", text)', "text"),
    text("endless marks are sorted", "len(text) > most * _LONGEST_DECOMPOSITION or ", ""),
    text("fillers of Hangul can be seen", " or _UNSEEN.fullmatch(c)", ""),
    charsets("a charset is asked of Python, which keeps every name", "if codec not in _CODECS:", "if False:"),
    charsets("what cannot be read is replaced", "data.decode(_codec(charset))", 'data.decode(_codec(charset), "replace")'),
    parts(
        "a file's name must be UTF-8",
        'super()._parse_headers(data.decode("latin-1").encode())',
        "super()._parse_headers(data)",
    ),
    of("triggers/multipart.py", "tests/unit/test_multipart.py")(
        "headers of any length are read, as long as each is short", " or self._header_bytes > MAX_HEADERS_BYTES", ""
    ),
    parts("a form may have any number of parts", "max_parts=MAX_PARTS", "max_parts=None"),
    form("a form's charset is not asked for", 'charset = options.get("charset") or charset', 'charset = "utf-8"'),
    form("types of media are in small letters only", "mime_type = mime_type.lower()", "pass"),
    form("letters of a transfer's encoding are sent", "not in _AS_IT_IS:", "in ():"),
    meaning("a default that changes makes another request of a repeated one", "if name in asked.given", "if True"),
    form(
        "an upload of any size is parsed",
        "if len(body) > images_bytes + FORM_OVERHEAD_BYTES:",
        "if False:",
    ),
    form("another picture is spelt the same", 'digest.update(f"{name}:{image}\\n".encode())', "pass"),
    form("another prompt is spelt the same", 'digest.update(f"{name}={len(value)}:{value}\\n".encode())', "pass"),
    meaning("the only model is another request than none", "if only_model:", "if False:"),
    meaning("spaces around a text of metadata make another request", ", _trimmed(asked.metadata)):", ",):"),
    meaning("what the former version kept is forgotten", "(_plain(asked.metadata), ", "(_trimmed(asked.metadata), "),
    post(
        "of several models the first is named by a request that names none", "if len(known) == 1 else None", "if known else None"
    ),
    meaning("another picture is the same request", "json.dumps([fields, images]", "json.dumps([fields]"),
    meaning("another prompt is the same request", "for name in (*FIELDS, ", "for name in (*FIELDS[1:], "),
    post("all pictures of a seed are the same", "(asked.seed + i) % (SEED_MAX + 1)", "asked.seed"),
    post("every job has the same seed", "secrets.randbelow(SEED_MAX + 1)", "7"),
    post("the prompt is not kept as it was sent", '"prompt_sent": asked.prompt_sent', '"prompt_sent": asked.prompt'),
    post(
        "the estimated cost is that of one picture",
        "round(first.price_usd(len(kind.images)) * pictures, 4)",
        "round(first.price_usd(len(kind.images)), 4)",
    ),
    post("the ratio is not kept", '"aspect_ratio": asked.aspect_ratio', '"aspect_ratio": "1:1"'),
    post("safety is not kept", '"safety_tolerance": asked.safety_tolerance', '"safety_tolerance": 2'),
    post("the format is not kept", '"output_format": asked.output_format', '"output_format": "png"'),
    encode("an upload keeps where it was taken", "    if picture.info:", "    if False:"),
    limits("an upload of any size is decoded", "if pixels > most:", "if False:"),
    results("a result of any size is decoded", " or facts.width * facts.height > MAX_IMAGE_PIXELS:", ":"),
    results(
        "a result that breaks off is no matter of the provider's", "(*DAMAGE, ProblemError) as error:", "ProblemError as error:"
    ),
    label("the label is written nowhere", "draw.text((corner[0] + pad - left", "(lambda *_, **__: None)((corner[0] + pad - left"),
    results("the label is not on the thumbnail", "            if label:\n", "            if False:\n"),
    label("a label is cut off where a picture is narrow", "int(size * picture.width / length)", "size"),
    label(
        "a label has no Hangul",
        "ImageFont.truetype(_FONT, size, layout_engine=ImageFont.Layout.BASIC)",
        "ImageFont.load_default(size)",
    ),
    provenance("a WebP says nothing", 'if content_type == "image/webp":\n        try:', "if False:\n        try:"),
    provenance("a WebP's head says nothing of XMP", '_flagged(chunks, _WEBP_WORDS[b"XMP "])', "_flagged(chunks, 0)"),
    provenance("a WebP loses its transparency", "_WEBP_ALPHA if bits >> 28 & 1 else 0", "0"),
    provenance("JFIF does not come first", "if jfif else 2", "if False else 2"),
    provenance("pictures do not name the model", "Iptc4xmpExt:AISystemUsed={quoteattr(tool)} ", ""),
    provenance(
        "pictures do not say that they were generated",
        "newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        "newscodes/digitalsourcetype/digitalCapture",
    ),
    # ---- on their way through the story ----
    prepared(
        "prepared images are swapped",
        'for field, blob in job["images"].items()',
        'for field, blob in reversed(job["images"].items())',
    ),
    prepared(
        "an unreadable image is sent",
        'problem = next((image["problem"] for image in prepared if "problem" in image), None)',
        "problem = None",
    ),
    sent("the first attempt is sent again and again", '**picture.named(), "call"', '**{**picture.named(), "attempt": 1}, "call"'),
    sent("all calls of the activity look alike", 'order["run"] * 1000 + course.calls', "1"),
    sent("the seed is not that of the picture", '"seed": order["seed"]', '"seed": 0'),
    sent("the label does not reach the picture", '"label": order["label"]', '"label": "none"'),
    order(
        "images are sent in another order",
        'tuple(map(self._image, self._payload["images"]))',
        'tuple(map(self._image, reversed(self._payload["images"])))',
    ),
    order("every picture is sent with the first seed", 'seed=job["seeds"][self._payload["index"]]', 'seed=job["seeds"][0]'),
    order("the prompt is sent without its preset", "prompt=prompt, images", 'prompt=asked["prompt"], images'),
    order("the ratio is not sent", "aspect_ratio=aspect_ratio,", 'aspect_ratio="match_input_image",'),
    order("the format is not sent", 'output_format=asked["output_format"]', 'output_format="png"'),
    order("safety 6 is sent", 'safety_tolerance=asked["safety_tolerance"]', "safety_tolerance=6"),
    order(
        "the provider tells nobody",
        'webhook_url=self._generator.provider.webhook_url(self._payload["instance"], self._payload["attempt"])',
        "webhook_url=None",
    ),
    order(
        "the provider tells another attempt",
        'webhook_url=self._generator.provider.webhook_url(self._payload["instance"], self._payload["attempt"])',
        'webhook_url=self._generator.provider.webhook_url(self._payload["instance"], 1)',
    ),
    output("an output tells another seed", '"seed": payload["seed"], "preset"', '"seed": 0, "preset"'),
    output(
        "an output is another picture's",
        "output_names(job_id, index, facts.content_type)",
        "output_names(job_id, 0, facts.content_type)",
    ),
    # ---- BFL ----
    bfl("BFL: the key is sent as a bearer token", 'return {"x-key": key}', 'return {"Authorization": f"Bearer {key}"}'),
    bfl("BFL: another model is asked", 'f"{self._base}/v1/{quote(model)}"', 'f"{self._base}/v1/flux-kontext-pro"'),
    bfl(
        "BFL: a webhook takes the place of the polling URL",
        'f"{self._base}/v1/{quote(model)}", fields)',
        'f"{self._base}/v1/{quote(model)}", {**fields, **({"webhook_url": webhook_url} if webhook_url else {})})',
    ),
    bfl_looks(
        "BFL: a moderated picture is said to be charged",
        '"Content Moderated": _Ended("content_moderated", "no"',
        '"Content Moderated": _Ended("content_moderated", "yes"',
    ),
    bfl_looks(
        "BFL: an error is not tried again",
        '"Error": _Ended("provider_unavailable", "no", resubmits=2)',
        '"Error": _Ended("provider_unavailable", "no")',
    ),
    bfl_looks(
        "BFL: not found is a failure",
        'if status == "Task not found":\n            return NotFound()',
        'if status == "Task not found":\n            return Failed(self._problem("provider_unavailable"))',
    ),
    bfl_looks(
        "BFL: ready without a picture still runs", 'return Unusable(self._problem("provider_bad_response", "yes"))', "return None"
    ),
    bfl_looks(
        "BFL: the body under a 404 is not read", "if isinstance(status, str):", "if answer.ok and isinstance(status, str):"
    ),
    bfl_looks("BFL: a pause that was asked for is forgotten", "retry_after=asked_pause(answer)", "retry_after=None"),
    bfl_looks("BFL: used-up credits are fine", "credits < LEAST_CREDITS:", "credits < 0:"),
    # ---- Replicate ----
    replicate("Replicate: the key is sent as BFL's", 'return {"Authorization": f"Bearer {key}"}', 'return {"x-key": key}'),
    replicate("Replicate: another model is asked", "/v1/models/{quote(model)}/", "/v1/models/black-forest-labs/flux-2-pro/"),
    replicate(
        "Replicate: a run goes on after our deadline",
        '"Cancel-After": f"{max(5, timeout_seconds + _CANCEL_GRACE_SECONDS)}s"',
        '"Prefer": "respond-async"',
    ),
    replicate(
        "Replicate: every step of a run is told",
        '"webhook_events_filter": ["completed"]',
        '"webhook_events_filter": ["start", "output", "logs", "completed"]',
    ),
    replicate("Replicate: nobody is told", "if webhook_url else {}),", "if False else {}),"),
    replicate_looks(
        "Replicate: a failed run is said to cost nothing",
        'return Failed(self._problem(code, "unknown"), resubmits)',
        'return Failed(self._problem(code, "no"), resubmits)',
    ),
    replicate_looks("Replicate: a flagged run is tried again", '"content_moderated", 0)', '"provider_unavailable", 2)'),
    replicate_looks(
        "Replicate: whatever else is tried again",
        '(re.compile(""), "provider_unavailable", 0)',
        '(re.compile(""), "provider_unavailable", 2)',
    ),
    replicate_looks(
        "Replicate: a busy platform is not tried again",
        'E6716)\\b", re.IGNORECASE), "provider_unavailable", 2)',
        'E6716)\\b", re.IGNORECASE), "provider_unavailable", 0)',
    ),
    replicate_looks(
        "Replicate: not found is a failure",
        "# Right after a create it is replication lag (1.13).\n            return NotFound()",
        'return Failed(self._problem("provider_unavailable"))',
    ),
    replicate_looks(
        "Replicate: succeeded without output still runs",
        'return Unusable(self._problem("provider_bad_response", "yes", shape=type(output).__name__))',
        "return Running()",
    ),
    replicate_looks("Replicate: an aborted run may be charged", '"no" if status == "aborted" else "unknown"', '"unknown"'),
    replicate_looks("Replicate: a canceled run is said to cost nothing", '"no" if status == "aborted" else "unknown"', '"no"'),
    replicate_looks(
        "Replicate: a run that was quicker counts as canceled",
        'return "finished" if status in ("succeeded", "failed") else "going on"',
        'return "canceled"',
    ),
    replicate_find("Replicate: another's webhook is ours", 'if item["webhook"] == webhook_url:', "if True:"),
    replicate_find(
        "Replicate: predictions of yesterday are found", "created_at is None or created_at < earliest:", "created_at is None:"
    ),
    replicate_find("Replicate: any input is ours", " and _is_made_from(item, fields, images, earliest):", ":"),
    replicate_find(
        "Replicate: who tells another is found by its input",
        'if item.get("webhook"):',
        'if item.get("webhook") == webhook_url and webhook_url:',
    ),
    replicate_find("Replicate: clocks are taken to agree", "since - _CLOCK_SKEW", "since"),
    replicate_find("Replicate: the first page is the whole list", "if not page.following:", "if True:"),
    replicate_find(
        "Replicate: a list that is too long holds nothing",
        'raise self._unavailable(note="the list of predictions is too long")',
        "return",
    ),
    # ---- both ----
    client("a lost answer made nothing", "maybe_done=not error.never_sent", "maybe_done=False"),
    client("what never left may have been made", "maybe_done=not error.never_sent", "maybe_done=True"),
    client(
        "a broken provider made nothing",
        'BROKEN = Refusal("provider_unavailable", maybe_done=True, ',
        'BROKEN = Refusal("provider_unavailable", ',
    ),
    client(
        "a busy provider is down",
        'BUSY = Refusal("provider_unavailable")',
        'BUSY = Refusal("provider_unavailable", provider_failed=True)',
    ),
    client(
        "what is refused for good is repeated",
        'PERMANENT = Refusal("provider_bad_response", retryable=False)',
        'PERMANENT = Refusal("provider_bad_response", retryable=True)',
    ),
    client(
        "a pause that a refusal asks for is forgotten",
        "retry_after=answer.retry_after(), maybe_done",
        "retry_after=None, maybe_done",
    ),
    downloads(
        "an unfetched picture is free",
        'self._problem(code, "yes"), provider_failed=not is_final',
        'self._problem(code, "no"), provider_failed=not is_final',
    ),
    turn("an upload that waits for its turn holds its place", "    if future.cancel():\n        raise NotItsTurn\n", ""),
    turn("uploads do not wait for one another", 'ThreadPoolExecutor(2, "prepare")', 'ThreadPoolExecutor(32, "prepare")'),
    threads("what blocks waits for the loop's own threads", "run_in_executor(_executor(), call)", "run_in_executor(None, call)"),
    threads(
        "there are as many threads as Python thinks fit",
        "ThreadPoolExecutor(Settings.from_environ().python_threads, ",
        "ThreadPoolExecutor(None, ",
    ),
    threads("what blocks knows nothing of its request", "contextvars.copy_context().run, function", "function"),
    capacity(
        "many jobs cost the seconds of each", "active = min(executions * SECONDS_AN_EXECUTION, ", "active = max(executions, "
    ),
    capacity("nobody looks at idle queues", "(idle + queues / PLATFORM_POLL_SECONDS) * MONTH_SECONDS", "idle * MONTH_SECONDS"),
    capacity("what gives last stands first", "key=lambda limit: limit[1])", "key=lambda limit: -limit[1])"),
    http("a dead link is fetched again", "_DEAD_LINK = (403, 404, 410)", "_DEAD_LINK = ()"),
    http("a create is given up as early as a read", "CREATE_READ_SECONDS = 30.0", "CREATE_READ_SECONDS = 15.0"),
    translator("the translator's key is sent as another's", '"Ocp-Apim-Subscription-Key": key', '"Authorization": key'),
    translator("prompts are translated into Korean", "&to=en", "&to=ko"),
)
