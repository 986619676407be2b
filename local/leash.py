"""Runs a command that must not outlive its parent: `python -m local.leash COMMAND ...`.

The parent holds the other end of our standard input and never writes. When it dies, however it dies, the pipe ends
and the command is ended too, so that a restart finds its ports free.
"""

import signal
import subprocess
import sys
import threading


def main() -> int:
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
    return command.wait()


if __name__ == "__main__":
    sys.exit(main())
