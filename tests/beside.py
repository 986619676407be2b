"""The app's own code in this process, beside a running host: over its storage, with a client of its engine."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import azure.durable_functions as df
from azure.durable_functions.models.utils import http_utils

from shared.services import Services, use_services
from shared.settings import Settings
from tests.stack import Stack


@asynccontextmanager
async def client_of(stack: Stack) -> AsyncIterator[df.DurableOrchestrationClient]:
    """As a trigger is given one; until its end this process's services are over the stack's storage."""
    assert http_utils._client_session is None or http_utils._client_session.closed, "somebody left the SDK's session open"
    hub = f"{stack.url}/runtime/webhooks/durabletask"
    urls = {"id": "INSTANCEID", "statusQueryGetUri": f"{hub}/instances/INSTANCEID"}
    binding = {"taskHubName": "ToonConnect", "creationUrls": {}, "managementUrls": urls, "rpcBaseUrl": f"{hub}/"}
    use_services(Services(Settings.from_environ({"AzureWebJobsStorage": stack.connection_string})))
    try:
        yield df.DurableOrchestrationClient(json.dumps(binding))
    finally:
        use_services(None)
        # The SDK keeps one session in a process. It belongs to this event loop: whoever finds it in another one fails.
        await http_utils._close_session()
