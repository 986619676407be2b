"""Whether a provider's jobs are taken in at all: not while its credit is used up, nor while an operator has paused it."""

import logging
from collections.abc import Mapping
from typing import Any

from shared import telemetry
from shared.domain.problem import Problem
from shared.providers.provider import Provider, ProviderError
from shared.services import Services

#: How late another instance's stop, or an operator's pause, may be noticed here: it saves a read for most jobs, and one that was
#: let in by then is told so in line. That it is over is noticed at once.
INTAKE_SECONDS = 10.0


def refusal(services: Services, provider: Provider) -> Problem | None:
    """What a new job for this provider is told, or None when it is welcome."""
    refresh_balance(services, provider)
    code = refusal_code(services.gates.look(provider.name, INTAKE_SECONDS).document)
    if code:
        # Nobody is sent away for what was so ten seconds ago.
        code = refusal_code(services.gates.look(provider.name, 0).document)
    return Problem(code, params={"provider": provider.label}) if code else None


def refusal_code(gate: Mapping[str, Any]) -> str | None:
    """What a new job is refused with at this gate (its document)."""
    if gate.get("paused"):
        return "intake_paused"
    return gate["stopped"]["code"] if gate["stopped"] else None


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
