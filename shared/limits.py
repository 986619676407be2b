"""How much may be asked for: by each caller, and by all together; in jobs and in dollars.

Who signs in has limits of their own. Where nobody does, a token costs its caller nothing, so it counts for nothing: all strangers
together are one caller, as long as no limit says how much all may have together; then each address has a caller's share of that.
A limit that is not set costs no step.
"""

import contextlib
import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from azure.core.exceptions import AzureError

from shared import telemetry
from shared.domain.days import day_of
from shared.domain.job import Document, former_owners
from shared.domain.quota import LimitReached, Scope, Standing
from shared.domain.spending import Budget, Near, Spent, spent_by
from shared.domain.translation import USD_A_CHARACTER
from shared.services import Services
from shared.storage.documents import Busy
from shared.storage.quota_store import QuotaStore
from shared.storage.spending_store import limit_folder, owner_folder

#: Whom nobody knows. Also the owner of what is posted without a token.
STRANGERS: Final = "anonymous"
#: No owner has this name: owners are of printable characters.
EVERYBODY: Final = "\neverybody"


@dataclass
class Caller:
    """What the edge knows of who asks, and what it is to say of the limits that the request met."""

    address: str
    standings: list[Standing] = field(default_factory=list)


#: Of the request that is being answered; None where it came by no HTTP.
caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def accounts_of(app: Services, owner: str) -> Document:
    """What a new job's document says of whom it counts for, as long as it is there. Empty where no limit is set.

    Raises Busy, and what storage raises.
    """
    settings = app.settings
    counted: dict[Scope, str] = {}
    if settings.auth_mode != "none":
        counted["own"] = owner
    elif not settings.has_limits_of_all:
        counted["own"] = STRANGERS
    elif (known := caller.get()) is not None:
        counted["own"] = app.addresses.account(known.address)
    if settings.has_limits_of_all:
        counted["all"] = STRANGERS if settings.auth_mode == "none" else EVERYBODY
    limited = {scope: name for scope, name in counted.items() if _quotas(app, scope).is_limited or _budget(app, scope).is_set}
    if not limited:
        return {}
    reserved = {scope: _folder(name, owner) for scope, name in limited.items() if _budget(app, scope).is_set}
    return {"counted": limited, **({"reserved": reserved} if reserved else {})}


def admit(app: Services, document: Document) -> None:
    """Count a new job, once however often it is said, and what it is expected to cost. What refuses it has counted nothing.

    Raises LimitReached, Busy and what storage raises.
    """
    job = spent_by(document, app.prices)
    standings: dict[Scope, list[Standing]] = {"own": [], "all": []}
    is_counted = False
    try:
        for scope, name in document.get("counted", {}).items():
            standings[scope] += _quotas(app, scope).admit(name, document["id"], scope)
            is_counted = True
        for scope, folder in document.get("reserved", {}).items():
            left, near = app.spending.reserve(folder, job, _budget(app, scope), scope)
            standings[scope] += left
            _tell(scope, folder, near)
    except LimitReached as refusal:
        _say([refusal.standing])
        withdraw(app, document)
        raise
    except Busy:
        if is_counted:
            with contextlib.suppress(Busy, AzureError):
                withdraw(app, document)
        raise
    # How busy the app is with others is nobody's business until it refuses.
    _say(standings["own"])


def admit_translation(app: Services, owner: str, text: str) -> None:
    """Count a translation that no job has asked for, by requests and by dollars. What refuses it has counted nothing; one that
    fails stays counted, since nobody knows whether it was billed.

    Raises LimitReached, Busy and what storage raises.
    """
    accounts = accounts_of(app, owner)
    words = Spent("", day_of(app.now()), "", 0, 0.0, len(text) * USD_A_CHARACTER)
    standings: dict[Scope, list[Standing]] = {"own": [], "all": []}
    counted: list[Callable[[], None]] = []
    try:
        for scope, name in accounts.get("counted", {}).items():
            standings[scope] += _quotas(app, scope).translate(name, scope)
            counted.append(partial(_quotas(app, scope).withdraw_translation, name))
        for scope, folder in accounts.get("reserved", {}).items():
            left, near = app.spending.translate(folder, words, _budget(app, scope), scope)
            counted.append(partial(app.spending.withdraw_translation, folder, words))
            _tell(scope, folder, near)
            standings[scope] += left
    except LimitReached as refusal:
        _say([refusal.standing])
        for take_back in counted:
            take_back()
        raise
    _say(standings["own"])


def withdraw(app: Services, document: Document) -> None:
    """The job did not come about: it does not count in its day either. Raises Busy and what storage raises."""
    for scope, name in document.get("counted", {}).items():
        _quotas(app, scope).withdraw(name, document["id"])
    job = spent_by(document, app.prices)
    for folder in document.get("reserved", {}).values():
        app.spending.withdraw(folder, job)


def overtaken(app: Services, document: Document, known: Document) -> None:
    """Another POST with the same key has made the job, `known`. Where it has ended: what this one counted for it after that is
    taken back, as nobody would say again that it has ended. Raises Busy and what storage raises."""
    job = spent_by(known, app.prices)._replace(day=spent_by(document, app.prices).day)
    if job.ended_at is None:
        return
    for scope, name in document.get("counted", {}).items():
        _quotas(app, scope).withdraw(name, job.job_id, since=job.ended_at)
    for folder in document.get("reserved", {}).values():
        app.spending.withdraw_after_its_end(folder, job)


def ended(app: Services, document: Document) -> None:
    """The job has ended: its place is free again, and what it has cost is counted."""
    # Of the version before, which counted for owners only.
    for scope, name in (document.get("counted") or {"own": document["owner"]}).items():
        _quotas(app, scope).release(name, document["id"])
    settled(app, document)


def settled(app: Services, document: Document) -> None:
    """Count what an ended job has cost as far as is known. Saying it again, and saying more, corrects what was counted."""
    job = spent_by(document, app.prices)
    reserved = set(document.get("reserved", {}).values())
    for folder in sorted(reserved | _own_folder(document)):
        app.spending.settle(folder, job, was_reserved=folder in reserved)


def forgotten(app: Services, document: Document) -> None:
    """Nothing names a job any more that is forgotten; what it cost stays counted."""
    ended_names = document.get("counted") or {"own": document["owner"]}
    for scope, name in ended_names.items():
        _quotas(app, scope).release(name, document["id"])
    if "usage" not in document:
        # Of the first version, which counted no money by a job's name: it is to be forgotten all the same.
        return
    job = spent_by(document, app.prices)
    for folder in sorted({*document.get("reserved", {}).values(), *_folders_of_all_owners(document)}):
        app.spending.forget(folder, job)


def own_budget(app: Services) -> Budget:
    """Of somebody who signed in."""
    return _budget(app, "own") if app.settings.auth_mode != "none" else Budget(None, None)


def _quotas(app: Services, scope: Scope) -> QuotaStore:
    return app.quotas if scope == "own" else app.quotas_of_all


def _budget(app: Services, scope: Scope) -> Budget:
    settings = app.settings
    own = Budget(settings.daily_usd_per_owner, settings.monthly_usd_per_owner)
    if scope == "own":
        return own
    together = Budget(settings.daily_usd, settings.monthly_usd)
    if settings.auth_mode != "none":
        return together
    return Budget(together.daily_usd or own.daily_usd, together.monthly_usd or own.monthly_usd)


def _folder(name: str, owner: str) -> str:
    """An owner's limit and an owner's usage are one document."""
    return owner_folder(owner) if name == owner != STRANGERS else limit_folder(name)


def _own_folder(document: Document) -> set[str]:
    """Where the owner may look: of what has no owner nobody may."""
    return set() if document["owner"] == STRANGERS else {owner_folder(document["owner"])}


def _folders_of_all_owners(document: Document) -> set[str]:
    """What was claimed after its end is counted for whose it was then."""
    return {folder for owner in (*former_owners(document), document["owner"]) for folder in _own_folder({"owner": owner})}


def _say(standings: list[Standing]) -> None:
    known = caller.get()
    if known is not None:
        known.standings += standings


def _tell(scope: Scope, folder: str, near: list[Near]) -> None:
    for one in near:
        account = folder.rpartition("/")[2][:12] if scope == "own" else None
        telemetry.event(
            "spending_near_limit", logging.WARNING, scope=scope, account=account, window=one.policy, spent_usd=one.spent_usd,
            limit_usd=one.limit_usd, percent=round(100 * one.spent_usd / one.limit_usd),
        )  # fmt: skip
