"""What is sent of a creator's words, and what is told of a picture's print."""

from tests.mutants.mutant import Mutant, of

rules = of("shared/domain/translation.py", "tests/unit/test_translation.py", "tests/activities/test_translate_prompt.py")
step = of("activities/translate_prompt.py", "tests/activities/test_translate_prompt.py")
story = of("orchestrators/generate_job.py", "tests/orchestrators/test_translating.py")
order = of("shared/starting.py", "tests/triggers/test_translating.py")
post = of("triggers/generate.py", "tests/triggers/test_translating.py")
view = of("triggers/job_view.py", "tests/triggers/test_translating.py")
translator = of("shared/translator.py", "tests/providers/test_translator.py")
printing = of("shared/domain/printing.py", "tests/unit/test_printing.py")

WORDS: tuple[Mutant, ...] = (
    rules("what a prompt quotes makes it Korean", '_QUOTED.sub(" ", text)', "text"),
    rules(
        "the language that is named is not asked for",
        "is_korean(prompt) if language is None else language == KOREAN",
        "is_korean(prompt)",
    ),
    rules(
        "a later translation changes what was sent",
        'if not is_open(document):\n        return document\n    decided = document | {"translated": {"state": "yes"',
        'decided = document | {"translated": {"state": "yes"',
    ),
    rules(
        "a failure undoes a translation",
        "if not is_open(document):\n        return document\n    warnings =",
        "warnings =",
    ),
    rules("a preset's template is lost beside a translation", 'picture_prompt(decided, document["input"].get("preset"))', "text"),
    rules("a missing translator is not told", '{"warnings": [_not_translated("not_configured")]}', "{}"),
    step("what was decided is asked for again", " or not is_open(document)", ""),
    step("a job that nobody wants is translated", " or not is_wanted(document)", ""),
    step("a story that is told again translates what was sent", 'if not payload["start"] or not await', "if True or not await"),
    step("a silent translator is waited for", "asyncio.wait((asking,), timeout=ANSWER_SECONDS)", "asyncio.wait((asking,))"),
    step("the first failure is the decision", 'if text is None and not payload["is_last"]:', "if False:"),
    step("the last failure decides nothing", 'if text is None and not payload["is_last"]:', "if text is None:"),
    story(
        "pictures are begun before it is decided what is sent",
        ' and {"state": "again"} in answers[len(orders) :]',
        " and False",
    ),
    story(
        "a translator is asked for ever as long as it fails",
        "is_last = tries == len(pauses) or has_waited",
        "is_last = has_waited",
    ),
    story(
        "a silent translator is asked as often as one that refuses",
        "is_last = tries == len(pauses) or has_waited >= ",
        "is_last = tries == len(pauses) or has_waited < 0 * ",
    ),
    story("the stage of translating is never shown", "if left == {len(orders)}:", "if not left:"),
    order("a decided translation is asked for again", "if translation.is_open(document):", 'if document.get("translated"):'),
    post("every prompt asks for the translator's key", "is_configured=is_wanted and app", "is_configured=app"),
    post("the language is not kept", '"language": asked.language,', '"language": None,'),
    view("a draft is not told", ', *printing.warnings_about(document["outputs"]), *job', ", *job"),
    view(
        "a warning has one tag in both languages",
        'self.document["error"] or warnings_of(self.document)',
        'self.document["error"]',
    ),
    translator("a token goes to any address", "return endpoint, is_own and (", "return endpoint, True or ("),
    translator("a token goes over plain http", 'parts.scheme == "https" or', "True or"),
    translator("a resource's own address has no path", "if is_own and not parts.path:", "if False:"),
    translator(
        "the identity comes before the key",
        "            if key:\n",
        "            if key and not self._takes_identity:\n",
    ),
    translator(
        "a vault that is silent is no translator",
        "except SecretUnavailable:\n            return True",
        "except SecretUnavailable:\n            return False",
    ),
    translator("a blank translation is sent", "if is_blank(clean) or is_damaged(clean):", "if is_damaged(clean):"),
    translator("a damaged translation is sent", "if is_blank(clean) or is_damaged(clean):", "if is_blank(clean):"),
    translator("a translation is as long as it likes", "composed(text, TRANSLATION_MAX_CHARACTERS)", "composed(text, 10 ** 9)"),
    translator(
        "a silent translator is waited for as a create is",
        "create_seconds=ANSWER_SECONDS, create_read_seconds=ANSWER_SECONDS",
        "create_seconds=35.0",
    ),
    printing("the finer direction counts", "math.floor(min(across, down)", "math.floor(max(across, down)"),
    printing("a picture just below is good", ">= preset.least_dpi else", ">= preset.least_dpi - 1 else"),
    printing("inches are taken for centimetres", "CM_PER_INCH = 2.54", "CM_PER_INCH = 1.0"),
    printing("the last picture speaks", "preset.id not in drafts or found < drafts[preset.id][0]", "True"),
    printing("the size that prints well is rounded up", "math.floor(cm * 10) / 10", "math.ceil(cm * 10) / 10"),
)  # fmt: skip
