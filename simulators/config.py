"""What can be switched at run time, and how it begins."""

from typing import Any

_COMMON: dict[str, Any] = {
    # How long a prediction takes: a number, or [least, most].
    "delay_seconds": [4, 7],
    "start_seconds": 0.3,
    # succeed, moderated_input, moderated_output, error_E003, error_PA, error_E8765, error_E6716, error_unknown, never
    "outcome": "succeed",
    # {outcome: weight}, instead of one outcome.
    "outcomes": {},
    "seed": 1,
    "output_shape": "string",
    "odd_statuses": [],
    # Accepted keys; None accepts any that is not empty.
    "keys": None,
    "faults": [],
    "max_active": None,
    "not_found_polls": 0,
    "create_per_minute": None,
    # Canceled after the start: billed or not is not documented (?).
    "bill_canceled": False,
}

DEFAULTS: dict[str, dict[str, Any]] = {
    "replicate": {
        **_COMMON,
        "link_seconds": 3600,
        "credit": True,
        "webhook_secret": "whsec_c2ltdWxhdG9yLXNlY3JldC1vZi0yNC1ieXRlcw==",
        "webhook_duplicates": 1,
        "webhook_delay_seconds": 0.0,
        "webhook_forged": False,
    },
    "bfl": {
        **_COMMON,
        "link_seconds": 600,
        "max_active": 6,
        "credits": 10_000,
        # The host name that polling_url is on: another one than the API's.
        "polling_host": "localhost",
        "details": True,
        # A status body under another HTTP code, by status (providers reference 2.4).
        "status_codes": {},
    },
}


def merged(config: dict[str, dict[str, Any]], changes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The configuration with `changes`. Raises ValueError for a name that does not exist."""
    result = {provider: dict(values) for provider, values in config.items()}
    for provider, values in changes.items():
        if provider not in result:
            raise ValueError(f"no provider {provider!r}: {', '.join(result)}")
        if unknown := set(values) - set(result[provider]):
            raise ValueError(f"{provider} has no setting {', '.join(sorted(unknown))}: {', '.join(sorted(result[provider]))}")
        result[provider] |= values
    return result
