"""The former version's state, put where a stack that starts will find it.

    stack = Stack(folder)
    stack.settings = load(stack)["settings"]
    stack.start()

The moment of the kill becomes "a few seconds ago": every time in documents, task hub and simulators is moved by the same
number of seconds, and the simulators' address becomes that of the stack. Ids stay as they are, although a job's id says when
it was accepted.
"""

import json
import math
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient, ContentSettings

from tests.azurite import Azurite
from tests.stack import Stack

STATE = Path(__file__).parent / "state"
#: Owners' counters name the day in Korea.
_KOREA = timezone(timedelta(hours=9))
_ISO = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DAY = re.compile(r'("day": ")(\d{4}-\d\d-\d\d)"')
#: Ten digits that stand alone, or SQLite's way to write a time with its parts of a second; whether such a number is a time, its
#: distance from the kill says.
_EPOCH = re.compile(r"(?<![\w.\"-])(?:\d{10}|1\.\d{10,}e\+09)(?![\w\"-])")
_NEAR = timedelta(days=2).total_seconds()


def moment() -> dict[str, Any]:
    """What record.py noted: `killed_at`, `sim_port`, `settings` of the stack, `jobs` by name, `images` (their headers)."""
    return dict(json.loads((STATE / "moment.json").read_text()))


@dataclass(frozen=True)
class Shift:
    """From the moment of the record to another, and from its simulators to others."""

    killed_at: datetime
    seconds: int
    old_port: int
    new_port: int

    def text(self, text: str) -> str:
        """A document or an SQL dump, moved. Parts of a second stay as they were."""
        text = _ISO.sub(lambda found: self._moved(datetime.fromisoformat(found[0])).isoformat(), text)
        text = _DAY.sub(lambda found: f'{found[1]}{self._day(found[2])}"', text)
        text = _EPOCH.sub(lambda found: self._epoch(found[0]), text)
        return re.sub(rf"\b(127\.0\.0\.1|localhost):{self.old_port}\b", rf"\1:{self.new_port}", text)

    def _moved(self, when: datetime) -> datetime:
        return when + timedelta(seconds=self.seconds)

    def _day(self, day: str) -> str:
        # A counter of the day of the kill is one of today, also when midnight lies between.
        is_today = day == self.killed_at.astimezone(_KOREA).date().isoformat()
        return self._moved(self.killed_at).astimezone(_KOREA).date().isoformat() if is_today else day

    def _epoch(self, digits: str) -> str:
        number = float(digits) if "e" in digits else int(digits)
        is_time = abs(number - self.killed_at.timestamp()) < _NEAR
        return repr(number + self.seconds) if is_time else digits


def load(stack: Stack, *, hub: bool = True, seconds_ago: float = 3.0) -> dict[str, Any]:
    """Fill the folder of a stack that has not been started; returns moment(). Without `hub` the task hub knows no job."""
    noted = moment()
    killed_at = datetime.fromisoformat(noted["killed_at"])
    stack.folder.mkdir(parents=True, exist_ok=True)
    with Azurite(stack.folder, stack.folder / "azurite") as azurite:
        # Last of all is asked what time it is: the stack starts next.
        seconds = math.floor((datetime.now(UTC) - killed_at).total_seconds() - seconds_ago)
        shift = Shift(killed_at, seconds, noted["sim_port"], stack.sim_port)
        _load_blobs(azurite, shift, noted["images"])
    for name in ("simulators", *(["taskhub"] if hub else [])):
        _load_database(stack.folder / f"{name}.sqlite", shift.text((STATE / f"{name}.sql").read_text()))
    return noted


def _load_blobs(azurite: Azurite, shift: Shift, headers: dict[str, Any]) -> None:
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    documents, images = (service.create_container(name) for name in ("documents", "images"))

    def put_document(file: Path) -> None:
        content = json.dumps(json.loads(shift.text(file.read_text())), ensure_ascii=False).encode()
        name = file.relative_to(STATE / "documents").as_posix()
        documents.upload_blob(name, content, content_settings=ContentSettings(content_type="application/json"))

    def put_image(file: Path) -> None:
        name = file.relative_to(STATE / "images").as_posix()
        known = headers[name]
        settings = ContentSettings(content_type=known["content_type"], cache_control=known["cache_control"])
        images.upload_blob(name, file.read_bytes(), metadata=known["metadata"], content_settings=settings)

    with service, ThreadPoolExecutor(8) as pool:
        list(pool.map(put_document, _files("documents")))
        list(pool.map(put_image, _files("images")))


def _files(container: str) -> list[Path]:
    return [path for path in sorted((STATE / container).rglob("*")) if path.is_file()]


def _load_database(path: Path, sql: str) -> None:
    database = sqlite3.connect(path)
    database.executescript(sql)
    database.close()
