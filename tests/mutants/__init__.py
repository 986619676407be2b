"""Hand-made faults in the rules of money, trust, owner and privacy, in the choice of models, in what is sent to providers, in
links, in pictures, in the sandbox, in what is kept where, and in the contract: `make mutants`."""

from tests.mutants.contract import CONTRACT
from tests.mutants.keeping import KEEPING
from tests.mutants.links import LINKS
from tests.mutants.models import MODELS
from tests.mutants.money import MONEY
from tests.mutants.pictures import PICTURES
from tests.mutants.privacy import PRIVACY
from tests.mutants.requests import REQUESTS
from tests.mutants.sandbox import SANDBOX
from tests.mutants.trust import TRUST

MUTANTS = (*MONEY, *MODELS, *TRUST, *REQUESTS, *LINKS, *PRIVACY, *PICTURES, *KEEPING, *SANDBOX, *CONTRACT)
