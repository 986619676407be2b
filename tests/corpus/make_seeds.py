"""Makes `seeds/` anew: `python -m tests.corpus.make_seeds`, by hand and rarely.

The files are kept because an input is named by seed and index: another version of an encoder would make other bytes of all of
them. Needs what the app does not: `avifenc` (libavif-bin), `jpegtran` (libjpeg-turbo-progs), and pillow-heif, because pi-heif
only reads (`pip install pillow-heif` into an environment beside .venv). What is missing is left out, and said.
"""

import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from tests.corpus.raw import ADOBE_RGB, P3, SWAPPED, icc_profile, png8, png16, png_chunk, saved, xmp

SEEDS = Path(__file__).parent / "seeds"
WIDTH, HEIGHT = 160, 120


def drawing(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Each corner of another colour, so that a turn is seen; soft and hard parts."""
    picture = Image.new("RGB", (width, height), (238, 190, 160))
    ramp = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", [picture.getchannel(0), Image.blend(picture.getchannel(1), ramp, 0.4), picture.getchannel(2)])
    draw = ImageDraw.Draw(picture)
    w, h = width / 160, height / 120
    draw.rectangle((0, 0, 44 * w, 34 * h), fill=(210, 40, 50))
    draw.rectangle((118 * w, 0, width, 30 * h), fill=(40, 150, 80))
    draw.rectangle((0, 92 * h, 36 * w, height), fill=(70, 90, 200))
    draw.polygon([(width, height), (110 * w, height), (width, 80 * h)], fill=(245, 205, 40))
    draw.ellipse((54 * w, 36 * h, 112 * w, 94 * h), fill=(120, 60, 160), outline=(20, 20, 30), width=3)
    draw.line((62 * w, 88 * h, 104 * w, 44 * h), fill="white", width=3)
    return picture


def cut_out(mark: str = "drawing") -> Image.Image:
    """The drawing on a transparent ground with a soft edge, or a white mark on it."""
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(mask)
    draw.rectangle((10, 10, 100, 60), fill=255)
    draw.ellipse((50, 36, 150, 110), fill=255)
    draw.rectangle((110, 10, 150, 30), fill=120)
    picture = drawing().convert("RGBA") if mark == "drawing" else Image.new("RGBA", (WIDTH, HEIGHT), "white")
    picture.putalpha(mask)
    return picture


def paletted(colours: int = 64) -> Image.Image:
    return drawing().quantize(colours, dither=Image.Dither.NONE)


def _frames() -> list[Image.Image]:
    return [drawing().rotate(90 * n) for n in range(3)]


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    return exif.tobytes()


def pngs() -> Iterator[tuple[str, bytes]]:
    rgb, grey = drawing(), drawing().convert("L")
    yield "1bit", saved(rgb.convert("1"), "PNG")
    yield "grey", saved(grey, "PNG")
    yield "grey-icc", saved(grey, "PNG", icc_profile=icc_profile(None, 1.8))
    yield "grey16", png16(rgb, "L")
    yield "grey16-trns", png16(rgb, "L", png_chunk(b"tRNS", struct.pack(">H", grey.getpixel((0, 0)) * 257)))
    yield "grey-trns", saved(grey, "PNG", transparency=grey.getpixel((0, 0)))
    yield "grey-alpha", saved(cut_out().convert("LA"), "PNG")
    yield "grey-alpha16", png16(cut_out(), "LA")
    yield "palette", saved(paletted(), "PNG")
    yield "palette4", saved(paletted(16), "PNG", bits=4)
    yield "palette2", saved(paletted(4), "PNG", bits=2)
    yield "palette-index", saved(paletted(), "PNG", transparency=paletted().getpixel((0, 0)))
    yield "palette-alpha", saved(cut_out().quantize(64, Image.Quantize.FASTOCTREE), "PNG")
    yield "rgb", saved(rgb, "PNG")
    yield "rgb-key", saved(rgb, "PNG", transparency=(210, 40, 50))
    yield "rgba", saved(cut_out(), "PNG")
    yield "rgba-white", saved(cut_out("white"), "PNG")
    yield "rgb16", png16(drawing(80, 60), "RGB")
    yield "rgba16-interlaced", png16(cut_out().resize((80, 60)), "RGBA", interlaced=True)
    yield "interlaced", png8(rgb, interlaced=True)
    yield "palette-interlaced", png8(paletted(), interlaced=True)
    yield "p3", saved(rgb, "PNG", icc_profile=icc_profile(P3))
    yield "gamma", png8(rgb, png_chunk(b"gAMA", struct.pack(">I", 100_000)))
    yield "cicp-p3", png8(rgb, png_chunk(b"cICP", bytes([12, 13, 0, 1])))
    yield "exif6", saved(rgb, "PNG", exif=_exif(6))
    yield "text", png8(rgb, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6)) + png_chunk(b"tEXt", b"Comment\0drawn"))
    yield "apng", saved(_frames()[0], "PNG", save_all=True, append_images=_frames()[1:], duration=100)
    blank = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    yield "apng-blank", saved(blank, "PNG", save_all=True, append_images=[cut_out(), cut_out().rotate(180)], duration=100)
    yield "apng-default", saved(rgb, "PNG", save_all=True, append_images=_frames()[1:], default_image=True, duration=100)


def jpegs() -> Iterator[tuple[str, bytes]]:
    rgb = drawing()
    yield "444", saved(rgb, "JPEG", quality=85, subsampling=0)
    yield "420", saved(rgb, "JPEG", quality=85, subsampling=2)
    yield "422", saved(rgb, "JPEG", quality=85, subsampling=1)
    yield "grey", saved(rgb.convert("L"), "JPEG", quality=85)
    yield "progressive", saved(rgb, "JPEG", quality=85, progressive=True)
    yield "restart", saved(rgb, "JPEG", quality=85, restart_marker_blocks=4)
    yield "cmyk", saved(rgb.convert("CMYK"), "JPEG", quality=85)
    yield "cmyk-progressive", saved(rgb.convert("CMYK"), "JPEG", quality=85, progressive=True)
    yield "rgb-kept", saved(rgb, "JPEG", quality=85, keep_rgb=True)
    yield "p3", saved(rgb, "JPEG", quality=85, icc_profile=icc_profile(P3))
    yield "adobe-rgb", saved(rgb, "JPEG", quality=85, icc_profile=icc_profile(ADOBE_RGB, 2.2))
    yield "swapped", saved(rgb, "JPEG", quality=85, icc_profile=icc_profile(SWAPPED))
    yield "grey-icc", saved(rgb.convert("L"), "JPEG", quality=85, icc_profile=icc_profile(None, 1.8))
    yield "comment", saved(rgb, "JPEG", quality=85, comment=b"drawn", dpi=(300, 300))
    yield "xmp6", saved(rgb, "JPEG", quality=85, xmp=xmp(6))
    for orientation in range(1, 9):
        yield f"exif{orientation}", saved(rgb, "JPEG", quality=80, exif=_exif(orientation))
    yield "mpo", saved(rgb, "MPO", save_all=True, append_images=_frames()[1:2], quality=80)
    if tool := shutil.which("jpegtran"):
        yield (
            "arithmetic",
            subprocess.run([tool, "-arithmetic"], input=saved(rgb, "JPEG"), capture_output=True, check=True).stdout,
        )


def webps() -> Iterator[tuple[str, bytes]]:
    yield "lossy", saved(drawing(), "WEBP", quality=80)
    yield "lossless", saved(drawing(), "WEBP", lossless=True)
    yield "lossy-alpha", saved(cut_out(), "WEBP", quality=80)
    yield "lossless-alpha", saved(cut_out(), "WEBP", lossless=True)
    yield "p3", saved(drawing(), "WEBP", quality=80, icc_profile=icc_profile(P3))
    yield "exif6", saved(drawing(), "WEBP", quality=80, exif=_exif(6))
    yield "xmp6", saved(drawing(), "WEBP", quality=80, xmp=xmp(6))
    yield "animated", saved(_frames()[0], "WEBP", save_all=True, append_images=_frames()[1:], quality=70)
    blank = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    yield "animated-blank", saved(blank, "WEBP", save_all=True, append_images=[cut_out(), cut_out().rotate(180)], quality=70)


def gifs() -> Iterator[tuple[str, bytes]]:
    picture = paletted()
    yield "still", saved(picture, "GIF", interlace=0)
    yield "interlaced", saved(picture, "GIF", interlace=1)
    yield "transparent", saved(picture, "GIF", transparency=picture.getpixel((0, 0)))
    frames = [frame.quantize(32, dither=Image.Dither.NONE) for frame in _frames()]
    yield "animated", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    yield "animated-restored", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    blank = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    yield "animated-blank", saved(blank, "GIF", save_all=True, append_images=[cut_out(), cut_out().rotate(180)], duration=100)
    white = Image.new("RGB", (WIDTH, HEIGHT), "white")
    yield "animated-white", saved(white, "GIF", save_all=True, append_images=[drawing(), drawing().rotate(180)], duration=100)


def avifs() -> Iterator[tuple[str, bytes]]:
    yield "420", saved(drawing(), "AVIF", quality=60, subsampling="4:2:0")
    yield "444", saved(drawing(), "AVIF", quality=60, subsampling="4:4:4")
    yield "grey", saved(drawing().convert("L"), "AVIF", quality=60)
    yield "alpha", saved(cut_out(), "AVIF", quality=60)
    yield "p3", saved(drawing(), "AVIF", quality=60, icc_profile=icc_profile(P3))
    yield "exif6", saved(drawing(), "AVIF", quality=60, exif=_exif(6))
    yield "exif5", saved(drawing(), "AVIF", quality=60, exif=_exif(5))
    yield "xmp6", saved(drawing(), "AVIF", quality=60, xmp=xmp(6))
    yield "animated", saved(_frames()[0], "AVIF", save_all=True, append_images=_frames()[1:], quality=50)
    if tool := shutil.which("avifenc"):
        yield "10bit", _by_avifenc(tool, drawing(), "-d", "10")
        yield "12bit-444", _by_avifenc(tool, drawing(), "-d", "12", "-y", "444")
        yield "grid", _by_avifenc(tool, drawing(256, 192), "--grid", "2x2", "-y", "420")
        yield "cropped", _by_avifenc(tool, drawing(), "--crop", "20,10,120,100")
        yield "irot-imir", _by_avifenc(tool, drawing(), "--irot", "1", "--imir", "1")
        yield "nclx-p3", _by_avifenc(tool, drawing(), "--nclx", "12/13/6")
        yield "limited", _by_avifenc(tool, drawing(), "-r", "limited")


def _by_avifenc(tool: str, picture: Image.Image, *options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.png"), Path(folder, "out.avif")
        picture.save(source)
        subprocess.run([tool, "--min", "20", "--max", "36", *options, str(source), str(target)], capture_output=True, check=True)
        return target.read_bytes()


def heics() -> Iterator[tuple[str, bytes]]:
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.register_heif_opener()
    yield "420", saved(drawing(), "HEIF", quality=60)
    yield "444", saved(drawing(), "HEIF", quality=60, chroma=444)
    yield "grey", saved(drawing().convert("L"), "HEIF", quality=60)
    yield "alpha", saved(cut_out(), "HEIF", quality=60)
    yield "p3", saved(drawing(), "HEIF", quality=60, icc_profile=icc_profile(P3))
    yield "exif6", saved(drawing(), "HEIF", quality=60, exif=_exif(6))
    yield "xmp6", saved(drawing(), "HEIF", quality=60, xmp=xmp(6))
    yield "two", saved(drawing(), "HEIF", quality=60, save_all=True, append_images=[drawing().rotate(180)])
    yield (
        "second-first",
        saved(drawing(), "HEIF", quality=60, save_all=True, append_images=[drawing().rotate(180)], primary_index=1),
    )
    yield "grid", saved(drawing(256, 192), "HEIF", quality=50, tile_size=128)
    wide = bytes(value for colour in drawing().tobytes() for value in (colour, colour))
    ten = pillow_heif.from_bytes("RGB;16", (WIDTH, HEIGHT), wide)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ten.heic")
        ten.save(path, quality=60)
        yield "10bit", path.read_bytes()


def main() -> int:
    SEEDS.mkdir(exist_ok=True)
    kinds = {"png": pngs, "jpeg": jpegs, "webp": webps, "gif": gifs, "avif": avifs, "heic": heics}
    for kind, made in kinds.items():
        total = 0
        for name, data in made():
            (SEEDS / f"{kind}-{name}.{kind}").write_bytes(data)
            total += 1
        print(kind, total)
    return 0


if __name__ == "__main__":
    sys.exit(main())
