"""Sheets, what is made again, and pictures of own jobs as inputs."""

from tests.mutants.mutant import Mutant, of

sheet = of("shared/domain/sheet.py", "tests/unit/test_sheet.py")
route = of("triggers/sheet.py", "tests/triggers/test_sheet.py")
retry = of("triggers/retry.py", "tests/triggers/test_retry.py")
own = of("triggers/own_pictures.py", "tests/triggers/test_own_pictures.py")
form = of("triggers/upload.py", "tests/triggers/test_sheet.py", "tests/triggers/test_own_pictures.py")
post = of(
    "triggers/generate.py", "tests/triggers/test_sheet.py", "tests/triggers/test_retry.py", "tests/triggers/test_own_pictures.py"
)
view = of("triggers/job_view.py", "tests/triggers/test_sheet.py", "tests/triggers/test_own_pictures.py")
meaning = of("shared/domain/fingerprint.py", "tests/unit/test_sheet.py")
order = of("activities/submit_prediction.py", "tests/orchestrators/test_sheets.py")
prepare = of("activities/prepare_image.py", "tests/triggers/test_retry.py")
story = of("orchestrators/generate_job.py", "tests/orchestrators/test_sheets.py")
ended = of("shared/domain/job.py", "tests/orchestrators/test_sheets.py")
started = of("shared/starting.py", "tests/triggers/test_sheet.py")

SHEETS: tuple[Mutant, ...] = (
    sheet("a preset may come twice", "if len(set(names)) < len(names):", "if False:"),
    sheet(
        "a sheet may ask for what nobody knows",
        "if not names or any(name not in PRESETS for name in names):", "if not names:",
    ),
    sheet("n multiplies a sheet", "(one for one in _INSTEAD if one[0] in fields)", "()"),
    sheet(
        "all pictures of a sheet have the first one's shape",
        "asked.aspect_ratio or p.aspect_ratio", "presets[0].aspect_ratio",
    ),
    sheet("what the creator adds is not sent with a sheet", "{asked['prompt_sent']}\".strip()", '".strip()'),
    sheet("all pictures of a sheet are of its first preset", "presets[index] if presets", "presets[0] if presets"),
    sheet("pictures that are there are missing", "if index not in made]", "]"),
    sheet(
        "a job that goes on is said to have failed",
        "if asked == 1 or not is_terminal(document", "if asked == 1 or not (document",
    ),
    meaning("other presets are the same request", '| {"presets": list(asked.presets) or None}', ""),

    route("a sheet takes what a picture takes", "parse=parse_sheet, ", ""),
    form("a field that is repeated keeps its last value", 'f"{fields[name]},{text}" if name in fields else text', "text"),
    form("a list in brackets is another field", 'name.removesuffix("[]") if name.removesuffix("[]") in _LISTS else name', "name"),
    form("the name of a picture is no image", "if name in images and _is_reference(part):", "if False:"),
    form("what a job made is bounded like an upload", "LARGEST_UPLOAD_BYTES if name in form.references else ", ""),
    own("a picture that is not there is taken for another", "if index in missing_pictures(document):", "if False:"),
    own("a picture is used after its time", "if is_expired(document, app.now()):", "if False:"),
    own("a picture whose job is forgotten never was", "job_id and is_long_over(app, job_id)", "False"),
    own("a number that no picture has is an internal error", ' or int(read.group(2)) >= len(document["seeds"])', ""),
    retry(
        "all pictures are made again",
        'missing_pictures(source) or list(range(len(source["seeds"])))', 'list(range(len(source["seeds"])))',
    ),
    retry("nothing is made again where nothing is missing", ' or list(range(len(source["seeds"])))', ""),
    retry("the seeds are always new", 'if seeds == "same" else secrets', "if False else secrets"),
    retry("the seeds are always the same", 'if seeds == "same" else secrets', "if True else secrets"),
    retry("a retry tells a seed that is another picture's", "asked_seed(asked, numbers)", 'asked["seed"]'),
    retry("what goes on is made twice", 'if not is_terminal(source["status"]):', "if False:"),
    retry("what is expired is made again", "if is_expired(source, app.now()):", "if False:"),
    retry(
        "a form may be JSON by its boundary",
        'media_type.endswith(("/json", "+json"))', '"json" in req.headers["content-type"]',
    ),
    retry("a forgotten job never was", "if is_long_over(app, job_id) else", "if False else"),
    retry("an image that never was is asked for", "if name is None:", "if False:"),
    retry("what became of the prompt is forgotten", '"warnings", "translated", "webhook"', '"warnings"'),
    retry("a key stands for any job", "retry of {job_id} with", "retry with"),
    retry("a key stands for any seeds", " with seeds: {seeds}", ""),
    retry("each picture made again is of the first presets", "[source[name][index] for index in again]", "source[name]"),
    post("prepared images are prepared again", 'is_prepared = "retry_of" in document', "is_prepared = False"),
    post("the version before makes a sheet of one picture", 'del told["aspect_ratio"]', "pass"),
    post("where an image came from is forgotten", 'if form.references else {}', "if False else {}"),
    prepare("a prepared image is encoded once more", 'prepared_before(data) if is_prepared_upload(payload["blob"]) else ', ""),
    view("a summary keeps its language in caches", ' or how_many(self.document)', ""),
    view("the error does not say how many there are", "if summary := _summary(req, document):", "if (summary := None):"),
    order("a picture of a sheet is sent as the first one", 'sent_of(job, self._payload["index"])', "sent_of(job, 0)"),
    story("what was sent is not kept on record", 'if len(images) == len(job["images"]):', "if False:"),
    ended("what was sent is forgotten at the end", '{"sent": order["sent"]} if "sent" in order', '{} if "sent" in order'),
    started(
        "the pictures of a sheet are named after no preset",
        '"preset": preset_of(document, i)', '"preset": document["input"]["preset"]',
    ),
)  # fmt: skip
