"""Signed links (SAS) to single blobs: with the account key where there is one, else with a user delegation key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from azure.storage.blob import BlobSasPermissions, BlobServiceClient, UserDelegationKey, generate_blob_sas

from shared.single_flight import SingleFlight

#: Clocks of different machines differ: a link that begins in the future answers 403.
CLOCK_SKEW = timedelta(minutes=5)
#: Azure allows more (below); a shorter life limits what a leaked key could sign.
DELEGATION_KEY_LIFE = timedelta(hours=24)
#: Azure refuses a key that ends more than 7 days from its own now, of which ours may be 15 minutes ahead
#: (https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key, storage-sas-overview on clock skew).
DELEGATION_KEY_LIMIT = timedelta(days=7) - timedelta(minutes=15)
#: How much longer than a link its key is asked for, so that it signs the links of an hour, and not each link has its own.
DELEGATION_KEY_SHARED = timedelta(hours=1)
#: A link cannot outlive its key: a longer SAS_TTL_MINUTES is cut to this.
LONGEST_DELEGATED_LINK = DELEGATION_KEY_LIMIT - DELEGATION_KEY_SHARED


class LinkSigner:
    """Signs read-only links that live for `ttl` unless asked otherwise, for https alone where the account has it: all but an
    emulator's. By identity no link lives longer than LONGEST_DELEGATED_LINK."""

    def __init__(
        self, service: BlobServiceClient, ttl: timedelta, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._service = service
        self._ttl = ttl
        self._clock = clock
        self._account_key: str | None = getattr(service.credential, "account_key", None)
        #: The key and when it ends.
        self._delegation: tuple[UserDelegationKey, datetime] | None = None
        self._renewing: SingleFlight[None] = SingleFlight()

    def sign(
        self, container: str, blob: str, content_disposition: str | None = None, ttl: timedelta | None = None
    ) -> tuple[str, datetime]:
        """(url, when it ends) of a link that opens the blob without credentials."""
        now, ttl = self._clock(), ttl or self._ttl
        if not self._account_key:
            ttl = min(ttl, LONGEST_DELEGATED_LINK)
        expires = (now + ttl).replace(microsecond=0)
        url = self._service.get_blob_client(container, blob).url
        token = generate_blob_sas(
            account_name=str(self._service.account_name),
            container_name=container,
            blob_name=blob,
            account_key=self._account_key,
            user_delegation_key=None if self._account_key else self._delegation_key(now, expires, ttl),
            permission=BlobSasPermissions(read=True),
            start=now - CLOCK_SKEW,
            expiry=expires,
            content_disposition=content_disposition,
            protocol="https" if url.startswith("https://") else None,
        )
        return f"{url}?{token}", expires

    def _delegation_key(self, now: datetime, needed_until: datetime, ttl: timedelta) -> UserDelegationKey:
        """The cached key, renewed before a link could outlive it. Only links that need a new one wait for it, or for what came
        of asking."""
        while (delegation := self._delegation) is None or delegation[1] < needed_until:
            self._renewing.ask(lambda: self._renew(now, needed_until, ttl))
        return delegation[0]

    def _renew(self, now: datetime, needed_until: datetime, ttl: timedelta) -> None:
        if self._delegation is not None and self._delegation[1] >= needed_until:
            return
        ends = now + max(DELEGATION_KEY_LIFE, ttl + DELEGATION_KEY_SHARED)
        self._delegation = (self._service.get_user_delegation_key(now - CLOCK_SKEW, ends), ends)
