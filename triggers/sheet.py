"""POST /api/goods-gen/sheet: one character on several goods, as one job."""

from functools import partial
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from shared.domain.kinds import GOODS
from shared.domain.sheet import parse_sheet
from shared.services import services
from triggers.edge import endpoint, owner, request_id
from triggers.generate import accept, given_key, take
from triggers.upload import read_form

blueprint = df.Blueprint()


@blueprint.function_name("sheet_goods")
@blueprint.route(f"{GOODS.route}/sheet", methods=["POST", "OPTIONS"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.durable_client_input(client_name="client")
@endpoint
async def sheet_goods(req: func.HttpRequest, client) -> func.HttpResponse:  # type: ignore[no-untyped-def]
    """202 with a job that makes one picture a preset; else as generate."""
    return await take(req, client, partial(_accept, req))


def _accept(req: func.HttpRequest) -> tuple[dict[str, Any], bool]:
    app, who, key = services(), owner(req), given_key(req)
    form = read_form(req, GOODS, app.settings.max_upload_bytes)
    return accept(app, GOODS, who, key, form, request_id(req), parse=parse_sheet, route=f"{GOODS.route}/sheet")
