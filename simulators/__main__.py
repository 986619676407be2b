"""`python -m simulators --port 7090 [--host ADDRESS] [--state FILE]`."""

import argparse
import asyncio
import os
import signal
import sys

from simulators.server import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators", description="Simulators of Replicate and Black Forest Labs.")
    parser.add_argument("--port", type=int, default=7090)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", help="SQLite file that keeps predictions across restarts")
    options = parser.parse_args()

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        def ready(port: int) -> None:
            print(f"simulators listening on http://{options.host}:{port}", flush=True)

        await serve(options.host, options.port, options.state, ready, stop)

    asyncio.run(run())
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
