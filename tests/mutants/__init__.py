"""Hand-made faults in the rules of money, trust and owner, in the choice of models, in what is sent to providers, in links, in
where images lie and in what is taken of pictures: `make mutants`."""

from tests.mutants.images import IMAGES
from tests.mutants.links import LINKS
from tests.mutants.models import MODELS
from tests.mutants.money import MONEY
from tests.mutants.pictures import PICTURES
from tests.mutants.requests import REQUESTS
from tests.mutants.trust import TRUST

MUTANTS = (*MONEY, *MODELS, *TRUST, *REQUESTS, *LINKS, *IMAGES, *PICTURES)
