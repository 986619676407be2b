"""What is known of a picture before it is decoded, what decoding may cost, and what is sent of it."""

from tests.mutants.mutant import Mutant, of

_BOUNDS, _STRUCTURE = "tests/unit/test_picture_bounds.py", "tests/unit/test_picture_structure.py"
_COLOURS, _ENCODING, _FORMATS, _SCALING, _USE = (
    "tests/unit/test_picture_colours.py",
    "tests/unit/test_picture_encoding.py",
    "tests/unit/test_picture_formats.py",
    "tests/unit/test_picture_scaling.py",
    "tests/unit/test_picture_use.py",
)
_KEPT = "tests/unit/test_picture_kept.py"
content = of("shared/pictures/content.py", _STRUCTURE, _FORMATS)
limits = of("shared/pictures/limits.py", _BOUNDS)
decoding = of("shared/pictures/decoding.py", _STRUCTURE, _FORMATS, _SCALING, _BOUNDS)
gif = of("shared/pictures/gif.py", _STRUCTURE, _FORMATS, _BOUNDS)
png = of("shared/pictures/png.py", _STRUCTURE, _ENCODING, _BOUNDS)
jpeg = of("shared/pictures/jpeg.py", _STRUCTURE, _COLOURS, _BOUNDS)
common, whole_jpeg, kept, stripped = (
    of(f"shared/pictures/{name}.py", _KEPT) for name in ("common_jpeg", "decoding", "prepare", "jpeg")
)
webp = of("shared/pictures/webp.py", _STRUCTURE, _FORMATS, _BOUNDS)
isobmff = of("shared/pictures/isobmff.py", _STRUCTURE, "tests/unit/test_picture_cases.py", _FORMATS, _BOUNDS)
av1 = of("shared/pictures/av1.py", _BOUNDS)
profiles = of("shared/pictures/profiles.py", _COLOURS)
colour = of("shared/pictures/colour.py", _COLOURS, "tests/unit/test_picture_cases.py")
ground = of("shared/pictures/ground.py", _USE)
prepare = of("shared/pictures/prepare.py", _USE, _FORMATS, _BOUNDS)
results = of("shared/pictures/results.py", _BOUNDS, _COLOURS)
scaling = of("shared/pictures/scaling.py", _USE, _SCALING, _BOUNDS, "tests/unit/test_images.py")
upload = of("shared/pictures/upload.py", _USE)
encode = of("shared/pictures/encode.py", _ENCODING)
inline = of("shared/pictures/inline.py", "tests/unit/test_inline_encoding.py")

PICTURES: tuple[Mutant, ...] = (
    # ---- what costs memory or time ----
    limits("a decoder goes over a picture as often as its file says", "content.passes > MAX_PASSES or ", ""),
    limits(
        "large pictures are gone over as often as small ones",
        " or content.passes * content.facts.width * content.facts.height > most",
        "",
    ),
    limits("what cannot be stopped may go on for as long as what can", "if content.in_one_piece else", "if False else"),
    decoding("arithmetic coding is read in parts", "if content.in_one_piece else", "if False else"),
    limits("the memory decides nothing", "int((memory_mb - _RESERVED_MB) * 1_000_000 / bytes_per_pixel)", "MAX_IMAGE_PIXELS"),
    limits("the memory of what is the same for all is forgotten", "(memory_mb - _RESERVED_MB)", "memory_mb"),
    prepare("a bomb of an older job is decoded", "    require_real(known)\n", ""),
    prepare("all uploads are decoded at once", "    with UPLOADS:", "    if True:"),
    results(
        "what is paid for waits for uploads", "import DAMAGE, RESULTS, decoded", "import DAMAGE, UPLOADS as RESULTS, decoded"
    ),
    decoding("a decoder goes on for ever", "if self._clock() > self._ends:", "if False:"),
    decoding(
        "a busy machine makes pictures too slow",
        "clock: Callable[[], float] = time.thread_time",
        "clock: Callable[[], float] = time.monotonic",
    ),
    decoding("a whole file is read before the clock is looked at", "_READS = 64", "_READS = 1"),
    decoding(
        "every frame of an animation is decoded in search of one",
        "most = max(1, min(MAX_FRAMES, MAX_FRAME_PIXELS // (opened.width * opened.height)))",
        "most = 1_000_000",
    ),
    decoding("photos are decoded in full size", "    opened.draft(None, size)\n    low_bytes", "    low_bytes"),
    decoding("a 16-bit colour key takes half a gigabyte", "rows = max(1, BAND_PIXELS // opened.width)", "rows = opened.height"),
    decoding("a decoder's assertion is a fault of ours", "AssertionError, ", ""),
    gif("the parts of a GIF have no end", "for _ in range(MAX_PARTS):", "for _ in range(10**9):"),
    gif("comments of a GIF reach the decoder", "data[at + 1 : at + 3] == _CONTROL", "True"),
    gif(
        "a first frame over its canvas is not counted", "width, height = max(width, left + wide), max(height, top + high)", "pass"
    ),
    gif("a later frame over its canvas is decoded", "elif left + wide > width or top + high > height:", "elif False:"),
    gif("frames that nobody looks at reach the decoder", " or len(frames) == MAX_FRAMES", ""),
    png("the chunks of a PNG have no end", "for _ in range(MAX_PARTS):", "for _ in range(10**9):"),
    png("pixels in pieces reach the decoder in pieces", "        if is_pixels:", "        if False:"),
    png("a profile inflates without end", "inflate.decompress(packed[1:], PROFILE_MAX_BYTES)", "inflate.decompress(packed[1:])"),
    jpeg("the segments of a JPEG have no end", "for _ in range(MAX_PARTS):", "for _ in range(10**9):"),
    webp("the chunks of a WebP have no end", "for _ in range(MAX_PARTS):", "for _ in range(10**9):"),
    isobmff("a table is as long as it says", "if end > self._stop:", "if False:"),
    isobmff("entries of tables are not counted", "        self._left -= entries\n", ""),
    isobmff("boxes are not counted", "            self.counted()\n", ""),
    jpeg("fill bytes are looked through again and again", r'rb"\xff[^\x00', r'rb"\xff+[^\x00'),
    isobmff("a HEIC has as many tiles as it likes", "len(tiles) > MAX_TILES or ", ""),
    isobmff(
        "one tile stands for many, each decoded",
        "if sum(width * height for width, height in known) > MAX_TILED",
        "if sum(width * height for width, height in known[:1]) > MAX_TILED",
    ),
    isobmff(
        "an AVIF is as large as its boxes say",
        "if width * height > min(_most(size), MAX_TILED_PIXELS * told[0] * told[1]):",
        "if False:",
    ),  # noqa: E501
    isobmff("alpha is as large as it likes", "if any(width * height > _most(size) for", "if any(False for"),
    isobmff("a canvas of tiles is as large as it likes", "    _require_canvases(data, boxes, size)\n", ""),
    isobmff("frames of a sequence are decoded", 'if name == b"moov":', "if False:"),
    isobmff("only the first stretch of an item is read", "for begin, end in places)\n\n", "for begin, end in places[:1])\n\n"),
    isobmff("pictures are laid over one another", "if boxes.types.get(boxes.primary) not in _DECODED:", "if False:"),
    av1("a second sequence header is passed over", "max(width for width, _ in sizes)", "sizes[0][0]"),
    jpeg("a scan has as many components as it says", "if not 1 <= count <= 4 or len(body)", "if len(body)"),
    av1("only what Pillow writes is understood of AV1", "        _skip_operating_points(bits)\n", "        bits.read(22)\n"),
    decoding("bands are copied of what lies in memory", "return self._picture if is_plain else None", "return None"),
    scaling("a second picture of full size is made", "BAND_PIXELS = 1_000_000", "BAND_PIXELS = 1_000_000_000"),
    # ---- what refuses a picture, and what does not ----
    content(
        "a file that breaks off within its header is a fault of ours",
        "except (struct.error, IndexError) as error:",
        "except ZeroDivisionError as error:",
    ),
    png(
        "texts and profiles of a PNG reach the decoder",
        'chunk for chunk in chunks if chunk[0] == b"IDAT" or',
        'chunk for chunk in chunks[1:] if chunk[0] != b"IEND" or',
    ),
    png(
        "a palette PNG without its palette is taken",
        "    if kind == _PALETTE and not (palette and palette[0][1]):",
        "    if False:",
    ),
    png("what stands behind the pixels counts", 'itertools.takewhile(lambda chunk: chunk[0] != b"IDAT", chunks)', "iter(chunks)"),
    png("a transparency before its palette counts", '(name == b"tRNS" and kind == _PALETTE and b"PLTE" not in notes) or ', ""),
    jpeg("a comment of a JPEG reaches the decoder", "elif marker in _TABLES:", "elif marker in _TABLES or marker == 0xFE:"),
    jpeg(
        "a JPEG that breaks off between two passes is taken",
        "if breaks_off and not _is_complete(scans, components, is_progressive=marker in _PROGRESSIVE):",
        "if False:",
    ),
    kept("a photo that lies on its side is sent as it lies", "turned is picture and ", ""),
    kept("a large JPEG is sent as large as it is", "picture.size == known.facts[1:] and ", ""),
    kept("a JPEG that few decoders know is sent", "        and is_common(known.pixels)\n", ""),
    kept("a JPEG of a byte for each pixel is sent", "        and len(known.pixels) <= _SMALL_BYTES\n", ""),
    kept("notes behind the codes are sent, and codes that break off", "        and holds_just(known, picture)\n", ""),
    whole_jpeg("notes behind the codes are sent", " and not _decodes_to(picture, content, codes[:-_FEW_BYTES], *within)", ""),
    whole_jpeg(
        "half of the codes is sent",
        "return _decodes_to(picture, content, codes, *within) and not",
        "return not",
    ),
    common("an Adobe JPEG is one in YCbCr", "_require(body[11] == 1)", "pass"),
    common(
        "a table that nothing uses is sent",
        "_require((sorted(quantizers), sorted(codes)) == _used(frame, body))",
        "_used(frame, body)",
    ),
    common("a part of the coefficients is common", '    _require(scan[7:] == b"\\0\\x3f\\0")\n', ""),
    common("colours of any size are common", "parts[0][1] in _SAMPLING and ", ""),
    stripped("what Adobe's marker says beside its colours is sent", "+ body[11:12]", "+ body[11:]"),
    stripped("a number of lines is sent", " - {0xDC}", ""),
    decoding(
        "half a picture is paid for",
        " or (may_lack_codes and not _has_all_codes(opened, content, size, seconds, clock))",
        "",
    ),
    whole_jpeg(
        "half a picture with an end is paid for", "content.breaks_off or _ends_in_grey(opened, content)", "content.breaks_off"
    ),
    decoding("rows that a PNG lacks are paid for", "if _lacks_rows(opened, content) or (", "if ("),
    decoding("rows that an animation lacks are paid for", "if frame == 0 and _lacks_rows(opened, content):", "if False:"),
    decoding(
        "what no frame has painted is Pillow's",
        "    painted.paste(255, content.frames[frame].box)\n    if painted.getextrema() == (255, 255):",
        "    if True:",
    ),
    decoding("what a frame cleared stays", "elif former.disposal == _CLEARS:", "elif False:"),
    decoding("what a frame took back stays", "if former.disposal in _STAYS:", "if former.disposal != _CLEARS:"),
    decoding(
        "an animation's transparent grey is seen",
        "        return _PillowBands(opened, content)\n    seen =",
        "        return _PillowBands(opened)\n    seen =",
    ),
    gif("nobody knows where a frame lies", "frames=tuple(frames), ", ""),
    webp("what no frame has painted is black", "(_ALPHA if is_animated and _leaves_ground(size, kept) else 0)", "0"),
    png("more transparent colours than a palette has refuse it", "[: len(palette_of_file) // 3]", ""),
    jpeg(
        "a profile is applied of which a piece is missing",
        "if any(piece[0] != len(pieces) for piece in pieces.values()):",
        "if False:",
    ),
    decoding("black rows are taken for rows that lack", " and not png.has_all_rows(content.pixels)", ""),
    decoding(
        "a HEIC without a primary picture is a fault of ours", 'if image.info["primary"]), None)', 'if image.info["primary"]))'
    ),
    png("colours that a palette lacks are Pillow's greys", "_filled(palette_of_file, depth)", "palette[0][1]"),
    png("a palette is as large as its file says", "2 ** min(depth, 8)", "2**depth"),
    jpeg("a scan behind all of the pixels refuses a JPEG", " and not _ends(data, following)", " and False"),
    webp("a WebP that breaks off is taken", "if name in _PIXELS and at + 8 + length > len(data):", "if False:"),
    isobmff("notes of a HEIC are read", "    for at in boxes.notes:", "    for at in ():"),
    isobmff("an AVIF is not turned", "    orientation = _orientation(data, boxes)\n", "    orientation = 1\n"),
    # ---- what is sent ----
    colour(
        "a profile is taken for sRGB that is that at some levels", "for value in range(256) for _ in range(3)", "for value in ()"
    ),
    colour(
        "profiles are thrown away",
        "    transform = _transform(picture.mode, profile) if profile else None",
        "    transform = None",
    ),
    colour(
        "inks are as dark as their profile's paper",
        "_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC",
        "_INTENT = ImageCms.Intent.ABSOLUTE_COLORIMETRIC",
    ),
    colour("colours are taken for the greys of a profile", 'if given == "L" and not _is_grey(colours):', "if False:"),
    profiles("a gamma that is nearly sRGB's darkens", " or (corners is None and abs(gamma * 2.2 - 1) < 0.05)", ""),
    profiles("a gamma with corners is sRGB", "(corners is None and abs", "(abs"),
    prepare("a sheet of one colour is sent", "    if is_blank(picture):", "    if False:"),
    prepare("what is all transparent is sent", '    if picture.getchannel("A").getextrema()[1] == 0:', "    if False:"),
    ground("a white mark stays on white", "    if _share_seen(picture, WHITE) >= _ENOUGH:", "    if True:"),
    upload("a strip of seventy pixels is paid for", "    if side < min_side_px:", "    if False:"),
    encode("photos lose their filters", "<= _HARDLY * len(filtered.getvalue())", "<= 9 * len(filtered.getvalue())"),
    encode("drawings are filtered", "<= _HARDLY * len(filtered.getvalue())", "<= 0"),
    png("rows are packed a byte off", 'packer.compress(b"\\0") + ', ""),
    inline("the best quality that fits is passed over", "qualities[middle + 1 :]", "qualities[middle + 2 :]"),
    inline("every quality is tried", "middle = len(qualities) // 2", "middle = 0"),
    decoding("the first frame is sent though it is blank", "if not is_blank(scaled(bands, _thumb(opened.size))):", "if True:"),
)
