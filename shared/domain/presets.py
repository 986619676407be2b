"""The catalogue of goods: what each product is called, the prompt that makes its mock-up, its picture's shape, and its print."""

from typing import NamedTuple

#: Dots per inch that a print shop asks for: at least 150 for most products, 300 for small ones that are held in the hand
#: (https://www.printful.com/blog/everything-you-need-to-know-to-prepare-the-perfect-printfile/).
LEAST_DPI, LEAST_DPI_IN_THE_HAND = 150, 300


class Preset(NamedTuple):
    id: str
    name_ko: str
    name_en: str
    prompt: str
    aspect_ratio: str
    #: The area that a print shop prints on.
    print_width_cm: float
    print_height_cm: float
    #: What a print on it needs.
    least_dpi: int = LEAST_DPI

    @property
    def print_size(self) -> str:
        return f"{self.print_width_cm:g} x {self.print_height_cm:g} cm"


_STYLE = "Keep the character's face, colours and line style exactly. Clean studio background, soft light, product photograph."
_HAND = LEAST_DPI_IN_THE_HAND

PRESETS: dict[str, Preset] = {
    p.id: p
    for p in (
        Preset("tshirt", "티셔츠", "T-shirt", f"A white cotton T-shirt with this character printed large on the chest. {_STYLE}", "1:1", 30, 40),
        Preset("mug", "머그컵", "Mug", f"A white ceramic mug with this character printed on its side. {_STYLE}", "1:1", 20, 8, _HAND),
        Preset("keyring", "키링", "Keyring", f"A transparent acrylic keyring cut to this character's outline, with a metal ring. {_STYLE}", "3:4", 5, 7, _HAND),
        Preset("acrylicstand", "아크릴 스탠드", "Acrylic stand", f"A transparent acrylic stand cut to this character's outline, upright in its slotted base. {_STYLE}", "2:3", 8, 12, _HAND),
        Preset("sticker", "스티커", "Sticker", f"A die-cut vinyl sticker of this character with a white border. {_STYLE}", "1:1", 7, 7, _HAND),
        Preset("phonecase", "폰케이스", "Phone case", f"A phone case with this character printed on its back. {_STYLE}", "3:4", 7, 14, _HAND),
        Preset("totebag", "에코백", "Tote bag", f"A canvas tote bag with this character printed on its front. {_STYLE}", "4:5", 35, 40),
        Preset("cushion", "쿠션", "Cushion", f"A square cushion with this character printed on its front. {_STYLE}", "1:1", 45, 45),
        Preset("poster", "포스터", "Poster", f"A framed wall poster of this character. {_STYLE}", "2:3", 50, 70),
    )
}  # fmt: skip
