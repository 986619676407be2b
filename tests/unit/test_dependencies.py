"""Everything that the project takes from others is seen by Dependabot, raised by `make update` and looked at by `make audit`."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
#: The project's own client, and the page's copy of it: what is served lies in web/.
CLIENT, CLIENT_OF_THE_PAGE = "clients/js/toonconnect.js", "web/vendor/toonconnect.js"
#: What Dependabot calls the files of each kind (docs.github.com, "Dependabot supported ecosystems"): None is covered by nothing.
MANIFESTS: dict[str, str | None] = {
    "requirements*.txt": "pip", "*/requirements*.txt": "pip", "setup.py": "pip", "setup.cfg": "pip", "Pipfile": "pip",
    "package.json": "npm", "*/package.json": "npm", ".github/workflows/*": "github-actions", "*action.yml": "github-actions",
    "*Dockerfile*": "docker", "*docker-compose*.yml": "docker-compose", "*.csproj": "nuget", "*go.mod": "gomod",
    "*Cargo.toml": "cargo", "*Gemfile": "bundler", ".gitmodules": "gitsubmodule", "*.tf": "terraform", "*uv.lock": "uv",
    ".devcontainer/*": "devcontainers", ".pre-commit-config.yaml": "pre-commit", "*.min.js": None,
}  # fmt: skip
Files = Mapping[str, str]


def project() -> dict[str, str]:
    """The files that the rules are about, by name; of others only the name counts."""
    said = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE)
    files = dict.fromkeys(said.stdout.splitlines(), "")
    read = [name for name in files if _is_requirements(name) or name.startswith((".github/", "web/vendor/"))]
    return files | {name: (ROOT / name).read_text() for name in [*read, "Makefile", "package.json", "web/index.html", CLIENT]}


def _is_requirements(name: str) -> bool:
    return fnmatch(PurePosixPath(name).name, "requirements*.txt")


def unseen_by_dependabot(files: Files) -> Iterator[str]:
    updates = files.get(".github/dependabot.yml", "").split("- package-ecosystem: ")[1:]
    seen = {re.split(r"\s", update)[0]: update for update in updates}
    for name in files:
        for pattern, ecosystem in MANIFESTS.items():
            if fnmatch(name, pattern) and ecosystem not in seen:
                yield f"{name}: Dependabot does not look at {ecosystem}"
    # Files of requirements are looked for where it is told; of the others each kind has one place.
    listed = re.search(r"^    director(?:y: (\S+)|ies: \[(.*)\])$", seen.get("pip", ""), re.MULTILINE)
    folders = re.split(r",\s*", (listed[1] or listed[2]) if listed else "")
    for name in filter(_is_requirements, files):
        if (folder := f"/{PurePosixPath(name).parent}".removesuffix(".")) not in folders:
            yield f"{name}: Dependabot does not look into {folder}"
    for ecosystem, update in seen.items():
        of_one = () if ecosystem == "pip" else ("directory: /\n",)
        for part in (*of_one, "interval: weekly", "default-days: 7", "groups:", 'patterns: ["*"]'):
            if part not in update:
                yield f"Dependabot: {ecosystem} has no {part.strip()}"


def unpinned(files: Files) -> Iterator[str]:
    """Python's packages have one version each; OpenTelemetry's follows from that of the exporter."""
    for name, text in files.items():
        if _is_requirements(name):
            for line in text.splitlines():
                is_one = re.fullmatch(r"[\w.-]+==[\w.]+(; python_version \S+ \"[\d.]+\")?", line)
                if line and not is_one and not re.match(r"#|-r requirements|opentelemetry-(api|sdk)$", line):
                    yield f"{name}: {line}"
    for package, version in json.loads(files["package.json"])["devDependencies"].items():
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield f"package.json: {package} {version}"


def not_raised(files: Files) -> Iterator[str]:
    update, audit = (re.search(rf"^{name}:.*\n((?:\t.*\n)+)", files["Makefile"], re.MULTILINE) for name in ("update", "audit"))
    assert update
    assert audit
    latest = (re.search(r"^NPM_LATEST := (.*)$", files["Makefile"], re.MULTILINE) or [""])[0]
    of_dev = re.findall(r"^-r (\S+)", files["requirements-dev.txt"], re.MULTILINE)
    for name in (name for name in files if _is_requirements(name) and name not in of_dev):
        yield from (
            f"make {goal[0].partition(':')[0]} leaves {name} out" for goal in (update, audit) if f"-r {name}" not in goal[1]
        )
    for package in json.loads(files["package.json"])["devDependencies"]:
        if f" {package}@" not in latest:
            yield f"make update leaves {package} out"
    yield from (f"make audit does not ask {tool}" for tool in ("$(AUDIT)", "npm audit") if tool not in audit[1])
    yield from (f"make update does not {part}" for part in ("vendor", "lint", "pytest") if part not in update[1])
    if "--strict" not in files["Makefile"]:
        yield "make audit passes what could not be looked up"


def not_audited(files: Files) -> Iterator[str]:
    """One job of the checks, on a pull request and by the clock, and it holds up no deployment."""
    checks = files[".github/workflows/checks.yml"]
    job = (re.search(r"^  audit:\n((?:    .*\n|\n)+)", checks, re.MULTILINE) or ["", ""])[1]
    if "run: make audit" not in job:
        yield "no job runs make audit"
    if not re.search(r"^  schedule:\n    - cron: ", checks, re.MULTILINE):
        yield "nothing is audited by the clock"
    if "if: github.event_name == 'pull_request' || github.event_name == 'schedule'" not in job:
        yield "the audit is not run on pull requests and by the clock alone"
    yield from (f"the audit leaves Python {version} out" for version in ("3.12", "3.13") if f'"{version}"' not in job)


def not_as_published(files: Files) -> Iterator[str]:
    """web/vendor holds what package.json names, as `make vendor` takes it over, and the page loads nothing from elsewhere."""
    versions = json.loads(files["package.json"])["devDependencies"]
    listed = re.search(r"^VENDORED := (.*)$", files["Makefile"], re.MULTILINE)
    known = {CLIENT_OF_THE_PAGE}
    for package, script, licence in (each.split(":") for each in (listed[1] if listed else "").split()):
        name, licence_name = f"web/vendor/{package}.js", f"web/vendor/LICENSE.{package}"
        known |= {name, licence_name}
        published = ROOT / "node_modules" / package
        head, _, body = files.get(name, "").partition("\n")
        told = re.match(r"// (\S+) (\S+), \S+ licence", head)
        if told is None or told[2] != versions.get(package):
            yield f"{name} is another version than package.json's"
        lines = _text(published / script).splitlines()
        if body.splitlines() != [line for line in lines if not line.startswith("//# sourceMappingURL=")]:
            yield f"{name} is not what was published: npm ci, make vendor"
        if files.get(licence_name) != _text(published / licence):
            yield f"{licence_name} is not what was published: make vendor"
    yield from (
        f"{name}: nobody knows where it is from" for name in files if name.startswith("web/vendor/") and name not in known
    )
    if files.get(CLIENT_OF_THE_PAGE) != files[CLIENT]:
        yield f"{CLIENT_OF_THE_PAGE} is not {CLIENT}: make vendor"
    if found := re.search(r"(?:src|href)=\"(?:https?:)?//[^\"]*", files["web/index.html"]):
        yield f"the page loads {found[0]}"


def _text(path: Path) -> str:
    """Of a file of node_modules, which may be older than package.json."""
    return path.read_text() if path.exists() else ""


RULES: list[Callable[[Files], Iterator[str]]] = [unseen_by_dependabot, unpinned, not_raised, not_audited, not_as_published]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return project()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nothing_is_left_to_itself(rule: Callable[[Files], Iterator[str]], files: dict[str, str]) -> None:
    assert list(rule(files)) == []


@dataclass(frozen=True)
class Mistake:
    file: str
    right: str
    wrong: str
    finding: str


MISTAKES = [
    Mistake("web/Dockerfile", "", "FROM scratch\n", "web/Dockerfile: Dependabot does not look at docker"),
    Mistake("infra/main.tf", "", "", "infra/main.tf: Dependabot does not look at terraform"),
    Mistake("web/js/library.min.js", "", "", "web/js/library.min.js: Dependabot does not look at None"),
    Mistake(".github/dependabot.yml", "[/, /bench/baseline]", "[/]", "Dependabot does not look into /bench/baseline"),
    Mistake(".github/dependabot.yml", "[/, /bench/baseline]", "/", "Dependabot does not look into /bench/baseline"),
    Mistake(".github/dependabot.yml", "[/, /bench/baseline]", "[/bench/baseline]", "Dependabot does not look into /"),
    Mistake("bench/baseline/requirements.txt", "fastapi==", "fastapi>=", "bench/baseline/requirements.txt: fastapi>="),
    Mistake("Makefile", "@$(PUR) -r bench", "@true bench", "make update leaves bench/baseline/requirements.txt out"),
    Mistake(".github/dependabot.yml", "package-ecosystem: npm", "package-ecosystem: bun", "package.json: Dependabot does not"),
    Mistake(".github/dependabot.yml", "package-ecosystem: github-actions", "package-ecosystem: docker", "github-actions"),
    Mistake(".github/dependabot.yml", "    cooldown: { default-days: 7 }\n", "", "pip has no default-days: 7"),
    Mistake("requirements.txt", "Pillow==", "Pillow>=", "requirements.txt: Pillow>="),
    Mistake("package.json", '"azurite": "', '"azurite": "^', "package.json: azurite ^"),
    Mistake("package.json", '"azurite": "3', '"left-pad": "1.3.0",\n    "azurite": "3', "make update leaves left-pad out"),
    Mistake("requirements-docs.txt", "", "mkdocs==1.6.1\n", "make update leaves requirements-docs.txt out"),
    Mistake("Makefile", "@$(AUDIT) -r requirements-dev.txt", "@true", "make audit leaves requirements-dev.txt out"),
    Mistake("Makefile", "pip-audit --strict", "pip-audit", "make audit passes what could not be looked up"),
    Mistake("Makefile", "@npm audit", "@npm ls", "make audit does not ask npm audit"),
    Mistake("Makefile", "--no-print-directory vendor lint", "lint", "make update does not vendor"),
    Mistake(".github/workflows/checks.yml", "run: make audit", "run: make lint", "no job runs make audit"),
    Mistake(".github/workflows/checks.yml", "  schedule:\n", "  push:\n", "nothing is audited by the clock"),
    Mistake(".github/workflows/checks.yml", "|| github.event_name == 'schedule'\n", "\n", "not run on pull requests and by the"),
    Mistake("package.json", '"oauth4webapi": "3', '"oauth4webapi": "4', "oauth4webapi.js is another version"),
    Mistake("web/vendor/oauth4webapi.js", "state", "State", "oauth4webapi.js is not what was published"),
    Mistake("web/vendor/LICENSE.oauth4webapi", "MIT", "BSD", "LICENSE.oauth4webapi is not what was published"),
    Mistake("web/vendor/idb-keyval.js", "idb-keyval 6", "idb-keyval 5", "idb-keyval.js is another version"),
    Mistake(CLIENT, "Client of", "client of", "web/vendor/toonconnect.js is not clients/js/toonconnect.js"),
    Mistake("web/vendor/other.js", "", "", "web/vendor/other.js: nobody knows where it is from"),
    Mistake("web/index.html", 'src="js/main.js"', 'src="https://cdn.example/x.js"', "the page loads src="),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.finding)
def test_a_mistake_is_told(mistake: Mistake, files: dict[str, str]) -> None:
    before = files.get(mistake.file, "")
    assert mistake.right in before
    changed = files | {mistake.file: before.replace(mistake.right, mistake.wrong, 1) if mistake.right else mistake.wrong}

    found = [finding for rule in RULES for finding in rule(changed)]
    assert any(mistake.finding in finding for finding in found), found
