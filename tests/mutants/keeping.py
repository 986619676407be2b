"""What lies where, what outlives a deployment, and what is deleted for its age."""

from tests.mutants.mutant import Mutant, of

services = of("shared/services.py", "tests/unit/test_services.py")
documents = of("shared/storage/documents.py", "tests/unit/test_documents.py")
keys = of("shared/storage/key_store.py", "tests/unit/test_key_store.py")
quotas = of("shared/storage/quota_store.py", "tests/unit/test_quotas.py")
blobs = of("shared/storage/blob_store.py", "tests/integration/test_storage.py")
account = of("shared/storage/account.py", "tests/unit/test_services.py", "tests/integration/test_two_accounts.py")
housekeeping = of("triggers/housekeeping.py", "tests/triggers/test_housekeeping.py")
probe = of("triggers/health.py", "tests/triggers/test_health.py")
settings = of("shared/settings.py", "tests/unit/test_settings.py")

KEEPING: tuple[Mutant, ...] = (
    services("gates lie beside the jobs", "self.standing_documents, limits", "self.documents, limits"),
    services(
        "counters lie beside the jobs", "QuotaStore(self.standing_documents, settings", "QuotaStore(self.documents, settings"
    ),
    services("what lay beside the jobs is lost", "Documents(self.host_blobs, before=self.blobs)", "Documents(self.host_blobs)"),
    services("pictures get a container in the host's account", ", containers=(DOCUMENTS,))", ")"),
    services("the host's account is not looked at", "            self.host_blobs.check()", "            pass"),
    account(
        "gates go to the images' account",
        "account = settings.storage_blob_url or settings.storage_account_name",
        "account = settings.images_storage_account",
    ),
    documents("what an earlier version left is not looked for", "if self._before else None", "if False else None"),
    documents("what is probably new is not looked for where it lay before", "is_new and self._before is None", "is_new"),
    documents("what was left elsewhere is never deleted", "else [self._blobs, self._before]", "else [self._blobs]"),
    keys("a key is deleted while it stands", "self._clock() - _kept(folder) - _MARGIN", "self._clock() - _MARGIN"),
    keys("a key is deleted by a clock that is ahead", "self._clock() - _kept(folder) - _MARGIN", "self._clock() - _kept(folder)"),
    quotas(
        "a counter is deleted in its day", "_SAYS_NOTHING_AFTER = timedelta(days=2)", "_SAYS_NOTHING_AFTER = timedelta(hours=2)"
    ),
    quotas("what has no age is deleted with the counters", '_OWNERS = "owners/"', '_OWNERS = ""'),
    blobs("a document that is written just now is deleted", "self.delete(DOCUMENTS, name, etag)", "self.delete(DOCUMENTS, name)"),
    blobs("young documents are deleted", "b for b in found if b.last_modified < moment", "b for b in found"),
    # ---- an owner ----
    of("ops/forgetting.py", "tests/ops/test_forgetting.py")(
        "to forget whom nobody knows is a failure",
        'a token itself is given on stdin, as -"])',
        'a token itself is given on stdin, as -"], FOUND)',
    ),
    # ---- what says nothing more ----
    housekeeping("keys that say nothing more stay", "    app.keys.forget_old()\n", ""),
    housekeeping("counters that say nothing more stay", "    app.quotas.forget_old()\n", ""),
    probe("only the images' account is looked at", "services().check_storage", "services().blobs.check"),
    settings("two images may be more than the host takes", "int, 1024, LARGEST_UPLOAD_BYTES)", "int, 1024, HOST_REQUEST_BYTES)"),
)
