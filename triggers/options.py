"""GET /api/options: what a form may offer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from azure.core.exceptions import AzureError

from shared import threads
from shared.domain import generation as limits
from shared.domain import printing
from shared.domain.image_kind import EXTENSIONS
from shared.domain.kinds import KINDS, Kind
from shared.domain.presets import PRESETS
from shared.domain.sheet import SHEET_PICTURES_MAX
from shared.generators.generator import Generator
from shared.intake import INTAKE_SECONDS, refusal_code
from shared.pictures.limits import most_pixels
from shared.providers.provider import Provider, ProviderError
from shared.services import Services, services
from shared.storage.account import StorageNotConfigured
from triggers.edge import endpoint, json_response

blueprint = df.Blueprint()

#: A form does not wait longer for a figure that it has a default for.
LOOK_SECONDS = 2.0


@blueprint.function_name("get_options")
@blueprint.route("options", methods=["GET", "HEAD", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def get_options(req: func.HttpRequest) -> func.HttpResponse:
    app = services()
    known = await _known(app)
    return json_response(
        {
            "sandbox": app.settings.is_sandbox,
            "translator": known.has_translator,
            "aspect_ratios": list(limits.ASPECT_RATIOS),
            "output_formats": list(limits.OUTPUT_FORMATS),
            "safety_tolerance": {"min": limits.SAFETY_MIN, "max": limits.SAFETY_MAX, "default": limits.SAFETY_DEFAULT},
            "seed": {"min": 0, "max": limits.SEED_MAX},
            "n": {"min": 1, "max": limits.PICTURES_MAX, "default": 1},
            "prompt": {"min_length": 1, "max_length": limits.PROMPT_MAX_CHARACTERS},
            "image": {
                "max_bytes": app.settings.max_upload_bytes,
                "max_pixels": limits.MAX_IMAGE_PIXELS,
                "max_pixels_by_type": most_pixels(app.settings.decode_memory_mb),
                "content_types": list(EXTENSIONS),
            },
            "sheet": {"max_presets": SHEET_PICTURES_MAX},
            "presets": [
                {
                    "id": p.id,
                    "name": {"ko": p.name_ko, "en": p.name_en},
                    "aspect_ratio": p.aspect_ratio,
                    "print_size": p.print_size,
                    "print": printing.told(p),
                }
                for p in PRESETS.values()
            ],
            "generators": [
                _told(kind, generator, known, is_default=number == 0)
                for kind in KINDS.values()
                for number, generator in enumerate(app.generators_of(kind))
            ],
        },
        headers={"Cache-Control": "public, max-age=60"},
    )


@dataclass(frozen=True)
class _Known:
    """What storage and the secrets tell of now; all of it has a default for a form that does not wait for them."""

    has_translator: bool
    #: What a picture takes with each generator, measured on the last ones.
    seconds: Mapping[str, float] = field(default_factory=dict)
    #: Of providers that take nothing in, why: the code that a new job would be refused with.
    stopped: Mapping[str, str] = field(default_factory=dict)


async def _known(app: Services) -> _Known:
    def look() -> _Known:
        gates = {name: app.gates.look(name, INTAKE_SECONDS) for name in app.providers}
        measured = {name: gates[g.provider.name].measured_seconds(name) for name, g in app.generators.items()}
        stopped = {name: _refusal(provider, gates[name].document) for name, provider in app.providers.items()}
        return _Known(
            app.translator.is_configured,
            {name: seconds for name, seconds in measured.items() if seconds is not None},
            {name: code for name, code in stopped.items() if code is not None},
        )

    try:
        return await asyncio.wait_for(threads.run(look), LOOK_SECONDS)
    except (AzureError, StorageNotConfigured, TimeoutError):
        return _Known(app.settings.translator_endpoint is not None)


def _refusal(provider: Provider, gate: Mapping[str, Any]) -> str | None:
    """As a new job would be told (shared/intake.py), without asking the provider anything."""
    if refused := refusal_code(gate):
        return refused
    try:
        provider.require_key()
    except ProviderError as error:
        # A vault that gives no answer may have the key.
        code = error.problem.code
        return code if code in ("missing_api_key", "provider_auth_failed") else None
    return None


def _told(kind: Kind, generator: Generator, known: _Known, *, is_default: bool) -> dict[str, Any]:
    """One of the generators that a kind offers, with its list price."""
    return {
        "kind": kind.name,
        "path": f"/api/{kind.route}/generate",
        "provider": generator.provider.name,
        "model": generator.name,
        "is_default": is_default,
        "name": {"ko": generator.model.name_ko, "en": generator.model.name_en},
        "good_for": {"ko": generator.model.good_for_ko, "en": generator.model.good_for_en},
        # A time of nothing would be taken for none that is known.
        "expected_seconds": max(1, round(known.seconds.get(generator.name, generator.expected_seconds))),
        "price_usd": generator.price_usd(len(kind.images)),
        "min_side_px": generator.min_side_px,
        "images": list(kind.images),
        "stopped": known.stopped.get(generator.provider.name),
    }
