"""Where images lie, what their names tell, and what is left of uploads."""

from tests.mutants.mutant import Mutant, of

NAMES, ENDS = "tests/unit/test_image_names.py", "tests/activities/test_originals.py"
names = of("shared/storage/image_names.py", NAMES)
uploads = of("shared/storage/uploads.py", ENDS, "tests/integration/test_sent_images.py")
sent = of("shared/storage/sent_images.py", ENDS, "tests/integration/test_sent_images.py")
pictures = of("shared/storage/picture_store.py", ENDS, "tests/activities/test_images_by_link.py")
jobs = of("shared/storage/job_store.py", ENDS, "tests/integration/test_storage.py")
originals = of("shared/originals.py", ENDS)
prepare = of("activities/prepare_image.py", ENDS, "tests/rare/test_prepare_after_forget.py")
finish = of("activities/finish_job.py", ENDS)
starting = of("shared/starting.py", ENDS)
generate = of("triggers/generate.py", "tests/triggers/test_trouble.py")
SMALL = "tests/triggers/test_small_images.py"
again = of("triggers/retry.py", SMALL)
at_once = of("triggers/generate.py", SMALL, "tests/triggers/test_retry.py")
told, kept, small = (
    of("shared/starting.py", SMALL),
    of("shared/storage/uploads.py", SMALL),
    of("shared/pictures/prepare.py", SMALL),
)
housekeeping = of("triggers/housekeeping.py", "tests/triggers/test_housekeeping.py")
provenance = of("shared/provenance.py", "tests/unit/test_words_in_pictures.py")
check = of("activities/check_prediction.py", "tests/activities/test_check_prediction.py")

DIGEST = 'hashlib.sha256(f"{purpose} of {job_id}".encode()).hexdigest()[:32]'
OVER = 'if is_terminal(document["status"]) if document else now - found.written > _UNCLAIMED:'

PRIVACY: tuple[Mutant, ...] = (
    # ---- what names tell ----
    names("a picture's link names its job", DIGEST, "job_id"),
    names("a picture's link names a plain digest of its job", DIGEST, "hashlib.sha256(job_id.encode()).hexdigest()[:32]"),
    names("all jobs share a folder", DIGEST, 'hashlib.sha256(purpose.encode()).hexdigest()[:32]'),
    names("what the version before prepared for links is not found", "'sent images'", "'sent'"),
    names("an upload is linked to", "(PICTURES, SENT_OF_BEFORE)", "(PICTURES, SENT_OF_BEFORE, UPLOADS)"),
    names("what is sent to providers is no picture", "(PICTURES, SENT_OF_BEFORE)", "(SENT_OF_BEFORE,)"),
    names("a prepared image is taken for an upload", 'if parts[1:2] == ["input"]', "if len(parts) > 1"),
    names("uploads of the version before are nobody's", 'parts[0] if parts[1:2] == ["input"] else ""', '""'),
    names("a field is another's beginning", "prepared/{field}.\", f\"{jobs}", "prepared/{field}\", f\"{jobs}"),
    names("a deleted job keeps what the version before made", ", *_folders_of_before(job_id)\n", "\n"),
    names("a deleted job keeps its uploads", 'return f"{UPLOADS}{job_id}/", _folder', "return _folder"),
    names("a deleted job keeps its pictures", "{job_id}/\", _folder(job_id), *", "{job_id}/\", *"),
    # ---- what files tell ----
    check("a picture tells what its generator wrote into it", "    data = provenance.without_words(data, facts.content_type)\n", ""),  # noqa: E501
    provenance("a PNG tells its prompt", 'b"tEXt", ', ""),
    provenance("a PNG tells its prompt, packed", 'b"zTXt", ', ""),
    provenance("a PNG tells its prompt in another script", 'b"iTXt", b"eXIf"', 'b"eXIf"'),
    provenance("a PNG tells its prompt in EXIF", 'b"eXIf", b"tIME"', 'b"tIME"'),
    provenance("a JPEG tells its prompt in EXIF", "{0xE1, 0xED", "{0xED"),
    provenance("a JPEG tells its prompt in a comment", ", 0xFE}", "}"),
    provenance("a WebP tells its prompt", 'if content_type == "image/webp":\n            return _webp_without', "if False:\n            return _webp_without"),  # noqa: E501
    provenance("a WebP tells its prompt in XMP", ', b"XMP ": 0x04}', "}"),
    provenance("a picture that lay on its side lies down again", "value in range(2, 9)", "value in range(2, 3)"),
    provenance("a picture that is cut off is lost", "except (struct.error, ValueError):\n        pass", "except ZeroDivisionError:\n        pass"),  # noqa: E501
    of("triggers/job_view.py", "tests/triggers/test_jobs.py", "tests/triggers/test_job_view.py")(
        "links are signed on the event loop", "if has_links else", "if False else"
    ),
    # ---- what is prepared at once ----
    at_once("what goes wrong with a small image fails its POST", "suppress(Exception)", "suppress(ZeroDivisionError)"),
    again("an image that a POST prepared is not found again", "_prepared_by_post(source, field) or ", ""),
    small("a small image is prepared once", "        _SMALL.release()", "        pass"),
    small("a ground is looked for while a POST waits", "known.has_alpha or ", ""),
    at_once("what is made again is prepared again", ' if "retry_of" not in document else {}', ""),
    at_once("a warning of a small image is lost", "image.warnings_about(field)", "[]"),
    told("a story does not know what is prepared", 'if document.get("prepared"):', "if False:"),
    kept("the end of a job takes a small image with it", " if not name.startswith(PICTURES)", ""),
    small("many passes are taken for quick", "known.passes > 1", "False"),
    small("large images hold a POST up", "> _SMALL_PIXELS", "> 40 * _SMALL_PIXELS"),
    # ---- when uploads go ----
    finish("the end of a job leaves its uploads", "    originals.forget(services, document)\n", ""),
    finish("uploads go before the end is on record", "    pictures = [told_by_records", "    originals.forget(services, services.jobs.read(payload[\"job_id\"]) or {\"id\": \"\"})\n    pictures = [told_by_records"),  # noqa: E501
    starting("a job that is given up leaves its uploads", "    originals.forget(app, document)\n", ""),
    generate("a repeated POST leaves its uploads", "        originals.take_back(app, document)\n", "        pass\n"),
    uploads("nothing is deleted", "self._blobs.delete(IMAGES, name)", "pass"),
    uploads("one of several uploads is deleted", "            self._blobs.delete(IMAGES, name)", "            self._blobs.delete(IMAGES, name)\n            break"),  # noqa: E501
    originals("storage that does not delete fails an end", "except Exception as error:  # noqa: BLE001 - the job has ended", "except ZeroDivisionError as error:  # noqa: BLE001 - the job has ended"),  # noqa: E501
    # ---- what housekeeping does ----
    originals("housekeeping deletes uploads that are needed", OVER, "if True:"),
    originals("what a POST left that died stays", OVER, 'if document and is_terminal(document["status"]):'),
    originals("a POST that is at it loses its upload", "_UNCLAIMED = timedelta(hours=1)", "_UNCLAIMED = timedelta(minutes=5)"),
    originals("what a POST left that died stays for a day", "_UNCLAIMED = timedelta(hours=1)", "_UNCLAIMED = timedelta(hours=24)"),  # noqa: E501
    originals("an upload that was just written is looked at", "if now - found.written < _YOUNG:", "if False:"),
    originals("one run of housekeeping has no bound", "if jobs == JOBS_AT_ONCE:", "if False:"),
    originals("uploads of the version before stay", "app.uploads.left_by_before() if of_before else ", ""),
    uploads("what lies beside uploads of the version before goes too", "if job_id is not None:", "if job_id or names:"),
    housekeeping("housekeeping leaves uploads", "(False, True) if now.minute < 5 else (False,)", "(True,) if now.minute < 5 else ()"),  # noqa: E501
    housekeeping("those of the version before are listed each time", "(False, True) if now.minute < 5 else (False,)", "(False, True)"),  # noqa: E501
    housekeeping("trouble with uploads holds up housekeeping", "except Exception as error:  # noqa: BLE001 - what else housekeeping does is more urgent; these come again\n            telemetry.event(\"uploads_kept\"", "except ZeroDivisionError as error:\n            telemetry.event(\"uploads_kept\""),  # noqa: E501
    # ---- a story that is told again ----
    prepare("a prepare after the end fails", "    if prepared is not None:", "    if False:"),
    prepare("a missing upload ends its job", "        raise Missing(payload[\"blob\"])", "        pass"),
    prepare("what is prepared for a forgotten job stays", "            services.pictures.forget(payload[\"job_id\"])\n", "            pass\n"),  # noqa: E501
    sent("what the version before prepared is not gone on with", "for prefix in prepared_prefixes(job_id, field):", "for prefix in prepared_prefixes(job_id, field)[:1]:"),  # noqa: E501
    pictures("a picture of the version before is not found", "for prefix in output_prefixes(job_id, index):", "for prefix in output_prefixes(job_id, index)[:1]:"),  # noqa: E501
    pictures("a DELETE removes one folder", "        for folder in folders(job_id):", "        for folder in folders(job_id)[:1]:"),  # noqa: E501
    jobs("a job that is forgotten leaves images", "        for folder in folders(job_id):", "        for folder in folders(job_id)[:1]:"),  # noqa: E501
)  # fmt: skip
