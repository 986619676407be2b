"""`python -m ops COMMAND`: see `python -m ops --help`."""

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Callable, Sequence

from azure.core.exceptions import AzureError

from ops import acting, forgetting, intake, looking, story
from ops.failing import UNREACHABLE, CannotDo
from ops.report import Report, clean
from ops.surroundings import Surroundings
from shared.domain.kinds import GOODS, KINDS
from shared.providers import registry
from shared.storage.account import StorageNotConfigured

PROVIDERS = tuple(provider.name for provider in registry.PROVIDERS)
_EPILOG = """\
Locally nothing needs to be set: the stack of `make run` is found by its folder (DEVHOST_DIR).
On Azure, in the environment: TOONCONNECT_SETTINGS, a file with the answer of `az functionapp config appsettings list -o json`;
TOONCONNECT_URL; TOONCONNECT_DURABLE_KEY, the system key durabletask_extension; TOONCONNECT_TOKEN, a bearer token for smoke and
replay where callers must sign in. And your own sign-in (az login) with Storage Blob Data Contributor on the images account
and on the container documents of the host's account, where the gates lie; for intake also Storage Queue Data Contributor there.

Exit codes: 0 all is well or done; 1 something was found (a stuck job, a failed check); 2 refused or misused; 3 no answer.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    # The Azure clients log each request at INFO, with addresses; nothing of that belongs on an operator's screen.
    logging.getLogger("azure").setLevel(logging.ERROR)
    # What the app tells its telemetry of is told here in words.
    logging.getLogger("toonconnect").setLevel(logging.CRITICAL)
    try:
        report: Report = asked.run(Surroundings.found(asked.settings, asked.url, asked.durable_url), asked)
    except CannotDo as error:
        print(error, file=sys.stderr)
        return error.code
    except StorageNotConfigured as error:
        print(f"{error} is not set: run `make run`, or name the app's settings with --settings FILE", file=sys.stderr)
        return UNREACHABLE
    except AzureError as error:
        print(f"storage gave no answer ({type(error).__name__}): {clean(error)}", file=sys.stderr)
        return UNREACHABLE
    try:
        print(report.printed(as_json=asked.json), flush=True)
    except BrokenPipeError:
        # Piped into head: it has seen enough.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what the interpreter flushes at its exit
    return report.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops", description="The operator's side of ToonConnect image generation.", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print data for programs")
    shared.add_argument("--settings", metavar="FILE", help="the app's settings as JSON")
    shared.add_argument("--url", help="address of the app")
    shared.add_argument("--durable-url", help="address of Durable's management API, .../runtime/webhooks/durabletask")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[Surroundings, argparse.Namespace], Report], what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[shared], help=what, description=what)
        made.set_defaults(run=run)
        return made

    command("ready", lambda a, _: looking.ready(a), "whether the app can make pictures, part by part")
    command("gates", lambda a, _: looking.gates(a), "slots, queue, breaker, stop and pause of each provider")

    made = command(
        "stuck",
        lambda a, x: looking.stuck(a, x.minutes, x.days),
        "jobs that do not end, watches and deleted jobs: why, and what will happen",
    )
    made.add_argument("--minutes", type=float, default=15, help="older than this (default 15; a regular job takes at most 12)")
    made.add_argument("--days", type=float, default=3, help="accepted within the last so many days (default 3)")

    made = command(
        "explain", lambda a, x: story.explain(a, x.job, with_prompt=x.prompt, in_full=x.all), "one job's whole story, in order"
    )
    made.add_argument("job")
    made.add_argument("--prompt", action="store_true", help="show the prompt too: it is the user's own text")
    made.add_argument("--all", action="store_true", help="each look and each timer")

    made = command(
        "intake", lambda a, x: _intake(a, x), "the queues of batch producers, and what the platform gave up on (poison messages)"
    )
    made.add_argument("--again", metavar="MESSAGE", help="give this poison message, or all, back to the app")
    made.add_argument("--discard", metavar="MESSAGE", help="delete this poison message, or all")
    made.add_argument(
        "--yes",
        action="store_true",
        help="with --again: also what may be paid for twice: without a key, or older than a week",
    )

    made = command("cancel", lambda a, x: acting.cancel(a, x.job, x.wait), "end a job, whoever owns it")
    made.add_argument("job")
    made.add_argument("--wait", type=float, default=20, metavar="SECONDS", help="wait for its end (default 20)")

    made = command(
        "replay", lambda a, x: acting.replay(a, x.job, is_sure=x.yes, seconds=x.wait), "a new job from the inputs of an ended one"
    )
    made.add_argument("job")
    made.add_argument("--yes", action="store_true", help="also where something was, or may have been, paid for")
    made.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="wait for its end")

    made = command("pause", lambda a, x: acting.pause(a, x.provider or [*PROVIDERS], x.reason), "take in no new jobs")
    made.add_argument("--provider", action="append", choices=PROVIDERS, help="only this one")
    made.add_argument("--reason", default="paused by an operator", help="told to other operators by gates")
    made = command("resume", lambda a, x: acting.resume(a, x.provider or [*PROVIDERS]), "take in new jobs again")
    made.add_argument("--provider", action="append", choices=PROVIDERS, help="only this one")

    made = command(
        "rotate-key",
        lambda a, x: acting.rotate_key(a, x.provider, _secret_from_stdin(), is_unchecked=x.unchecked, seconds=x.wait),
        "put a new API key, read from standard input, into Key Vault",
    )
    made.add_argument("provider", choices=PROVIDERS)
    made.add_argument("--unchecked", action="store_true", help="do not try the key at the provider first")
    made.add_argument("--wait", type=float, default=30, metavar="SECONDS", help="wait for readiness (default 30)")

    made = command(
        "forget",
        lambda a, x: forgetting.forget(
            a, forgetting.owner_named(x.owner, _secret_from_stdin("owner token: ") if x.owner == "-" else ""), is_sure=x.yes,
            seconds=x.wait,
        ),
        "remove every job of an owner: images, documents, history, and their place in lists",
    )  # fmt: skip
    made.add_argument("owner", help="a principal's id, the SHA-256 of an owner token, or - to read the token from standard input")
    made.add_argument("--yes", action="store_true", help="remove them; without it they are counted")
    made.add_argument("--wait", type=float, default=60, metavar="SECONDS", help="wait until nothing is left (default 60)")

    made = command(
        "smoke",
        lambda a, x: acting.smoke(a, x.kind, is_sure=x.yes, seconds=x.wait),
        "make one picture and compare it with its sha256",
    )
    made.add_argument("--kind", choices=tuple(KINDS), default=GOODS.name, help="default goods")
    made.add_argument("--yes", action="store_true", help="a real picture may be paid for")
    made.add_argument("--wait", type=float, default=180, metavar="SECONDS", help="give up after (default 180)")
    return parser


def _intake(around: Surroundings, asked: argparse.Namespace) -> Report:
    if asked.again and asked.discard:
        raise CannotDo("either --again or --discard")
    if asked.again:
        return intake.again(around, asked.again, is_sure=asked.yes)
    return intake.discard(around, asked.discard) if asked.discard else intake.intake(around)


def _secret_from_stdin(prompt: str = "new key: ") -> str:
    """Typed without an echo, or piped; never an argument, which every process could read."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()


if __name__ == "__main__":
    sys.exit(main())
