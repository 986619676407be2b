"""python -m simulators --port 7090 [--host 127.0.0.1] [--state FILE]"""

import argparse
import asyncio
import signal
from pathlib import Path

from simulators.ledger import Ledger
from simulators.server import Application, start


async def serve(host: str, port: int, state: Path | None) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if state:
        state.parent.mkdir(parents=True, exist_ok=True)
    runner, bound = await start(Application(Ledger(state)), host, port)
    print(f"simulators: http://{host}:{bound}/replicate and http://{host}:{bound}/bfl", flush=True)
    try:
        await stopping.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulators", description="Simulators of Replicate and Black Forest Labs.")
    parser.add_argument("--port", type=int, default=7090)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="SQLite file, so that predictions outlive the process")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, options.state))


if __name__ == "__main__":
    main()
