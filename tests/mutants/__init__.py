"""Hand-made faults in the rules of money, trust, owner and privacy, in the choice of models, in what is sent to providers and of
words, in links, in pictures, in the sandbox, in sheets and what is made again, in webhooks, in what is kept where, in
what who waits is told and in requests by queue, and in the contract: `make mutants`."""

from tests.mutants.budgets import BUDGETS
from tests.mutants.contract import CONTRACT
from tests.mutants.keeping import KEEPING
from tests.mutants.links import LINKS
from tests.mutants.models import MODELS
from tests.mutants.money import MONEY
from tests.mutants.pictures import PICTURES
from tests.mutants.privacy import PRIVACY
from tests.mutants.queue import QUEUE
from tests.mutants.requests import REQUESTS
from tests.mutants.sandbox import SANDBOX
from tests.mutants.sheets import SHEETS
from tests.mutants.trust import TRUST
from tests.mutants.waiting import WAITING
from tests.mutants.webhooks import WEBHOOKS
from tests.mutants.words import WORDS

MUTANTS = (
    *MONEY, *MODELS, *TRUST, *REQUESTS, *LINKS, *PRIVACY, *PICTURES, *KEEPING, *SANDBOX, *SHEETS, *WEBHOOKS, *WORDS,
    *BUDGETS, *WAITING, *QUEUE, *CONTRACT,
)  # fmt: skip
