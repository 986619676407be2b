"""Runs a command that must not outlive its parent: `python -m local.leash COMMAND ...`.

The parent holds the other end of our standard input and never writes. When it dies, however it dies, the pipe ends
and the command is ended too, so that a restart finds its ports free.
"""

import os
import signal
import subprocess
import sys
import threading
from typing import NoReturn


def main() -> NoReturn:
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 - the launcher's own command line

    def stop(*_: object) -> None:
        command.terminate()

    def watch() -> None:
        sys.stdin.buffer.read()
        command.terminate()
        try:
            command.wait(5)
        except subprocess.TimeoutExpired:
            command.kill()

    signal.signal(signal.SIGTERM, stop)
    # Ctrl-C reaches the whole process group; the launcher decides the order of ending.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
    code = command.wait()
    # The watching thread still reads: leaving the usual way would wait for it.
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
