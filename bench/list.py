"""`python -m bench.list [--own N] [--others N]`: a page of an owner's list among the jobs of many, over a real Azurite.

The HTTP functions are called as the worker calls them, and every request to storage is counted. Azurite looks through all its
blobs for each listing, which storage on Azure does not do: its times grow with everybody's jobs, numbers of operations do not.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.functions.http import HttpRequest

from shared.domain.owners import token_owner
from shared.job_ids import new_job_id
from shared.services import Services, use_services
from shared.settings import Settings
from shared.storage.account import blob_service
from shared.storage.blob_store import DOCUMENTS
from shared.storage.job_index import row_name
from shared.storage.job_store import job_name
from tests.azurite import Azurite
from triggers import job_list

TOKEN = "o" * 43
OWNERS, FIRST = 1000, datetime(2026, 11, 1, tzinfo=UTC)
#: A month of them.
APART = timedelta(seconds=250)


class Counting:
    """Storage operations, by what they are."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def __call__(self, raw: Any) -> None:
        asked = raw.http_request
        is_list = "comp=list" in asked.url
        self.done["list" if is_list else {"GET": "read", "PUT": "write", "DELETE": "delete"}.get(asked.method, "read")] += 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.list", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--own", type=int, default=10_000, help="jobs of the owner (default 10,000)")
    parser.add_argument("--others", type=int, default=100_000, help="jobs of others (default 100,000)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own = _filled(Path(folder), asked.own, asked.others)
        running = Azurite(Path(folder), Path(folder) / "state")
        # Not the stack's, which writes all of its files anew before it answers a write.
        running.program = Azurite.program
        with running as azurite:
            settings = Settings.from_environ({"AzureWebJobsStorage": azurite.connection_string})
            counting = Counting()
            app = Services(settings)
            app.__dict__["_blob_service"] = blob_service(settings, app.credential, raw_request_hook=counting)
            use_services(app)
            print(f"{asked.own:,} jobs of one owner among {asked.others:,} of {OWNERS:,} others\n")
            _measure(app, counting, own)
    return 0


def _measure(app: Services, counting: Counting, own: list[str]) -> None:
    middle = (FIRST + APART * (len(own) // 2)).isoformat().replace("+00:00", "Z")
    print(f"{'':44}{'jobs':>7}{'lists':>7}{'reads':>7}{'writes':>7}{'ms':>7}")
    cursor = _row(counting, "the first page", {})["next_cursor"]
    _row(counting, "the second page", {"cursor": cursor})
    _row(counting, "the first page of 100", {"limit": "100"})
    deep = next(app.index.rows(str(token_owner(TOKEN)), created_before=FIRST + APART * 30)).place
    _row(counting, "the last page but one", {"cursor": job_list._cursor(deep)})
    _row(counting, "created before the middle", {"created_before": middle})
    _row(counting, "status=failed, 1 of 100", {"status": "failed"})
    _row(counting, "status=canceled, none", {"status": "canceled"})
    _row(counting, "preset=mug, 1 of 10", {"preset": "mug"})
    _walk(app, own)
    counting.done.clear()
    began = time.perf_counter()
    names = sum(1 for _ in app.blobs.names(DOCUMENTS, "jobs/"))
    took = time.perf_counter() - began
    print(f"without an index: {counting.done['list']} lists of {names:,} names in {took:.1f} s, and a read of each job")


def _filled(folder: Path, own: int, others: int) -> list[str]:
    """The ids of the owner's jobs, the newest first. All jobs are put into the files that Azurite keeps its blobs in: writing
    them one by one takes half an hour."""
    state = folder / "state"
    with Azurite(folder, state) as azurite:
        app = Services(Settings.from_environ({"AzureWebJobsStorage": azurite.connection_string}))
        app.check_storage()
        app.blobs.create_document("pattern", {})
        # Azurite writes its files when it ends, and every few seconds.
        time.sleep(6)
    file = state / "__azurite_db_blob__.json"
    database = json.loads(file.read_text())
    (collection,) = [each for each in database["collections"] if each["name"] == "$BLOBS_COLLECTION$"]
    (pattern,) = collection["data"]
    extent = state / "__blobstorage__" / pattern["persistency"]["id"]
    data, ids = [pattern], []
    with extent.open("ab") as content:

        def put(name: str, document: dict[str, Any]) -> None:
            text = json.dumps(document).encode()
            where = {"id": pattern["persistency"]["id"], "offset": content.tell(), "count": content.write(text)}
            properties = {**pattern["properties"], "contentLength": len(text)}
            data.append({**pattern, "name": name, "persistency": where, "properties": properties, "$loki": len(data) + 1})

        mine = str(token_owner(TOKEN))
        jobs = [(n, mine) for n in range(own)] + [(n, str(token_owner(f"{n % OWNERS:043d}"))) for n in range(others)]
        for number, owner in jobs:
            document = _document(number, owner)
            put(str(row_name(document)), {})
            put(job_name(document["id"]), document)
            ids.append(document["id"])
    collection |= {"data": data, "maxId": len(data)}
    for prop, index in collection["binaryIndices"].items():
        index["values"] = sorted(range(len(data)), key=lambda n, prop=prop: data[n][prop])  # type: ignore[misc]
    file.write_text(json.dumps(database))
    return ids[:own][::-1]


def _document(number: int, owner: str, at: datetime | None = None) -> dict[str, Any]:
    preset = "mug" if number % 10 == 0 else "poster"
    return {
        "id": new_job_id(), "kind": "goods", "owner": owner, "status": "failed" if number % 100 == 7 else "succeeded",
        "created_at": (at or FIRST + APART * number).isoformat(), "started_at": None, "completed_at": None, "expires_at": None,
        "input": {"prompt": "p", "prompt_sent": "p", "preset": preset, "n": 1}, "seeds": [1], "images": {}, "outputs": [],
        "error": None, "attempts": 1, "polls": 0, "provider": "bfl", "model": "flux-kontext-max", "fallback_used": False,
        "possible_duplicate": False, "metadata": {}, "metrics": None, "pictures": [], "cancel_requested_at": None,
        "deleted_at": None, "starts": 0, "usage": {"cost_usd": 0.08, "estimated": True},
    }  # fmt: skip


def _page(**params: str) -> dict[str, Any]:
    sent = HttpRequest(
        "GET", "http://localhost/api/jobs", headers={"x-owner-token": TOKEN}, params=params, route_params={}, body_type="bytes",
        body=b"",
    )  # fmt: skip
    handler = job_list.list_jobs._function.get_user_function().__wrapped__
    # All jobs have ended, so nobody asks the task hub.
    answer = asyncio.run(handler(req=sent, client=None))
    assert answer.status_code == 200, answer.get_body()
    return dict(json.loads(answer.get_body()))


def _row(counting: Counting, what: str, params: dict[str, str]) -> dict[str, Any]:
    """Medians of five; the operations of the last."""
    times = []
    for _ in range(5):
        counting.done.clear()
        began = time.perf_counter()
        page = _page(**params)
        times.append(time.perf_counter() - began)
    done = counting.done
    counts = "".join(f"{n:>7}" for n in (len(page["data"]), done["list"], done["read"], done["write"]))
    print(f"{what:44}{counts}{statistics.median(times) * 1000:>7.0f}")
    return page


def _walk(app: Services, own: list[str]) -> None:
    """Through all pages, while 100 jobs are added."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    pages = added = 0
    while True:
        page = _page(limit="100", **cursor)
        found += [job["id"] for job in page["data"]]
        pages += 1
        for _ in range(2 if added < 100 else 0):
            # As if accepted just now, and as if accepted among those that are still to come.
            document = _document(1, str(token_owner(TOKEN)), datetime.now(UTC) if added % 2 else None)
            app.index.add(document)
            app.jobs.create(document)
            added += 1
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    known = set(own)
    mine = [job_id for job_id in found if job_id in known]
    told = {"pages": pages, "added": added, "skipped": len(set(own) - set(found)), "repeated": len(found) - len(set(found))}
    print(f"\nall pages of 100 while jobs are added: {json.dumps(told | {'in order': mine == own})}")


if __name__ == "__main__":
    sys.exit(main())
