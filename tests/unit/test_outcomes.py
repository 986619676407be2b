"""What comes after a prediction: another one here, another generator, or the end."""

import pytest

from shared.domain.ledger import Ledger, SendState
from shared.domain.outcomes import after_prediction, goes_elsewhere
from shared.domain.problem import CATALOGUE, Charged, Problem


@pytest.mark.parametrize(
    ("code", "tries", "resubmits", "is_too_late", "what"),
    [
        ("provider_unavailable", 1, 2, False, "again here"),
        ("provider_unavailable", 2, 2, False, "again here"),
        ("provider_unavailable", 3, 2, False, "end"),
        ("provider_unavailable", 1, 0, False, "end"),
        ("provider_unavailable", 1, 1, False, "again here"),
        ("provider_unavailable", 2, 1, False, "end"),
        # Three predictions are the most, whatever the provider thinks of its failures.
        ("provider_unavailable", 2, 9, False, "again here"),
        ("provider_unavailable", 3, 9, False, "end"),
        # The time of the first prediction has passed.
        ("provider_unavailable", 1, 2, True, "end"),
        # A key that is refused, or a credit that is used up, is no better the next time; moderation would say the same.
        ("provider_auth_failed", 1, 2, False, "end"),
        ("provider_quota_exhausted", 1, 2, False, "end"),
        ("provider_bad_response", 1, 2, False, "end"),
        ("content_moderated", 1, 2, False, "end"),
        ("generation_timeout", 1, 2, False, "end"),
        ("internal", 1, 2, False, "end"),
        ("", 1, 2, False, "end"),
    ],
)
def test_another_prediction_here(code: str, tries: int, resubmits: int, is_too_late: bool, what: str) -> None:
    assert after_prediction(code, tries, resubmits, 3, is_too_late=is_too_late) == what


def test_where_one_prediction_is_the_most_there_is_no_other() -> None:
    assert after_prediction("provider_unavailable", 1, 2, 1, is_too_late=False) == "end"


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_only_what_another_provider_may_do_better_goes_there(code: str) -> None:
    is_worth_it = code in ("provider_unavailable", "provider_auth_failed", "provider_quota_exhausted")

    assert goes_elsewhere(Problem(code).to_payload(), Ledger(), is_transient=False) is is_worth_it
    assert goes_elsewhere(Problem(code).to_payload(), Ledger(), is_transient=True) is is_worth_it


@pytest.mark.parametrize(
    ("charged", "is_transient", "sends", "goes"),
    [
        ("no", False, [], True),
        ("no", False, ["refused"], True),
        ("no", False, ["free"], True),
        # What this failure may cost is paid twice elsewhere, unless the provider itself calls it transient.
        ("unknown", False, ["may be charged"], False),
        ("unknown", True, ["may be charged"], True),
        ("yes", False, ["paid"], False),
        ("yes", True, ["paid"], True),
        # A send that may still come to something keeps the picture here, whatever else is said.
        ("no", False, ["open"], False),
        ("no", True, ["open"], False),
        ("no", False, ["open", "refused"], False),
        ("unknown", True, ["open", "may be charged"], False),
    ],
)
def test_another_generator_is_asked_when_it_is_sure_what_this_one_made(
    charged: Charged, is_transient: bool, sends: list[SendState], goes: bool
) -> None:
    problem = Problem("provider_unavailable", charged=charged).to_payload()

    assert goes_elsewhere(problem, Ledger().noted("replicate", 1, sends), is_transient=is_transient) is goes
