"""What `make lint` says of the page's scripts, it says of all of them; and every word of theirs is used, and there."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
#: All that tests of what is used leave out.
WORDS = ("ko.js", "en.js", "ko-studio.js", "en-studio.js")
#: By this line `tsc` looks at a script.
CHECKED = "// @ts-check\n"

#: Keys that are put together from a part in the code and an id. Of an id that is the server's, or a file's, every key of the
#: group counts as used; of the others these are the ids.
BUILT: dict[str, tuple[str, ...] | None] = {
    "error.charged.{}": None,
    "file.do.{}": None,
    "file.{}": None,
    "ground.{}": None,
    "history.by.{}": None,
    "image.{}": ("oneColour", "transparent", "input_image", "input_image_1", "input_image_2"),
    "kind.{}": None,
    "notify.{}": None,
    "option.safety.{}": None,
    "picture.missing.{}": None,
    "picture.{}": ("preparing", "waiting", "inTurn", "heldUp", "drawing", "arriving", "missing", "canceled"),
    "pill.{}": None,
    "prompt.placeholder.{}": None,
    "refusal.{}": None,
    "sample.{}.{}": None,
    "sample.{}.{}.name": None,
    "scene.{}": None,
    "scene.{}.prompt": None,
    "sending.kept.{}": None,
    "stage.{}": None,
    "standing.{}": None,
    "status.{}": None,
    "step.{}": None,
    "tab.{}": None,
    "tab.{}Hint": None,
    "trouble.{}": None,
    "trouble.{}Of": None,
    "verdict.{}": None,
}
#: Looks like one, and is the name of a lock.
NO_WORDS = {"sending.{}"}
#: A word of the code and an end of a key: `${words}Title`.
ENDS = {"{}.title", "{}.detail", "{}Title", "{}Detail"}
STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|`((?:[^`\\\n]|\\.)*)`")
#: Where a key stands whole: the arguments of t(), `i18n: "..."`, `data-i18n="..."`, `i18nAttr: "aria-label:..."`.
WHOLE = re.compile(r"(?<![\w.])(?:t|hasWords)\(\s*\"([^\"]+)\"|i18n\s*[:=]\s*\"([^\"]+)\"")
OF_ATTRIBUTES = re.compile(r"i18n(?:-attr|Attr)\s*[:=]\s*\"([^\"]+)\"")
NAME_OF = re.compile(r"nameOf\(\"(\w+)\"")


def words(language: str) -> dict[str, str]:
    files = [language, f"{language}-studio", *(["en-prompts"] if language == "en" else [])]
    text = "".join((WEB / f"js/words/{name}.js").read_text() for name in files)
    entries = re.findall(r"^  (\"(?:[^\"\\]|\\.)*\"): (\"(?:[^\"\\]|\\.)*\"),$", text, re.MULTILINE)
    assert len(entries) == text.count('\n  "'), "one word a line, so that this test reads them all"
    return {json.loads(key): json.loads(value) for key, value in entries}


def code() -> str:
    files = [path for path in sorted((WEB / "js").rglob("*.js")) if path.name not in WORDS]
    whole = "\n".join(path.read_text() for path in [*files, WEB / "index.html"])
    return re.sub(r"^\s*/\*\*[\s\S]*?\*/|(?:^|\s)//[^\n]*", "", whole, flags=re.MULTILINE)


def strings(text: str) -> set[str]:
    """What stands in quotes; `{}` where something is filled in."""
    found = {plain or filled for plain, filled in STRING.findall(text)}
    whole = {re.sub(r"\$\{[^}]*\}", "{}", each) for each in found}
    return whole | {f"{group}.{{}}" for group in NAME_OF.findall(text)} | set(_of_attributes(text))


def _of_attributes(text: str) -> Iterator[str]:
    for pairs in OF_ATTRIBUTES.findall(text):
        yield from (pair.partition(":")[2] for pair in pairs.split(";") if ":" in pair and "$" not in pair)


def dead(keys: set[str], text: str) -> set[str]:
    used = strings(text)
    made = used | {key.format(each) for key, ids in BUILT.items() if ids for each in ids}
    made |= {end.format(each) for end in ENDS & used for each in made}
    open_groups = [key for key, ids in BUILT.items() if ids is None]
    open_groups += [end.format(key) for end in ENDS & used for key in open_groups]
    patterns = [re.compile(re.escape(key).replace(r"\{\}", r"[\w-]+")) for key in open_groups]
    return {key for key in keys - made if not any(pattern.fullmatch(key) for pattern in patterns)}


def unknown(keys: set[str], text: str) -> set[str]:
    whole = {first or second for first, second in WHOLE.findall(text)} | set(_of_attributes(text))
    return whole - keys


def test_every_word_is_there_in_both_languages_with_the_same_places() -> None:
    korean, english = words("ko"), words("en")
    places = {language: {key: sorted(set(re.findall(r"\{(\w+)\}", text))) for key, text in each.items()}
              for language, each in (("ko", korean), ("en", english))}  # fmt: skip
    assert places["ko"] == places["en"]


def test_every_word_is_used_and_every_used_one_is_there() -> None:
    keys, text = set(words("ko")), code()
    assert dead(keys, text) == set()
    assert unknown(keys, text) == set()


def test_what_a_sample_asks_for_fits_every_item() -> None:
    """Its words stay when somebody goes on to all goods at once."""
    for language in ("ko", "en"):
        told = words(language)
        items = {text.lower() for key, text in told.items() if re.fullmatch(r"sample\.goods\.\d\.name", key)} | {"가슴", "front"}
        asked = [text.lower() for key, text in told.items() if re.fullmatch(r"sample\.goods\.\d", key)]
        assert len(asked) == 3
        assert [text for text in asked if any(item in text for item in items)] == []


def test_what_is_said_to_be_put_together_is() -> None:
    groups = {key.split(".")[0] for key in words("ko")}
    made = {each for each in strings(code()) if "{}" in each and re.fullmatch(r"[\w.{}]+", each) and each.split(".")[0] in groups}
    assert made - NO_WORDS == set(BUILT)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (("t(\"image.reading\")", "t(\"image.read\")"), ({"image.reading"}, {"image.read"})),
        (("t(\"prompt.over\"", "t(\"prompt.overs\""), ({"prompt.over"}, {"prompt.overs"})),
        (("aria-label:job.warnings", "aria-label:job.warning"), ({"job.warnings"}, {"job.warning"})),
        (("\"signIn.failed\"", "\"signIn.broken\""), ({"signIn.failedTitle", "signIn.failedDetail"}, set())),
    ],
)  # fmt: skip
def test_a_mistake_is_told(change: tuple[str, str], finding: tuple[set[str], set[str]]) -> None:
    text, keys = code(), set(words("ko"))
    assert change[0] in text
    changed = text.replace(*change)

    assert (dead(keys, changed), unknown(keys, changed)) == finding


def test_every_script_is_looked_at() -> None:
    files = [path for folder in ("web/js", "clients/js") for path in (ROOT / folder).rglob("*.js")]
    assert files
    assert [str(path.relative_to(ROOT)) for path in files if not path.read_text().startswith(CHECKED)] == []


def test_lint_looks_at_the_scripts() -> None:
    lint = subprocess.run(["make", "-n", "-W", "none", "lint"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert "tsc --project ." in lint


#: What a script needs before it runs: all of it is loaded with it.
IMPORT = re.compile(r"^(?:import|export)\s(?:[^\"';]*\sfrom\s+)?\"(\.[^\"]+)\"", re.MULTILINE)
PRELOADED = re.compile(r"<link rel=\"modulepreload\" href=\"([^\"]+)\">")
WORKER = re.compile(r"new Worker\(new URL\(\"([^\"]+)\"")
#: Of documents and workers, no matter of other scripts and of styles.
OF_DOCUMENTS = {
    "Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy",
}  # fmt: skip


def loaded_with(script: Path) -> set[Path]:
    """The scripts that it imports, those that they import, and so on."""
    found: set[Path] = set()
    ahead = [script]
    while ahead:
        at = ahead.pop()
        imported = {(at.parent / address).resolve() for address in IMPORT.findall(at.read_text())}
        ahead += imported - found
        found |= imported
    return found


def test_the_first_view_is_fetched_at_once_and_nothing_besides() -> None:
    """Else a browser learns of each script from the one before it, and a mobile line waits at every step."""
    needed = {str(path.relative_to(WEB)) for path in loaded_with(WEB / "js/main.js")}
    preloaded = PRELOADED.findall((WEB / "index.html").read_text())
    assert sorted(preloaded) == sorted(needed)


def test_what_lies_behind_the_form_comes_whole_and_is_no_part_of_the_first_view() -> None:
    """Whole: it works on when the line is down."""
    first, studio = loaded_with(WEB / "js/main.js"), loaded_with(WEB / "js/studio.js")
    assert WEB / "js/studio.js" not in first
    by_themselves = {WEB / "js" / name for name in ("main.js", "studio.js", "page/alarm.js", "page/place.js", "images/worker.js")}
    assert set((WEB / "js").rglob("*.js")) - first - studio == by_themselves


def test_scripts_and_styles_carry_no_more_than_they_need_and_workers_their_policy() -> None:
    configured = json.loads((WEB / "staticwebapp.config.json").read_text())
    routes = [(each["route"], each["headers"]) for each in configured["routes"]]
    of_scripts = next(at for at, (route, _) in enumerate(routes) if route == "/*.{js,css}")
    assert {name for name, value in routes[of_scripts][1].items() if value == ""} == OF_DOCUMENTS
    assert set(configured["globalHeaders"]) > OF_DOCUMENTS
    workers = {
        (path.parent / address).resolve() for path in (WEB / "js").rglob("*.js") for address in WORKER.findall(path.read_text())
    }
    assert workers
    assert {f"/{path.relative_to(WEB)}" for path in workers} == {
        route for route, headers in routes[:of_scripts] if "*" not in route and OF_DOCUMENTS.isdisjoint(headers)
    }
