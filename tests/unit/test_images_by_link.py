"""Whether images go by link, what such a link names, and how one stands in a request."""

from typing import Any

import pytest

from shared.domain.kinds import KINDS
from shared.generators.flux2_at_bfl import MODELS as FLUX2
from shared.generators.generator import Order
from shared.generators.image import Linked
from shared.generators.registry import MODELS
from shared.settings import Settings
from tests import pictures

CLOUD = {"WEBSITE_HOSTNAME": "toon.azurewebsites.net"}
EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a==;BlobEndpoint=http://127.0.0.1:1/devstoreaccount1"
)
AZURE = "DefaultEndpointsProtocol=https;AccountName=toon;AccountKey=a==;EndpointSuffix=core.windows.net"


@pytest.mark.parametrize(
    ("environ", "is_by_link"),
    [
        ({**CLOUD, "AzureWebJobsStorage__accountName": "toon"}, True),
        ({**CLOUD, "AzureWebJobsStorage__blobServiceUri": "https://toon.blob.core.windows.net"}, True),
        ({**CLOUD, "AzureWebJobsStorage": AZURE}, True),
        # The images' own account counts where there is one.
        ({**CLOUD, "AzureWebJobsStorage": EMULATOR, "IMAGES_STORAGE_ACCOUNT": "toonimages"}, True),
        ({**CLOUD, "AzureWebJobsStorage": AZURE, "IMAGES_STORAGE_ACCOUNT": "https://127.0.0.1:1/devstoreaccount1"}, False),
        ({**CLOUD, "AzureWebJobsStorage": EMULATOR}, False),
        ({**CLOUD, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}, False),
        ({**CLOUD, "AzureWebJobsStorage": AZURE.replace("=https", "=http")}, False),
        ({**CLOUD, "AzureWebJobsStorage__blobServiceUri": "http://toon.example"}, False),
        ({**CLOUD, "IMAGES_STORAGE_ACCOUNT": "https://["}, False),
        (CLOUD, False),
        ({"AzureWebJobsStorage": AZURE}, False),
        ({"AzureWebJobsStorage": AZURE, "WEBSITE_HOSTNAME": "localhost:7071"}, False),
    ],
)
def test_images_go_by_link_where_a_provider_can_reach_their_storage(environ: dict[str, str], is_by_link: bool) -> None:
    assert Settings.from_environ(environ).images_by_link is is_by_link


@pytest.mark.parametrize(("given", "is_by_link"), [("true", True), (" TRUE ", True), ("false", False), ("", None)])
@pytest.mark.parametrize("environ", [{**CLOUD, "AzureWebJobsStorage": AZURE}, {"AzureWebJobsStorage": EMULATOR}])
def test_what_is_set_stands_wherever_the_storage_is(environ: dict[str, str], given: str, is_by_link: bool | None) -> None:
    settings = Settings.from_environ({**environ, "IMAGES_BY_LINK": given})

    assert settings.images_by_link is (environ.get("WEBSITE_HOSTNAME") is not None if is_by_link is None else is_by_link)
    assert settings.problems == {}


@pytest.mark.parametrize("given", ["yes", "1", "on", "tru"])
def test_a_malformed_switch_is_off_and_told_by_name(given: str) -> None:
    settings = Settings.from_environ({**CLOUD, "AzureWebJobsStorage": AZURE, "IMAGES_BY_LINK": given})

    assert settings.images_by_link is False
    assert settings.problems == {"IMAGES_BY_LINK": "must be one of: true, false"}


# ---- within a request ----


def order(model: Any, *images: Any, **changes: Any) -> Order:
    fields = {
        "reference": "job/0", "prompt": "a hero", "images": images, "roles": KINDS["ppl"].roles, "aspect_ratio": "1:1",
        "output_format": "png", "safety_tolerance": 2, "seed": 5,
    }  # fmt: skip
    return Order(**{**fields, **changes})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_model_is_given_the_links_in_their_order_and_no_bytes(model: Any) -> None:
    links = [Linked(pictures.drawing_png(256, 256), f"https://toon.example/{n}.png?sig=s") for n in range(2)]
    fields = model.fields(order(model, *links))
    given = fields.get("input_images") or [value for name, value in fields.items() if name.startswith("input_image")]

    assert given == [link.url for link in links]


def test_a_size_that_follows_the_first_image_does_so_behind_a_link() -> None:
    image = pictures.drawing_png(512, 256)
    sizes = [
        (fields["width"], fields["height"])
        for given in (image, Linked(image, "https://toon.example/a.png"))
        for fields in [FLUX2[0].fields(order(FLUX2[0], given, aspect_ratio="match_input_image"))]
    ]

    assert sizes[0] == sizes[1]
    assert sizes[0][0] > sizes[0][1]


def test_the_text_of_an_order_shows_neither_images_nor_links() -> None:
    linked = Linked(b"secret bytes", "https://toon.example/a.png?sig=secret")

    assert "secret" not in repr(linked) + repr(order(MODELS[0], linked, b"secret"))
    assert order(MODELS[0], linked).is_by_link
    assert not order(MODELS[0], b"inside").is_by_link
