"""A copy of infra/ and what the Bicep compiler says of it; each answer is asked for once."""

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("dev", "prod", "options")
#: What infra/ refers to outside its own folder.
NEIGHBOURS = ("host.json", "azure.yaml")
#: It ends before code made quicker while it runs would pay: a third fewer CPU seconds without
#: (https://github.com/dotnet/runtime/blob/main/src/coreclr/inc/clrconfigvalues.h).
BRIEF = {"DOTNET_TieredPGO": "0", "DOTNET_TC_CallCounting": "0", "DOTNET_gcConcurrent": "0"}
WORKFLOWS = ".github/workflows"


def find_compiler() -> str | None:
    """The Bicep CLI: what BICEP names, else the one on PATH. Raises RuntimeError when BICEP names no program."""
    named = os.environ.get("BICEP")
    found = shutil.which(named or "bicep")
    if named and found is None:
        raise RuntimeError(f"BICEP names no program: {named}")
    return found and str(Path(found).absolute())


class Infra:
    """The infrastructure in `folder`, a project root of its own, so that a check never writes into the project."""

    def __init__(self, folder: Path, compiler: str, environments: Iterable[str] = ENVIRONMENTS) -> None:
        self.folder = folder
        self.environments = tuple(environments)
        self._compiler = compiler
        shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("*.snapshot.json"))
        for name in NEIGHBOURS:
            shutil.copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / WORKFLOWS, folder / WORKFLOWS)

    @property
    def workflows(self) -> dict[str, str]:
        """The workflows that check and deploy, by file name."""
        return {file.name: file.read_text() for file in sorted(self.path(WORKFLOWS).glob("*.yml"))}

    def path(self, name: str) -> Path:
        return self.folder / name

    def text(self, name: str) -> str:
        return self.path(name).read_text()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._compiler, *arguments], cwd=self.folder, env={**os.environ, **BRIEF}, capture_output=True, text=True,
            check=False, timeout=PATIENCE,
        )  # fmt: skip

    @functools.cached_property
    def diagnostics(self) -> list[dict[str, Any]]:
        """What compiler and linter say of main.bicep and all its modules."""
        said = self.run("lint", "infra/main.bicep", "--diagnostics-format", "sarif")
        results: list[dict[str, Any]] = json.loads(said.stdout)["runs"][0]["results"]
        return results

    @functools.cached_property
    def template(self) -> dict[str, Any]:
        """The ARM template that main.bicep compiles to."""
        built: dict[str, Any] = json.loads(self.run("build", "infra/main.bicep", "--stdout").stdout)
        return built

    @functools.cached_property
    def parameters(self) -> set[str]:
        said = self.run("generate-params", "infra/main.bicep", "--output-format", "json", "--include-params", "all", "--stdout")
        return set(json.loads(said.stdout)["parameters"])

    @functools.cached_property
    def formatted(self) -> dict[str, str]:
        """Every Bicep file as the formatter would have it."""
        copy = self.folder / "formatted"
        shutil.copytree(self.folder / "infra", copy / "infra")
        self.run("format", "--pattern", "formatted/**/*.bicep*")
        return {str(file.relative_to(copy)): file.read_text() for file in sorted(copy.glob("**/*.bicep*"))}

    @functools.cached_property
    def built_parameters(self) -> dict[str, str]:
        """What the compiler complains of when it builds each environment's parameters: nothing, if all is well."""
        with ThreadPoolExecutor(2) as pool:
            return dict(
                pool.map(
                    lambda name: (name, self.run("build-params", f"infra/tests/{name}.bicepparam", "--stdout").stderr.strip()),
                    self.environments,
                )
            )

    @functools.cached_property
    def snapshots(self) -> dict[str, "Snapshot"]:
        with ThreadPoolExecutor(2) as pool:
            return dict(pool.map(lambda name: (name, self._snapshot(name)), self.environments))

    def _snapshot(self, name: str) -> "Snapshot":
        said = self.run(
            "snapshot", f"infra/tests/{name}.bicepparam", "--mode", "overwrite",
            "--tenant-id", "11111111-1111-1111-1111-111111111111", "--subscription-id", "22222222-2222-2222-2222-222222222222",
            "--location", "koreacentral", "--deployment-name", "test",
        )  # fmt: skip
        file = self.path(f"infra/tests/{name}.snapshot.json")
        if not file.exists():
            raise AssertionError(f"no snapshot of {name}:\n{said.stderr}")
        return Snapshot(name, json.loads(file.read_text()))


class Snapshot:
    """What a deployment of one environment would make, as far as it is known before."""

    def __init__(self, environment: str, document: dict[str, Any]) -> None:
        self.environment = environment
        self.resources: list[dict[str, Any]] = document["predictedResources"]
        self.diagnostics: list[Any] = document["diagnostics"]
        self.outputs: dict[str, Any] = document["outputs"]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [resource for resource in self.resources if resource["type"].lower() == kind.lower()]

    def one(self, kind: str, name_starts: str = "") -> dict[str, Any]:
        found = [resource for resource in self.all(kind) if resource["name"].startswith(name_starts)]
        if len(found) != 1:
            raise AssertionError(f"{self.environment}: {len(found)} resources of type {kind}")
        return found[0]

    @property
    def app_settings(self) -> dict[str, str]:
        settings = self.one("Microsoft.Web/sites")["properties"]["siteConfig"]["appSettings"]
        return {setting["name"]: setting["value"] for setting in settings}
