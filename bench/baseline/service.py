"""Two image generators as FastAPI services were written: the request is held until the picture is there, and answers with it.

Everything that the app does otherwise is meant: an upload is read whole, the handler polls once a second with time.sleep, and
nothing is stored or known of a job but on its connection. Goods are made by a coroutine that blocks the event loop, so one at a
time, and nobody else is answered meanwhile; PPL in the thread pool. One process of uvicorn runs it, before the same simulators.
"""

import base64
import os
import time
from typing import Any

import requests
from fastapi import FastAPI, Form, UploadFile
from fastapi.responses import JSONResponse, Response

REPLICATE = os.environ["REPLICATE_API_BASE_URL"]
BFL = os.environ["BFL_API_BASE_URL"]
PPL_MODEL, GOODS_MODEL = "flux-kontext-apps/multi-image-kontext-max", "flux-kontext-max"
POLL_SECONDS, POLLS = 1.0, 120
#: What a form may say besides its prompt; here nobody does.
DEFAULTS = {"output_format": "png", "safety_tolerance": 2}

app = FastAPI()


class Failed(Exception):
    """What the caller is told instead of a picture."""


@app.exception_handler(Failed)
async def failed(_: object, error: Failed) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=500)


@app.get("/api/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/goods-gen/generate")
async def goods(
    input_image: UploadFile,
    prompt: str = Form(...),
) -> Response:
    key = {"x-key": os.environ["BFL_API_KEY"]}
    order: dict[str, Any] = {
        "prompt": prompt,
        "input_image": base64.b64encode(await input_image.read()).decode(),
        **DEFAULTS,
    }
    task = _answer(requests.post(f"{BFL}/v1/{GOODS_MODEL}", json=order, headers=key, timeout=30))  # noqa: ASYNC210 - as it was
    for _ in range(POLLS):
        time.sleep(POLL_SECONDS)  # noqa: ASYNC251 - as it was
        asked = {"id": task["id"]}
        found = _answer(requests.get(task["polling_url"], params=asked, headers=key, timeout=30))  # noqa: ASYNC210 - as it was
        if found["status"] == "Ready":
            return _picture(found["result"]["sample"])
    raise Failed("이미지 생성이 2분 내에 완료되지 않았습니다")


@app.post("/api/ppl-gen/generate")
def ppl(
    input_image_1: UploadFile,
    input_image_2: UploadFile,
    prompt: str = Form(...),
) -> Response:
    key = {"Authorization": f"Bearer {os.environ['REPLICATE_API_TOKEN']}"}
    order: dict[str, Any] = {
        "prompt": prompt,
        "input_image_1": _data_uri(input_image_1),
        "input_image_2": _data_uri(input_image_2),
        "aspect_ratio": "match_input_image",
        **DEFAULTS,
    }
    url = f"{REPLICATE}/v1/models/{PPL_MODEL}/predictions"
    prediction = _answer(requests.post(url, json={"input": order}, headers=key, timeout=30))
    for _ in range(POLLS):
        time.sleep(POLL_SECONDS)
        prediction = _answer(requests.get(prediction["urls"]["get"], headers=key, timeout=30))
        if prediction["status"] == "succeeded":
            return _picture(prediction["output"])
        if prediction["status"] in ("failed", "canceled"):
            raise Failed(f"Replicate 모델 생성 실패: {prediction['error']}")
    raise Failed("이미지 생성이 2분 내에 완료되지 않았습니다")


def _data_uri(upload: UploadFile) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(upload.file.read()).decode()}"


def _answer(response: requests.Response) -> dict[str, Any]:
    if not response.ok:
        raise Failed(f"모델 생성 실패: {response.status_code}")
    return dict(response.json())


def _picture(url: str) -> Response:
    return Response(requests.get(url, timeout=30).content, media_type="image/png")
