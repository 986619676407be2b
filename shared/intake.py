"""Whether a provider's jobs are taken in at all: not while its credit is used up, nor while an operator has paused it."""

import logging

from shared import telemetry
from shared.domain.problem import Problem
from shared.providers.provider import Provider, ProviderError
from shared.services import Services

#: How late another instance's stop, or an operator's pause, may be noticed here: it saves a read for most jobs, and one that was
#: let in by then is told so in line.
INTAKE_SECONDS = 10.0


def refusal(services: Services, provider: Provider) -> Problem | None:
    """What a new job for this provider is told, or None when it is welcome."""
    refresh_balance(services, provider)
    gate = services.gates.look(provider.name, INTAKE_SECONDS)
    if gate.document.get("paused"):
        return Problem("intake_paused", params={"provider": provider.label})
    stopped = gate.document["stopped"]
    return Problem(stopped["code"], params={"provider": provider.label}) if stopped else None


def closed_by(services: Services, provider: Provider) -> str | None:
    """The code that a new job for this provider is refused with, as far as is known: nobody is asked anew."""
    gate = services.gates.look(provider.name, INTAKE_SECONDS)
    if gate.document.get("paused"):
        return "intake_paused"
    stopped = gate.document["stopped"]
    return str(stopped["code"]) if stopped else None


def stop(services: Services, provider: Provider, code: str) -> None:
    """Take in nothing more for this provider until its balance check passes."""
    services.gates.change(provider.name, lambda gate: gate.stop(code))


def refresh_balance(services: Services, provider: Provider) -> None:
    """Ask a stopped provider, once a minute, whether it works again. Of Replicate only the token can be checked
    (providers reference 1.12), so there the next job finds out."""
    if not services.gates.look(provider.name, INTAKE_SECONDS).is_balance_check_due:
        return
    try:
        provider.check_account()
        passed = True
    except ProviderError as error:
        telemetry.event("poll_trouble", logging.WARNING, generator=provider.name, trouble=f"balance check: {error}")
        passed = False
    services.gates.change(provider.name, lambda gate: gate.balance_checked(passed))
