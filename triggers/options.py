"""GET /api/options: what a form may offer."""

import azure.durable_functions as df
import azure.functions as func

from shared.domain import generation as limits
from shared.domain.image_kind import EXTENSIONS
from shared.domain.kinds import KINDS
from shared.domain.presets import PRESETS
from shared.services import services
from triggers.edge import endpoint, json_response

blueprint = df.Blueprint()


@blueprint.function_name("get_options")
@blueprint.route("options", methods=["GET", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@endpoint
async def get_options(req: func.HttpRequest) -> func.HttpResponse:
    app = services()
    return json_response(
        {
            "aspect_ratios": list(limits.ASPECT_RATIOS),
            "output_formats": list(limits.OUTPUT_FORMATS),
            "safety_tolerance": {"min": limits.SAFETY_MIN, "max": limits.SAFETY_MAX, "default": limits.SAFETY_DEFAULT},
            "seed": {"min": 0, "max": limits.SEED_MAX},
            "n": {"min": 1, "max": limits.PICTURES_MAX, "default": 1},
            "prompt": {"min_length": 1, "max_length": limits.PROMPT_MAX_CHARACTERS},
            "image": {
                "max_bytes": app.settings.max_upload_bytes,
                "max_pixels": limits.MAX_IMAGE_PIXELS,
                "content_types": list(EXTENSIONS),
            },
            "presets": [
                {
                    "id": p.id,
                    "name": {"ko": p.name_ko, "en": p.name_en},
                    "aspect_ratio": p.aspect_ratio,
                    "print_size": p.print_size,
                }
                for p in PRESETS.values()
            ],
            "generators": [
                {
                    "kind": kind.name,
                    "path": f"/api/{kind.route}/generate",
                    "provider": kind.generator,
                    "model": app.generators[kind.generator].model,
                    "expected_seconds": app.generators[kind.generator].expected_seconds,
                    "images": list(kind.images),
                }
                for kind in KINDS.values()
            ],
        },
        headers={"Cache-Control": "public, max-age=60"},
    )
