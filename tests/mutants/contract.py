"""The contract: what the document says, what it is held against, and what a client sends again."""

from tests.mutants.mutant import Mutant, of

schemas = of("triggers/contract/schemas.py", "tests/contract/test_document.py")
operations = of("triggers/contract/operations.py", "tests/contract/test_document.py")
document = of("triggers/contract/document.py", "tests/contract/test_document.py")
served = of("triggers/api_document.py", "tests/contract/test_document.py")
page = of("triggers/contract/page.py", "tests/contract/test_document.py")
going = of("triggers/deprecation.py", "tests/contract/test_document.py")
generation = of("shared/domain/generation.py", "tests/contract/test_document.py")
view = of("triggers/job_view.py", "tests/triggers/test_jobs.py")
edge = of("triggers/edge.py", "tests/contract/test_document.py")
python = of("clients/python/toonconnect/client.py", "tests/clients/test_clients.py")
hooks = of("clients/python/toonconnect/webhooks.py", "tests/clients/test_clients.py")
javascript = of("clients/js/toonconnect.js", "tests/clients/test_clients.py")

CONTRACT: tuple[Mutant, ...] = (
    generation("a label that the document offers is refused", 'LABELS, default_label)', 'LABELS[:1], default_label)'),
    generation("a spelling that the document offers is refused", 'OUTPUT_FORMAT_SPELLINGS.get(words', '{}.get(words'),
    schemas("the document has a bound of its own", "maximum=limits.SEED_MAX, examples=[11]", "maximum=2**31, examples=[11]"),
    schemas("the document has a default of its own", "default=limits.SAFETY_DEFAULT", "default=1"),
    schemas("the document says that unknown fields are taken", '"additionalProperties": False,\n    }  # fmt: skip', '}  # fmt: skip'),
    operations("an operation has lost a problem that is its own", '"intake_paused",\n', "\n"),
    document("a problem stands under another status", "str(CATALOGUE[code].status), [])", "str(CATALOGUE[code].status + 1), [])"),
    served("the document is sent again to who has it", 'if etag in [', 'if "" in ['),
    served("every cold start builds the document", "import azure.durable_functions as df", "import azure.durable_functions as df\nimport triggers.contract"),
    page("a text of the document is markup", '_words(schema.get("description", ""))', 'schema.get("description", "")'),
    page("a body that has a name of its own shows nothing", "{_schema(schemas[schema['$ref'].rpartition('/')[2]])}", ""),
    page("of what may be sent in two ways nothing is told", 'schema.get("anyOf", ())', '()'),
    page("what the app itself sends is not shown", '{**document["paths"], **sent}', 'document["paths"]'),
    document("the example of a job that was just accepted has ended", "examples.QUEUED if", "examples.JOB if"),
    page("the page may load what it likes", "default-src 'none'; style", "default-src *; style"),
    going("what is to go does not say when", 'response.headers["Sunset"]', 'response.headers["X-Sunset"]'),
    edge("what is to go says nothing", "deprecation.tell(handler.__name__, ", "deprecation.tell('', "),
    view("a job tells what the contract does not know", '"metadata": document["metadata"],', '"metadata": document["metadata"], "owner": document["owner"],'),
    python("in Python: each try has a key of its own", '"POST", path, headers={"Idempotency-Key": key}', '"POST", path, headers={"Idempotency-Key": str(uuid.uuid4())}'),
    python("in Python: a given key is not sent", "key = key or str(uuid.uuid4())", "key = str(uuid.uuid4())"),
    python("in Python: a lost answer is not asked for again", "if tries == self._retries:\n                    raise NoAnswer", "if True:\n                    raise NoAnswer"),
    python("in Python: whoever asks for an hour is waited for", " or pause > self._longest_pause", ""),
    python("in Python: what does not pass is sent again", "if tries == self._retries or not _is_passing(error)", "if tries == self._retries"),
    python("in Python: an image that is missing is sent", "    if not data:\n        raise ValueError", "    if False:\n        raise ValueError"),
    python("in Python: any kind is asked for", "if kind not in KINDS:", "if False:"),
    javascript("in JavaScript: an image that is empty is sent", "image instanceof Blob && image.size", "image instanceof Blob"),
    javascript("in JavaScript: any kind is asked for", "if (!KINDS.includes(kind))", "if (false)"),
    javascript("in JavaScript: nobody is told which fields were wrong", "problem.errors ?? []", "[]"),
    javascript("in JavaScript: a redirect takes the owner's token along", 'redirect: "manual"', 'redirect: "follow"'),
    python("in Python: a redirect takes the owner's token along", "allow_redirects=False", "allow_redirects=True"),
    hooks("in Python: any signature will do", "raise BadSignature(\"wrong signature\")", "return dict(json.loads(body))"),
    hooks("in Python: an old message is heard", "> TOLERANCE_SECONDS", "> 10 * TOLERANCE_SECONDS"),
    hooks("in Python: one of several signatures is looked at", "if any(hmac", "if all(hmac"),
    javascript("in JavaScript: each try has a key of its own", '"Idempotency-Key": key }', '"Idempotency-Key": crypto.randomUUID() }'),
    javascript("in JavaScript: a lost answer is not asked for again", "if (last) throw new NoAnswer", "if (true) throw new NoAnswer"),
    javascript("in JavaScript: what does not pass is sent again", "if (last || !isPassing(error)", "if (last"),
    javascript("in JavaScript: any signature will do", 'throw new BadSignature("wrong signature");', "return JSON.parse(new TextDecoder().decode(bytes));"),
    javascript("in JavaScript: an old message is heard", "> TOLERANCE_SECONDS)", "> 10 * TOLERANCE_SECONDS)"),
)  # fmt: skip
