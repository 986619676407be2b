"""Both simulators on a port of this machine, which nobody outside it reaches; in a thread, as long as the process lives."""

import asyncio
import logging
import socket
import threading
from urllib.parse import urlsplit

from sandbox.stored_ledger import StoredLedger
from shared import telemetry
from shared.services import Services
from simulators.server import Application, start

_START_SECONDS = 10.0


def open_sandbox(services: Services) -> None:
    """Listen where the sandbox's settings say that the providers are. Raises nothing, as no function would be served then:
    what went wrong shows on /api/health/ready, where the providers do not answer."""
    try:
        port = urlsplit(services.settings.replicate_api_base_url).port
        _listen(services, int(port or 0))
    except Exception as error:  # noqa: BLE001 - whatever it is, the app is loaded
        telemetry.event("settings_broken", logging.ERROR, names=[f"SANDBOX: {type(error).__name__}"])


def _listen(services: Services, port: int) -> None:
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.close()

    threading.Thread(target=run, name="sandbox", daemon=True).start()

    async def listen() -> None:
        # Webhooks of predictions that another instance has made are that one's to send; every job looks by itself as well.
        application = Application(StoredLedger(lambda: services.blobs, services.now), resumes=False)
        # Worker processes of one machine share the port, as they share what they know.
        await start(application, "127.0.0.1", port, shares=hasattr(socket, "SO_REUSEPORT"))

    try:
        asyncio.run_coroutine_threadsafe(listen(), loop).result(_START_SECONDS)
    except BaseException:
        loop.call_soon_threadsafe(loop.stop)
        raise
