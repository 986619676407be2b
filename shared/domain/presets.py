"""Goods templates: what each product is called, the prompt that makes its mock-up, and its picture's shape."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    id: str
    name_ko: str
    name_en: str
    prompt: str
    aspect_ratio: str
    #: What a print shop would print on, for the page's hint.
    print_size: str


_STYLE = "Keep the character's face, colours and line style exactly. Clean studio background, soft light, product photograph."

PRESETS: dict[str, Preset] = {
    p.id: p
    for p in (
        Preset("tshirt", "티셔츠", "T-shirt", f"A white cotton T-shirt with this character printed large on the chest. {_STYLE}", "1:1", "30 x 40 cm"),
        Preset("mug", "머그컵", "Mug", f"A white ceramic mug with this character printed on its side. {_STYLE}", "1:1", "20 x 8 cm"),
        Preset("keyring", "키링", "Keyring", f"A transparent acrylic keyring cut to this character's outline, with a metal ring. {_STYLE}", "3:4", "5 x 7 cm"),
        Preset("sticker", "스티커", "Sticker", f"A die-cut vinyl sticker of this character with a white border. {_STYLE}", "1:1", "7 x 7 cm"),
        Preset("phonecase", "폰케이스", "Phone case", f"A phone case with this character printed on its back. {_STYLE}", "3:4", "7 x 14 cm"),
        Preset("totebag", "에코백", "Tote bag", f"A canvas tote bag with this character printed on its front. {_STYLE}", "4:5", "35 x 40 cm"),
        Preset("poster", "포스터", "Poster", f"A framed wall poster of this character. {_STYLE}", "2:3", "50 x 70 cm"),
        Preset("cushion", "쿠션", "Cushion", f"A square cushion with this character printed on its front. {_STYLE}", "1:1", "45 x 45 cm"),
    )
}  # fmt: skip
