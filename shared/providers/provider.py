"""What the app asks of any provider's account, whatever its API looks like and whichever of its models is used."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from shared.domain import payloads
from shared.domain.problem import Problem


class Handle(NamedTuple):
    """All that is needed to look at a prediction again. Holds no key and no signed URL."""

    id: str
    poll_url: str
    #: What the provider says the prediction costs, where its answer to the create does.
    cost_usd: float | None = None

    def to_payload(self) -> payloads.Handle:
        return {"id": self.id, "poll_url": self.poll_url}

    @classmethod
    def from_payload(cls, payload: payloads.Handle) -> "Handle":
        return cls(payload["id"], payload["poll_url"])


class Running(NamedTuple):
    """Not finished, or not to be seen just now: `trouble` says what kept us from looking."""

    trouble: str | None = None
    #: Seconds until the provider wants to be asked again (429, 503).
    retry_after: float | None = None


@dataclass(frozen=True)
class NotFound:
    """The provider does not know this handle just now: it may be late, right after a create, or have forgotten it, or have been
    asked in the wrong place. Whoever watches decides; one such look proves nothing."""


class Ready(NamedTuple):
    """Finished and paid for. `url` is signed and short-lived: fetch it now, never store it."""

    url: str
    #: When it was finished by the provider's clock, where it says so.
    ended_at: datetime | None = None


class Unusable(NamedTuple):
    """Finished and paid for, but the answer names nothing to fetch. A later look may."""

    problem: Problem


class Failed(NamedTuple):
    """Ended without a picture. `resubmits`: how many new predictions are worth a try, where this failure is transient."""

    problem: Problem
    resubmits: int = 0


Look = Running | NotFound | Ready | Unusable | Failed

#: "canceled": it has stopped. "finished": it was quicker. "going on": it cannot be stopped, or has not yet.
Canceled = Literal["canceled", "finished", "going on"]


class ProviderError(Exception):
    """A call did not do what was asked.

    `maybe_done`: it may have taken effect, its answer was lost. `provider_failed`: the provider is down, rather than busy or
    right to refuse. `is_final`: of a download, fetching this link again cannot help; only another look may bring a better one.
    `is_about_image`: of a create, it was refused for an image, which may be one that could not be fetched.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        retry_after: float | None = None,
        maybe_done: bool = False,
        provider_failed: bool = False,
        is_final: bool = False,
        is_about_image: bool = False,
        note: str = "",
    ) -> None:
        super().__init__(f"{problem.code} {note}".strip())
        self.problem = problem
        self.retry_after = retry_after
        self.maybe_done = maybe_done
        self.provider_failed = provider_failed
        self.is_final = is_final
        self.is_about_image = is_about_image
        self.note = note


class Provider(Protocol):
    """An account at a provider: one key, one limit, one gate for all models that are used there. Methods raise ProviderError."""

    name: str
    #: As people know the company.
    label: str
    secret_name: str
    #: Predictions that the account may have at once, over all models.
    max_active: int
    #: Whether `find` can ever know; without a list, a lost submit can only be repeated.
    can_find: bool

    def has_made(self, handle: Handle) -> bool:
        """Whether a handle is one of this provider's, by its form."""

    def require_key(self) -> None:
        """Raise `missing_api_key` when there is no key, `provider_auth_failed` when no header can hold it; nothing is sent."""

    def webhook_url(self, instance: str, submission: int) -> str | None:
        """Where this provider tells `instance` that its `submission`-th prediction has ended; None where it does not."""

    def create(self, model: str, fields: dict[str, Any], *, webhook_url: str | None, timeout_seconds: int) -> Handle:
        """Start a paid prediction of a model. Never call it twice for one intent: no provider has an idempotency key."""

    def find(
        self, model: str, fields: dict[str, Any], images: frozenset[str], webhook_url: str | None, since: datetime
    ) -> Iterator[Handle]:
        """Every prediction that a lost create of a model with these fields may have made, the likeliest first, read while the
        list arrives.

        `images`: how its images stand in the fields; those may come back otherwise than they were sent.
        `since`: when that one send was about to leave. The clocks may differ by a minute, so an earlier send of the same
        input can be among them: the caller claims one that nobody else has on record. Raises while it is iterated.
        """

    def look(self, handle: Handle) -> Look:
        """Look once. Never raises for trouble on the way: a prediction with a handle is only failed by its provider."""

    def download(self, ready: Ready) -> bytes:
        """The finished picture's bytes, from a host that the provider's rules allow. An error's `is_final` says that this link
        will not do."""

    def cancel(self, handle: Handle) -> Canceled:
        """Ask the provider to stop; says what it answered."""

    def check_account(self) -> None:
        """Raise if the key is refused or the credit used up; costs nothing."""
