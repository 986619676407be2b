"""Whether a provider's jobs are taken in at all: not while its credit is used up, nor while an operator has paused it."""

import logging

from shared import telemetry
from shared.domain.problem import Problem
from shared.providers.generator import Generator, ProviderError
from shared.services import Services

#: How late another instance's stop, or an operator's pause, may be noticed here: it saves a read for most jobs, and one that was
#: let in by then is told so in line.
INTAKE_SECONDS = 10.0


def refusal(services: Services, generator: Generator) -> Problem | None:
    """What a new job for this generator is told, or None when it is welcome."""
    refresh_balance(services, generator)
    gate = services.gates.look(generator.name, INTAKE_SECONDS)
    if gate.document.get("paused"):
        return Problem("intake_paused", params={"provider": generator.label})
    stopped = gate.document["stopped"]
    return Problem(stopped["code"], params={"provider": generator.label}) if stopped else None


def stop(services: Services, generator: Generator, code: str) -> None:
    """Take in nothing more for this provider until its balance check passes."""
    services.gates.change(generator.name, lambda gate: gate.stop(code))


def refresh_balance(services: Services, generator: Generator) -> None:
    """Ask a stopped provider, once a minute, whether it works again. Of Replicate only the token can be checked
    (providers reference 1.12), so there the next job finds out."""
    if not services.gates.look(generator.name, INTAKE_SECONDS).is_balance_check_due:
        return
    try:
        generator.check_account()
        passed = True
    except ProviderError as error:
        telemetry.event("poll_trouble", logging.WARNING, generator=generator.name, trouble=f"balance check: {error}")
        passed = False
    services.gates.change(generator.name, lambda gate: gate.balance_checked(passed))
