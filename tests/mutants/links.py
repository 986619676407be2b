"""Images by link: when one is sent, what it opens and for how long, and what follows one that fails."""

from tests.mutants.mutant import Mutant, of

SWITCH, ACTIVITIES = "tests/unit/test_images_by_link.py", "tests/activities/test_images_by_link.py"
settings = of("shared/settings.py", SWITCH)
image = of("shared/generators/image.py", SWITCH)
inline = of("shared/generators/inline.py", SWITCH)
order = of("shared/generators/generator.py", SWITCH)
sent = of("shared/storage/sent_images.py", ACTIVITIES, "tests/integration/test_sent_images.py")
signer = of("shared/storage/signed_links.py", "tests/integration/test_sent_images.py")
delegation = of("shared/storage/signed_links.py", "tests/integration/test_signed_links.py")
submit = of("activities/submit_prediction.py", ACTIVITIES)
submission = of("shared/domain/submission.py", ACTIVITIES)
client = of("shared/providers/client.py", "tests/providers/test_links.py")
replicate = of("shared/providers/replicate.py", "tests/providers/test_links.py", "tests/providers/test_find.py")

LINKS: tuple[Mutant, ...] = (
    # ---- whether ----
    settings("images go by link from a laptop", "is_public_storage = is_cloud and ", "is_public_storage = "),
    settings("images go by link from an emulator", "hostname not in _LOOPBACK", "hostname is not None"),
    settings("images go by link over http", 'urlsplit(url).scheme == "https" and ', ""),
    settings("the host's account counts before the images'", "(images_account or connection_string", "(connection_string"),
    settings("a malformed switch is as if it were not set", 'choice(name, "false", "true", "false") == "true"', 'choice(name, "true" if default else "false", "true", "false") == "true"'),  # noqa: E501
    settings("IMAGES_BY_LINK is not read", 'switch("IMAGES_BY_LINK", is_public_storage)', "is_public_storage"),
    # ---- what is sent ----
    image("the text of an image shows its link", "    url: str = field(repr=False)", "    url: str"),
    order("the text of an order shows its images", "images: tuple[Image, ...] = field(repr=False)", "images: tuple[Image, ...]"),
    inline("BFL gets the bytes behind a link", "return image.url if isinstance(image, Linked) else base64", "return base64"),
    inline("Replicate gets the bytes behind a link", "if isinstance(image, Linked):", "if False:"),
    # ---- for how long ----
    sent("a link lives as long as the page's", ", ttl=timeout + LINK_MARGIN", ""),
    sent("a link dies with the deadline", "ttl=timeout + LINK_MARGIN", "ttl=timeout"),
    sent("what tells its job is sent by link", " or not may_be_linked(name)", ""),
    sent("images go by link though they shall not", "self._links is None or not may", "not may"),
    signer("a link works over http", 'protocol="https" if url.startswith("https://") else None', "protocol=None"),
    signer("a longer link outlives its key", "ttl + DELEGATION_KEY_SHARED)", "self._ttl + DELEGATION_KEY_SHARED)"),
    delegation("a link is to outlive every key that Azure gives", "ttl = min(ttl, LONGEST_DELEGATED_LINK)", "pass"),
    delegation("a key is asked for from a clock that is ahead", "timedelta(days=7) - timedelta(minutes=15)", "timedelta(days=7)"),
    delegation("each of the longest links has a key of its own", "DELEGATION_KEY_LIMIT - DELEGATION_KEY_SHARED", "DELEGATION_KEY_LIMIT"),  # noqa: E501
    submit("a link lives as long as any job", 'timedelta(seconds=self._payload["timeout_seconds"])', "timedelta(hours=1)"),
    # ---- when ----
    submit("every attempt is by link", 'if self._payload["attempt"] == 1 else None', ""),
    submit("no attempt is by link", 'if self._payload["attempt"] == 1 else None', "if False else None"),
    submit("what goes inside is not made small", "for_inline(bytes_of(image)) for image", "bytes_of(image) for image"),
    submit("a link that failed fails its job", "if error.is_about_image and order.is_by_link:", "if False:"),
    submit("any refusal of a link is repeated", "if error.is_about_image and order.is_by_link:", "if order.is_by_link:"),
    submit("images that went inside are sent again", "if error.is_about_image and order.is_by_link:", "if error.is_about_image:"),
    submit("the repeat goes by link again", "replace(order, images=self._inside(order.images))", "order"),
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
