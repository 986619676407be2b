"""Images that batch producers have put where the app may read them: in a container of their own, so that no request leads
elsewhere. They are the producers' own, and none is deleted or changed here."""

from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.domain.queue_messages import INTAKE, is_blob_name
from shared.storage.blob_store import Missing

#: What an empty blob answers.
_NO_SUCH_RANGE = 416


class IntakeBlobs:
    def __init__(self, service: Any) -> None:
        self._service = service

    def read(self, name: str, at_most: int) -> bytes:
        """The blob's first bytes: of one that is larger, one more than `at_most`. Raises Missing."""
        if not is_blob_name(name):
            # With an identity it would be read: a token, other than a signature, is good for every address.
            raise Missing(name)
        try:
            blob = self._service.get_blob_client(INTAKE, name)
            return bytes(blob.download_blob(offset=0, length=at_most + 1).readall())
        except ResourceNotFoundError:
            raise Missing(name) from None
        except HttpResponseError as error:
            if error.status_code != _NO_SUCH_RANGE:
                raise
            return b""
