"""Images by link: when one is sent, what it opens and for how long, what follows one that fails, and what is left of it."""

from tests.mutants.mutant import Mutant, of

SWITCH, ACTIVITIES = "tests/unit/test_images_by_link.py", "tests/activities/test_images_by_link.py"
settings = of("shared/settings.py", SWITCH)
names = of("shared/storage/job_store.py", SWITCH)
image = of("shared/generators/image.py", SWITCH)
inline = of("shared/generators/inline.py", SWITCH)
order = of("shared/generators/generator.py", SWITCH)
sent = of("shared/storage/sent_images.py", ACTIVITIES, "tests/integration/test_sent_images.py")
signer = of("shared/storage/signed_links.py", "tests/integration/test_sent_images.py")
pictures = of("shared/storage/picture_store.py", ACTIVITIES)
prepare = of("activities/prepare_image.py", ACTIVITIES)
finish = of("activities/finish_job.py", ACTIVITIES)
keep = of("activities/keep_leftover.py", ACTIVITIES)
starting = of("shared/starting.py", ACTIVITIES)
submit = of("activities/submit_prediction.py", ACTIVITIES)
submission = of("shared/domain/submission.py", ACTIVITIES)
client = of("shared/providers/client.py", "tests/providers/test_links.py")
replicate = of("shared/providers/replicate.py", "tests/providers/test_links.py", "tests/providers/test_find.py")

FORGET = "services.sent_images.forget_ended(document)"

LINKS: tuple[Mutant, ...] = (
    # ---- whether ----
    settings("images go by link from a laptop", "is_public_storage = is_cloud and ", "is_public_storage = "),
    settings("images go by link from an emulator", "hostname not in _LOOPBACK", "hostname is not None"),
    settings("images go by link over http", 'urlsplit(url).scheme == "https" and ', ""),
    settings("the host's account counts before the images'", "(images_account or connection_string", "(connection_string"),
    settings("a malformed switch is as if it were not set", 'choice(name, "false", "true", "false") == "true"', 'choice(name, "true" if default else "false", "true", "false") == "true"'),  # noqa: E501
    settings("IMAGES_BY_LINK is not read", 'switch("IMAGES_BY_LINK", is_public_storage)', "is_public_storage"),
    # ---- what it names ----
    names("a link names its job", "hashlib.sha256(f'sent images of {job_id}'.encode()).hexdigest()[:32]", "job_id"),
    names("a link names a plain digest of its job", "f'sent images of {job_id}'.encode()", "job_id.encode()"),
    names("all jobs share a name", "f'sent images of {job_id}'.encode()", "b'sent images'"),
    names("a prepared JPEG is looked for as PNG", 'prepared_extension(name.rpartition(".")[2])', '"png"'),
    image("the text of an image shows its link", "    url: str = field(repr=False)", "    url: str"),
    order("the text of an order shows its images", "images: tuple[Image, ...] = field(repr=False)", "images: tuple[Image, ...]"),
    inline("BFL gets the bytes behind a link", "return image.url if isinstance(image, Linked) else base64", "return base64"),
    inline("Replicate gets the bytes behind a link", "if isinstance(image, Linked):", "if False:"),
    # ---- for how long ----
    sent("a link lives as long as the page's", ", ttl=timeout + LINK_MARGIN", ""),
    sent("a link dies with the deadline", "ttl=timeout + LINK_MARGIN", "ttl=timeout"),
    sent("what is not there for it is sent by link", " or not name.startswith(SENT)", ""),
    sent("images go by link though they shall not", "self._links is None or not name", "not name"),
    signer("a link works over http", 'protocol="https" if url.startswith("https://") else None', "protocol=None"),
    signer("a longer link outlives its key", "ttl + CLOCK_SKEW)", "self._ttl + CLOCK_SKEW)"),
    submit("a link lives as long as any job", 'timedelta(seconds=self._payload["timeout_seconds"])', "timedelta(hours=1)"),
    # ---- what is left ----
    sent("what is watched loses its image", " and not is_watched(document)", ""),
    sent("a job that goes on loses its image", 'is_terminal(document["status"]) and ', ""),
    sent("nothing is deleted", "self._blobs.delete(IMAGES, name)", "pass"),
    finish("an ended job's links live on", FORGET, "pass"),
    keep("a leftover's links live on", FORGET, "pass"),
    prepare("what is prepared too late stays", FORGET, "pass"),
    starting("a lost job's links live on", "    app.sent_images.forget(document)\n    app.quotas", "    app.quotas"),
    starting("a lost watch's links live on", "        app.sent_images.forget(document)\n        return", "        return"),
    pictures("a deleted job's links live on", '(f"{job_id}/", sent_folder(job_id))', '(f"{job_id}/",)'),
    # ---- when ----
    submit("every attempt is by link", 'if self._payload["attempt"] == 1 else None', ""),
    submit("no attempt is by link", 'if self._payload["attempt"] == 1 else None', "if False else None"),
    submit("what goes inside is not made small", "for_inline(bytes_of(image)) for image", "bytes_of(image) for image"),
    submit("a link that failed fails its job", "if error.is_about_image and order.is_by_link:", "if False:"),
    submit("any refusal of a link is repeated", "if error.is_about_image and order.is_by_link:", "if order.is_by_link:"),
    submit("images that went inside are sent again", "if error.is_about_image and order.is_by_link:", "if error.is_about_image:"),
    submit("the repeat goes by link again", "replace(order, images=_inside(order.images))", "order"),
    submit("a repeat is sent for nobody", 'if not is_wanted(self._services.jobs.read(self._payload["job_id"])):\n            self._change(record, record.submission.canceled())', "if False:\n            pass"),  # noqa: E501
    submit("a repeat is not told of", '"image_link_failed", job_id', '"submit_refused", job_id'),
    submit("a repeat is on record as a link", "by_link=False))\n        return self._send(record, order)", "by_link=True))\n        return self._send(record, order)"),  # noqa: E501
    submit("a lost link is repeated inside", "by_link = submission.is_by_link and _has_links(images)", "by_link = False"),
    submit("what was put off goes by link", "by_link = submission.is_by_link and _has", "by_link = _has"),
    submit("a record does not say that it went by link", "by_link=_has_links(images),", "by_link=False,"),
    submission("the record forgets how a repeat went", "instances=told, by_link=by_link", "instances=told"),
    # ---- what a provider says ----
    client("no refusal is about an image", "answer.status in (400, 422) and _ABOUT", "False and _ABOUT"),
    client("a refusal with 400 is about no image", "in (400, 422)", "in (422,)"),
    client("a busy provider is told of an image", "answer.status in (400, 422) and _ABOUT", "_ABOUT"),
    client("a link in an error's manual is taken for an image's", """f"{one.get('loc')} {one.get('msg')}" for""", "str(one) for"),
    client("an answer without a list is not read", "return str(detail)", 'return ""'),
    replicate("another job's link is ours", "sent[0] != shown[0] or sent == shown", "True"),
    replicate("a link is told by its signature", "return (parts.netloc, parts.path) if", "return (parts.netloc, url) if"),
    replicate("what went inside is taken for a link's", 'if str(echo).startswith("data:"):', 'if str(echo) == wanted:'),
    replicate("a link of theirs is never ours", "sent[0] != shown[0] or sent == shown", "sent == shown"),
    replicate("so many images or fewer are the same", "len(wanted) == len(echo) and ", ""),
)  # fmt: skip
