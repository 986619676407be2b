"""Hand-made faults in the rules of money, trust and owner, and in what is sent to providers: `make mutants`."""

from tests.mutants.money import MONEY
from tests.mutants.requests import REQUESTS
from tests.mutants.trust import TRUST

MUTANTS = (*MONEY, *TRUST, *REQUESTS)
