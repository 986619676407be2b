"""What is merely poor about a job: said beside it, in Korean and English, while its picture is made all the same."""

from typing import NamedTuple, NotRequired, TypedDict

from shared.domain.problem import Language


class WarningData(TypedDict):
    """A warning as it crosses the durable boundary and lies in a job's document."""

    code: str
    #: The form's field that it is about.
    field: NotRequired[str]
    params: NotRequired[dict[str, str]]


class Wording(NamedTuple):
    """Sentences may hold {placeholders} that the warning's params fill."""

    ko: str
    en: str


CATALOGUE: dict[str, Wording] = {
    "image_small": Wording(
        "이미지가 작아서({width} × {height}px) 확대해서 보냈습니다. 더 큰 원본이 있으면 결과가 좋아집니다.",
        "The image is small ({width} × {height} px), so it was enlarged. With a larger original the picture gets better.",
    ),
    "image_narrow": Wording(
        "이미지가 길어서 짧은 변이 {side}px로 줄었습니다. 필요한 부분만 잘라 올리면 세부가 살아납니다.",
        "The image is long, so its shorter side was sent with {side} px only. Cropped to what you need it keeps its detail.",
    ),
    "image_ground_changed": Wording(
        "투명한 이미지의 내용이 흰 배경에서는 보이지 않아 {ground_ko} 배경에 놓았습니다. 다른 배경을 원하면 배경을 넣어서 올려 주세요.",
        "What the transparent image shows could not be seen on white, so it was put on {ground_en}. For another ground upload it with one.",
    ),
    "image_first_frame": Wording(
        "움직이는 이미지라서 {frame}번째 장면만 사용했습니다. 다른 장면을 원하면 그 장면을 저장해서 올려 주세요.",
        "The image is animated: frame {frame} of it was used. For another one save that frame and upload it.",
    ),
    "prompt_not_translated": Wording(
        "프롬프트를 영어로 옮기지 못해 쓰신 그대로 보냈습니다: {why_ko} 결과가 뜻과 다르면 영어로 써서 다시 보내 주세요.",
        "The prompt was not brought into English and was sent as it was written: {why_en} If the picture is not what you meant, send it again in English.",
    ),
    "print_size_draft": Wording(
        "{product_ko} 인쇄에는 픽셀이 부족합니다: {width} × {height}cm를 채우면 {dpi}dpi이고, {needed}dpi 이상이 필요합니다. 시안으로 쓰거나 "
        "{good_width} × {good_height}cm 이하로 인쇄해 주세요.",
        "There are too few pixels to print it on a product of this kind ({product_en}): filling {width} × {height} cm it has {dpi} dpi, and {needed} "
        "are needed. Take it as a draft, or print it at {good_width} × {good_height} cm or smaller.",
    ),
    "prediction_goes_on": Wording(
        "작업은 끝났지만 이미지 생성 서비스가 그림을 계속 만들고 있어 비용이 나올 수 있습니다. 그쪽이 끝나면 usage에 실제 비용이 적힙니다.",
        "The job has ended, but its provider goes on with a picture that may be charged. When that has ended, `usage` says what it cost.",
    ),
}  # fmt: skip


def warning(code: str, field: str | None = None, **params: object) -> WarningData:
    if code not in CATALOGUE:
        raise ValueError(f"unknown warning {code!r}")
    about: WarningData = {"code": code}
    if field is not None:
        about["field"] = field
    if params:
        about["params"] = {name: str(value) for name, value in params.items()}
    return about


def worded(data: WarningData, language: Language) -> dict[str, str | None]:
    """A warning as a job's JSON tells it. One that only a later version knows is told by its code."""
    wording = CATALOGUE.get(data["code"])
    sentence = "" if wording is None else wording.ko if language == "ko" else wording.en
    return {"code": data["code"], "detail": sentence.format_map(_Words(data.get("params", {}))), "field": data.get("field")}


class _Words(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "-"
