"""What a cold start loads: every package is paid for by whoever waits for an instance, so none comes in unseen."""

import functools
import subprocess
import sys

import pytest

from tests.patience import PATIENCE
from tests.stack import ROOT

#: What is loaded only in the cloud counts too.
CLOUD = {
    "AzureWebJobsStorage__accountName": "toonhost", "IMAGES_STORAGE_ACCOUNT": "toonimages",
    "KEY_VAULT_URI": "https://toon.vault.azure.net", "WEBSITE_HOSTNAME": "toon.example",
}  # fmt: skip
#: By their first names; of Azure's SDKs by what is a package of its own.
PACKAGES = {
    "aiohappyeyeballs", "aiohttp", "aiosignal", "attr", "azure.core", "azure.durable_functions", "azure.functions",
    "azure.storage.blob", "brotli", "certifi", "charset_normalizer", "cryptography", "dateutil", "frozenlist", "idna", "isodate",
    "markupsafe", "multidict", "opentelemetry", "PIL", "propcache", "requests", "typing_extensions", "urllib3", "werkzeug",
    "yarl",
}  # fmt: skip
#: A format's plugin comes with the first picture of that format.
PILLOW = {"ExifTags", "Image", "ImageChops", "ImageCms", "ImageFile", "ImageMode", "TiffTags"}
#: With the first who asks for it: documents of the API, a picture, a label on one, a value that telemetry measures.
LATER = {
    "triggers.contract", "triggers.generation_requests", "shared.providers.replicate", "shared.pictures.label",
    "opentelemetry.metrics", "xml.sax",
}  # fmt: skip
#: Folders of this checkout whose code an app in the cloud runs; what is not deployed is not here.
FOLDERS = {"activities", "function_app", "orchestrators", "shared", "triggers"}
#: The app's own modules, which are compiled at each start where a package has no bytecode.
MOST_OWN_MODULES = 175

_CODE = """
import sys
known = set(sys.modules)
import function_app
for name in sorted(set(sys.modules) - known):
    print(name, getattr(sys.modules[name], "__file__", None) or "-")
"""


@functools.cache
def loaded() -> tuple[tuple[str, str], ...]:
    """Each module that `import function_app` brings to a process of its own, and its file."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CODE],
        cwd=ROOT,
        env=CLOUD,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return tuple((name, file) for name, _, file in (line.partition(" ") for line in run.stdout.splitlines()))


def of_others() -> set[str]:
    return {name for name, file in loaded() if "/site-packages/" in file and not name.startswith(("_", "PIL._"))}


def of_ours() -> set[str]:
    return {name for name, file in loaded() if file.startswith(f"{ROOT}/") and "/site-packages/" not in file}


def test_a_cold_start_loads_these_packages_and_no_other() -> None:
    assert {_package(name) for name in of_others()} - {"azure", "azure.storage"} <= PACKAGES


def _package(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[: {"azure": 3 if parts[1:2] == ["storage"] else 2}.get(parts[0], 1)])


def test_no_picture_is_read_at_a_start() -> None:
    assert {name.removeprefix("PIL.") for name in of_others() if name.startswith("PIL.")} <= PILLOW


def test_of_this_checkout_only_what_is_deployed_is_loaded() -> None:
    assert {name.partition(".")[0] for name in of_ours()} == FOLDERS


@pytest.mark.parametrize("name", sorted(LATER))
def test_what_is_asked_for_later_is_loaded_later(name: str) -> None:
    assert not [module for module, _ in loaded() if module == name or module.startswith(f"{name}.")]


def test_nothing_that_stays_is_looked_through_for_garbage() -> None:
    # What Python looks through before the first package is there, to compile this file, is not of ours.
    code = """
import gc, sys
looked = []
gc.callbacks.append(lambda *_: "azure" in sys.modules and not gc.get_freeze_count() and looked.append(1))
import function_app
print(not looked, gc.isenabled(), gc.get_freeze_count() > 50_000)
"""
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=CLOUD, capture_output=True, text=True, timeout=PATIENCE
    ).stdout
    assert told.split() == ["True"] * 3


def test_the_apps_own_modules_are_few_enough_to_be_compiled_at_a_start() -> None:
    assert len(of_ours()) <= MOST_OWN_MODULES, sorted(of_ours())
