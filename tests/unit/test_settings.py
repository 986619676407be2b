"""Settings: the defaults of the design, and every mistake told by its name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.kinds import KINDS
from shared.settings import FORM_OVERHEAD_BYTES, HOST_REQUEST_BYTES, LARGEST_UPLOAD_BYTES, Settings

STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def read(**environ: str) -> Settings:
    return Settings.from_environ({**STORAGE, **environ})


def test_the_defaults_are_the_designs() -> None:
    assert read() == Settings(
        storage_connection_string="UseDevelopmentStorage=true", storage_account_name=None, storage_blob_url=None,
        storage_client_id=None, images_storage_account=None, key_vault_uri=None, environment_secrets={},
        replicate_api_base_url="https://api.replicate.com", bfl_api_base_url="https://api.bfl.ai",
        models={"ppl": ("flux-kontext-apps/multi-image-kontext-max",), "goods": ("flux-kontext-max",)},
        models_of_before={"replicate": "flux-kontext-apps/multi-image-kontext-max", "bfl": "flux-kontext-max"},
        provider_extra_hosts=(),
        public_base_url=None, stated_base_url=None,
        poll_interval_seconds=1.0, poll_max_attempts=120, generation_timeout_seconds=120,
        queue_timeout_seconds=600, bfl_max_active=24, bfl_kontext_max_active=6,
        replicate_max_active=50, max_upload_bytes=5_242_880, retention_days=30,
        sas_ttl_minutes=60, allowed_origins=(), sync_responses=False, auth_mode="none", max_active_jobs_per_owner=None,
        daily_jobs_per_owner=None, translator_endpoint=None, translator_region=None, ai_label="metadata",
        intake_queue=False, intake_owner="anonymous", problems={},
    )  # fmt: skip


SET = [
    ("IMAGES_STORAGE_ACCOUNT", "toonimages", "images_storage_account", "toonimages"),
    ("AzureWebJobsStorage__clientId", "c-1", "storage_client_id", "c-1"),
    ("AZURE_CLIENT_ID", "c-2", "storage_client_id", "c-2"),
    ("KEY_VAULT_URI", "https://toon.vault.azure.net/", "key_vault_uri", "https://toon.vault.azure.net"),
    ("REPLICATE_API_BASE_URL", "http://127.0.0.1:7090/replicate/", "replicate_api_base_url", "http://127.0.0.1:7090/replicate"),
    ("BFL_API_BASE_URL", "https://api.eu.bfl.ai", "bfl_api_base_url", "https://api.eu.bfl.ai"),
    ("PPL_MODELS", "flux-2-pro, a/model", "models", {"ppl": ("flux-2-pro", "a/model"), "goods": ("flux-kontext-max",)}),
    ("GOODS_MODELS", "flux-2-max", "models", {"ppl": ("flux-kontext-apps/multi-image-kontext-max",), "goods": ("flux-2-max",)}),
    ("REPLICATE_MODEL", "someone/model", "models", {"ppl": ("someone/model",), "goods": ("flux-kontext-max",)}),
    ("BFL_MODEL", "flux-pro", "models", {"ppl": ("flux-kontext-apps/multi-image-kontext-max",), "goods": ("flux-pro",)}),
    ("PROVIDER_EXTRA_HOSTS", "127.0.0.1:7090, LocalHost,,", "provider_extra_hosts", ("127.0.0.1:7090", "localhost")),
    ("WEBHOOK_EXTRA_HOSTS", "127.0.0.1:9000, LocalHost", "webhook_extra_hosts", ("127.0.0.1:9000", "localhost")),
    ("PUBLIC_BASE_URL", "https://toon.example/", "public_base_url", "https://toon.example"),
    ("PUBLIC_BASE_URL", "https://front.example/toon/", "stated_base_url", "https://front.example/toon"),
    ("AzureWebJobsStorage__queueServiceUri", "https://q.example/", "storage_queue_url", "https://q.example"),
    ("INTAKE_QUEUE", "true", "intake_queue", True),
    ("INTAKE_OWNER", "user-1", "intake_owner", "user-1"),
    ("POLL_INTERVAL_SECONDS", "0.5", "poll_interval_seconds", 0.5),
    ("POLL_MAX_ATTEMPTS", "10", "poll_max_attempts", 10),
    ("GENERATION_TIMEOUT_SECONDS", "90", "generation_timeout_seconds", 90),
    ("QUEUE_TIMEOUT_SECONDS", "60", "queue_timeout_seconds", 60),
    ("BFL_MAX_ACTIVE", "12", "bfl_max_active", 12),
    ("BFL_KONTEXT_MAX_ACTIVE", "3", "bfl_kontext_max_active", 3),
    ("REPLICATE_MAX_ACTIVE", "5", "replicate_max_active", 5),
    ("MAX_UPLOAD_BYTES", "1048576", "max_upload_bytes", 1_048_576),
    ("DECODE_MEMORY_MB", "150", "decode_memory_mb", 150),
    ("RETENTION_DAYS", "7", "retention_days", 7),
    ("SAS_TTL_MINUTES", " 15 ", "sas_ttl_minutes", 15),
    ("ALLOWED_ORIGINS", "https://a.example/, https://b.example", "allowed_origins", ("https://a.example", "https://b.example")),
    ("ALLOWED_ORIGINS", "HTTPS://A.Example:443/,http://B.example:80,https://c.example:8443,https://a.example", "allowed_origins",
     ("https://a.example", "http://b.example", "https://c.example:8443")),
    ("ALLOWED_ORIGINS", "capacitor://localhost, http://[2001:DB8::1]:8080", "allowed_origins",
     ("capacitor://localhost", "http://[2001:db8::1]:8080")),
    ("ALLOWED_ORIGINS", "*, null", "allowed_origins", ("*", "null")),
    ("PUBLIC_BASE_URL", "HTTPS://Api.Example.com:443/Img/", "stated_base_url", "https://api.example.com/Img"),
    ("PUBLIC_BASE_URL", "http://api.example.com:443", "stated_base_url", "http://api.example.com:443"),
    ("SYNC_RESPONSES", "True", "sync_responses", True),
    ("MAX_ACTIVE_JOBS_PER_OWNER", "3", "max_active_jobs_per_owner", 3),
    ("DAILY_JOBS_PER_OWNER", "100", "daily_jobs_per_owner", 100),
    ("MAX_ACTIVE_JOBS", "30", "max_active_jobs", 30),
    ("DAILY_JOBS", "1000", "daily_jobs", 1000),
    ("DAILY_USD_PER_OWNER", "2.5", "daily_usd_per_owner", 2.5),
    ("MONTHLY_USD_PER_OWNER", "25", "monthly_usd_per_owner", 25.0),
    ("DAILY_USD", " 0.01 ", "daily_usd", 0.01),
    ("MONTHLY_USD", "500", "monthly_usd", 500.0),
    ("TRANSLATOR_ENDPOINT", "https://api.cognitive.microsofttranslator.com", "translator_endpoint",
     "https://api.cognitive.microsofttranslator.com"),
    ("TRANSLATOR_REGION", "koreacentral", "translator_region", "koreacentral"),
    ("PPL_FALLBACK", "bfl", "models",
     {"ppl": ("flux-kontext-apps/multi-image-kontext-max", "flux-kontext-max"), "goods": ("flux-kontext-max",)}),
    ("AI_LABEL", "visible", "ai_label", "visible"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "attribute", "value"), SET, ids=[row[0] for row in SET])
def test_a_setting_is_read_under_its_name(name: str, given: str, attribute: str, value: Any) -> None:
    settings = read(**{name: given})

    assert getattr(settings, attribute) == value
    assert settings.problems == {}


def test_the_new_lists_of_models_outrank_the_old_settings_of_each_provider() -> None:
    settings = read(PPL_MODELS="a/b", REPLICATE_MODEL="c/d", PPL_FALLBACK="bfl", BFL_MODEL="flux-kontext-pro")

    assert settings.models == {"ppl": ("a/b",), "goods": ("flux-kontext-pro",)}
    # Jobs of before, which name their provider, are made as they were.
    assert settings.models_of_before == {"replicate": "c/d", "bfl": "flux-kontext-pro"}


def test_the_old_fallback_goes_to_the_model_that_bfl_had() -> None:
    settings = read(PPL_FALLBACK="bfl", BFL_MODEL="flux-kontext-pro")

    assert settings.models["ppl"] == ("flux-kontext-apps/multi-image-kontext-max", "flux-kontext-pro")


def test_a_model_that_is_listed_twice_is_there_once() -> None:
    assert read(GOODS_MODELS="flux-2-pro, flux-kontext-max,flux-2-pro").models["goods"] == ("flux-2-pro", "flux-kontext-max")


@pytest.mark.parametrize("name", [row[0] for row in SET])
def test_a_setting_left_blank_is_a_setting_left_out(name: str) -> None:
    assert read(**{name: "  "}) == read()


MALFORMED = [
    *((name, text) for name in (
        "POLL_INTERVAL_SECONDS", "POLL_MAX_ATTEMPTS", "GENERATION_TIMEOUT_SECONDS", "QUEUE_TIMEOUT_SECONDS", "BFL_MAX_ACTIVE",
        "REPLICATE_MAX_ACTIVE", "MAX_UPLOAD_BYTES", "DECODE_MEMORY_MB", "RETENTION_DAYS", "SAS_TTL_MINUTES",
        "MAX_ACTIVE_JOBS_PER_OWNER", "DAILY_JOBS_PER_OWNER",
    ) for text in ("many", "-1", "0", "nan", "9" * 5000)
      if (name, text[:1]) not in (("MAX_ACTIVE_JOBS_PER_OWNER", "9"), ("DAILY_JOBS_PER_OWNER", "9"))),
    *((name, text) for name in (
        "DAILY_USD_PER_OWNER", "MONTHLY_USD_PER_OWNER", "DAILY_USD", "MONTHLY_USD", "MAX_ACTIVE_JOBS", "DAILY_JOBS")
      for text in ("$5", "-1", "0", "nan", "five")),
    ("DAILY_USD", "inf"), ("DAILY_USD", "0.001"), ("MONTHLY_USD", "1e9"),
    ("POLL_INTERVAL_SECONDS", "inf"), ("POLL_MAX_ATTEMPTS", "1.5"), ("SAS_TTL_MINUTES", "10081"),
    ("MAX_UPLOAD_BYTES", "52297729"), ("MAX_UPLOAD_BYTES", "100000000"),
    *((name, text) for name in (
        "KEY_VAULT_URI", "REPLICATE_API_BASE_URL", "BFL_API_BASE_URL", "PUBLIC_BASE_URL", "TRANSLATOR_ENDPOINT",
        "AzureWebJobsStorage__blobServiceUri", "AzureWebJobsStorage__queueServiceUri",
    ) for text in ("toon.example", "ftp://toon.example", "https://", "https://[half", "https://toon.example:port",
                   "https://toon.example:99999", "javascript:alert(1)",
                   "https://toon.example/ x", "https://toon.example/a\nb", "https://toon.example/a\tb", "https://영웅.example",
                   "https://toon.example/영웅", "https://toon.example/\x7f", "https://toon.example/<a>", "https://to on.example",
                   "https://user@toon.example", "https://toon.example?a=b")),
    *(("ALLOWED_ORIGINS", text) for text in (
        "page.example", "https://page.example/path", "https://", "https://영웅.example", "https://pa ge.example",
        "https://page.example\n", "https://page.example?x", "https://page.example#x", "https://me@page.example", "//page.example",
        "https://page.example:port", "https://page.example:0", "https://[half", "https://*.example|", "NULL",
    ) if text.strip() == text),
    ("INTAKE_QUEUE", "yes"), ("INTAKE_OWNER", "영웅"),
    ("SYNC_RESPONSES", "yes"), ("AUTH_STAND_IN", "yes"), ("PPL_FALLBACK", "openai"), ("AI_LABEL", "none"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), MALFORMED, ids=lambda value: value[:40])
def test_a_malformed_setting_is_told_by_name_and_has_its_default(name: str, text: str) -> None:
    settings = read(**{name: text})

    assert list(settings.problems) == [name]
    assert settings.problems[name].startswith("must be")
    assert Settings(**{**vars(settings), "problems": {}}) == read()


def test_what_is_an_origin_among_others_that_are_none_is_taken() -> None:
    settings = read(ALLOWED_ORIGINS="page.example,https://page.example")

    assert (settings.allowed_origins, list(settings.problems)) == (("https://page.example",), ["ALLOWED_ORIGINS"])


@pytest.mark.parametrize("anybody", ["*", "null", "null,*"])
@pytest.mark.parametrize("marker", ["true", "false"])
def test_where_people_sign_in_no_page_is_anybodys(anybody: str, marker: str) -> None:
    settings = read(AUTH_MODE="easyauth", WEBSITE_AUTH_ENABLED=marker, ALLOWED_ORIGINS=f"{anybody},https://page.example")

    assert settings.allowed_origins == ("https://page.example",)
    assert "easyauth" in settings.problems["ALLOWED_ORIGINS"]
    assert read(ALLOWED_ORIGINS=anybody).problems == {}, "nobody signs in here"


def test_as_many_images_as_a_form_has_fit_into_what_the_host_takes() -> None:
    largest = read(MAX_UPLOAD_BYTES=str(LARGEST_UPLOAD_BYTES))

    assert largest.problems == {}
    images = max(len(kind.images) for kind in KINDS.values())
    assert images * largest.max_upload_bytes + FORM_OVERHEAD_BYTES <= 104_857_600 == HOST_REQUEST_BYTES
    too_large = read(MAX_UPLOAD_BYTES=str(LARGEST_UPLOAD_BYTES + 1)).problems["MAX_UPLOAD_BYTES"]
    assert too_large == f"must be a number of at least 1024 and at most {LARGEST_UPLOAD_BYTES}", "as it is to be set"


@pytest.mark.parametrize("marker", ["true", "True"])
def test_callers_are_believed_where_the_platform_says_that_it_looks_at_them(marker: str) -> None:
    cloud = {"AUTH_MODE": "easyauth", "WEBSITE_HOSTNAME": "toon.azurewebsites.net", "WEBSITE_AUTH_ENABLED": marker}
    assert (read(**cloud).auth_mode, read(**cloud).problems) == ("easyauth", {})


def test_a_stand_in_for_the_platform_is_believed_on_this_machine_only() -> None:
    stand_in = {"AUTH_MODE": "easyauth", "AUTH_STAND_IN": "true"}
    assert (read(**stand_in).auth_mode, read(**stand_in).problems) == ("easyauth", {})
    cloud = read(**stand_in, WEBSITE_HOSTNAME="toon.azurewebsites.net")
    assert (cloud.auth_mode, sorted(cloud.problems)) == ("closed", ["AUTH_MODE", "AUTH_STAND_IN"])
    also = read(**stand_in, WEBSITE_HOSTNAME="toon.azurewebsites.net", WEBSITE_AUTH_ENABLED="true")
    assert (also.auth_mode, sorted(also.problems)) == ("easyauth", ["AUTH_STAND_IN"])


@pytest.mark.parametrize(
    "given",
    [{"AUTH_MODE": "easyath"}, {"AUTH_MODE": "oauth", "WEBSITE_AUTH_ENABLED": "true"}, {"AUTH_MODE": "easyauth"},
     {"AUTH_MODE": "easyauth", "WEBSITE_AUTH_ENABLED": "False"}, {"AUTH_MODE": "easyauth", "WEBSITE_AUTH_ENABLED": "1"},
     {"AUTH_MODE": "easyath", "AUTH_STAND_IN": "true"}],
)  # fmt: skip
@pytest.mark.parametrize("where", [{}, {"WEBSITE_HOSTNAME": "toon.azurewebsites.net"}])
def test_where_nobody_can_be_known_everything_is_closed(given: dict[str, str], where: dict[str, str]) -> None:
    settings = read(**given, **where)
    assert settings.auth_mode == "closed"
    assert "AUTH_MODE" in settings.problems


def test_several_mistakes_are_all_told() -> None:
    settings = Settings.from_environ({"RETENTION_DAYS": "x", "AUTH_MODE": "y"})

    assert set(settings.problems) == {"AzureWebJobsStorage", "RETENTION_DAYS", "AUTH_MODE"}


NAMES = sorted({row[0] for row in SET} | {name for name, _ in MALFORMED} | {"AzureWebJobsStorage", "WEBSITE_HOSTNAME"})


values = st.text(max_size=30) | st.sampled_from(["https://[", "http://a:b", "\x00", "1e9999"])


@given(st.dictionaries(st.sampled_from(NAMES), values))
def test_no_environment_at_all_makes_reading_it_fail(environ: dict[str, str]) -> None:
    assert Settings.from_environ(environ).retention_days >= 1


@pytest.mark.parametrize(
    ("environ", "attribute", "value"),
    [
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, "storage_connection_string", "UseDevelopmentStorage=true"),
        ({"AzureWebJobsStorage__accountName": "toonstore"}, "storage_account_name", "toonstore"),
        (
            {"AzureWebJobsStorage__blobServiceUri": "https://toonstore.blob.core.windows.net/"},
            "storage_blob_url",
            "https://toonstore.blob.core.windows.net",
        ),
    ],
)
def test_storage_is_named_in_any_of_three_ways(environ: dict[str, str], attribute: str, value: str) -> None:
    settings = Settings.from_environ(environ)

    assert getattr(settings, attribute) == value
    assert settings.problems == {}


def test_without_storage_the_missing_name_is_told() -> None:
    assert list(Settings.from_environ({}).problems) == ["AzureWebJobsStorage"]


def test_in_the_cloud_the_public_address_is_the_sites_own() -> None:
    cloud = {"WEBSITE_HOSTNAME": "toon.azurewebsites.net"}

    assert read(**cloud).public_base_url == "https://toon.azurewebsites.net"
    assert read(**cloud).stated_base_url is None, "links lead to the address that the caller used"
    assert read(**cloud, PUBLIC_BASE_URL="https://toon.example").public_base_url == "https://toon.example"


def test_on_a_laptop_there_is_no_public_address() -> None:
    for host in ("localhost:7071", "127.0.0.1:7071", "localhost", ""):
        assert read(WEBSITE_HOSTNAME=host).public_base_url is None


def test_secrets_of_the_environment_are_kept_and_never_shown() -> None:
    settings = read(REPLICATE_API_TOKEN="r8_secret", BFL_API_KEY="bfl_secret", TRANSLATOR_KEY="tr_secret", OTHER="x")

    assert settings.environment_secrets == {
        "REPLICATE_API_TOKEN": "r8_secret", "BFL_API_KEY": "bfl_secret", "TRANSLATOR_KEY": "tr_secret",
    }  # fmt: skip
    assert "_secret" not in repr(settings)


def test_the_environment_of_the_process_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "12")

    assert Settings.from_environ().retention_days == 12


def test_users_webhooks_may_go_to_a_machine_of_our_own_in_local_work_only() -> None:
    """Users choose the addresses: what is opened for one is open to all."""
    settings = read(WEBHOOK_EXTRA_HOSTS="10.0.0.5:443", WEBSITE_HOSTNAME="toon.azurewebsites.net")

    assert settings.webhook_extra_hosts == ()
    assert settings.problems["WEBHOOK_EXTRA_HOSTS"] == "is for local work only"
    assert read(WEBSITE_HOSTNAME="toon.azurewebsites.net").problems == {}


@pytest.mark.parametrize(
    ("given", "is_on", "problems"),
    [
        ({}, True, []),
        ({"AUTH_MODE": "easyauth", "AUTH_STAND_IN": "true"}, False, ["INTAKE_OWNER"]),
        ({"AUTH_MODE": "easyauth", "AUTH_STAND_IN": "true", "INTAKE_OWNER": "user-1"}, True, []),
        ({"AUTH_MODE": "easyauth", "INTAKE_OWNER": "user-1"}, False, ["AUTH_MODE"]),
        ({"AUTH_MODE": "nobody", "INTAKE_OWNER": "user-1"}, False, ["AUTH_MODE"]),
    ],
)
def test_requests_by_queue_are_taken_where_somebody_can_have_their_jobs(
    given: dict[str, str], is_on: bool, problems: list[str]
) -> None:
    settings = read(INTAKE_QUEUE="true", **given)
    assert (settings.intake_queue, list(settings.problems)) == (is_on, problems)
