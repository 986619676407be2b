"""A sandbox spends nothing, says what it is, and is never production; its instances know what the others do."""

from tests.mutants.mutant import of

settings = of("shared/settings.py", "tests/unit/test_sandbox.py")
app = of("function_app.py", "tests/unit/test_sandbox.py")
ledger = of("sandbox/stored_ledger.py", "tests/unit/test_sandbox.py")
server = of("sandbox/server.py", "tests/unit/test_sandbox.py")
submit = of("activities/submit_prediction.py", "tests/activities/test_sandbox.py")
look = of("activities/check_prediction.py", "tests/activities/test_sandbox.py")
post = of("triggers/generate.py", "tests/triggers/test_samples.py")
edge = of("triggers/edge.py", "tests/triggers/test_samples.py")
view = of("triggers/job_view.py", "tests/triggers/test_samples.py")
options = of("triggers/options.py", "tests/triggers/test_samples.py")
readiness = of("triggers/health.py", "tests/triggers/test_samples.py")

SANDBOX = (
    settings("a sandbox has the vault", "is_sandbox=True, key_vault_uri=None,", "is_sandbox=True,"),
    settings("a sandbox has the translator", "key_vault_uri=None, translator_endpoint=None,", "key_vault_uri=None,"),
    settings(
        "a sandbox has the keys of the environment",
        '            environment_secrets=dict.fromkeys(("REPLICATE_API_TOKEN", "BFL_API_KEY"), "sandbox"),\n',
        "",
    ),
    settings("a sandbox calls BFL itself", ', bfl_api_base_url=f"http://{simulators}/bfl"', ""),
    settings("a sandbox keeps links", "images_by_link=False,\n        )", ")"),
    settings("production becomes a sandbox", 'choice("ENVIRONMENT_TYPE", "prod", "prod", "dev") != "dev" and is_sandbox', "False"),  # noqa: E501
    settings("an environment of no kind becomes a sandbox", '"ENVIRONMENT_TYPE", "prod", "prod", "dev"', '"ENVIRONMENT_TYPE", "dev", "prod", "dev"'),  # noqa: E501
    settings("a refused sandbox is not told", 'problems["SANDBOX"] = "is for', 'told = "is for'),
    app("every app imports the simulators", "if services().settings.is_sandbox:", "if True:"),
    submit("a job gets a sample, and a sample is bought", "return is_sample(job) == self._services.settings.is_sandbox", "return True"),  # noqa: E501
    look("a sample is not marked", "if is_sample:\n        label", "if False:\n        label"),
    look("a sample's thumbnail is not marked", "read_result(data, label)", "read_result(data)"),
    look("a sample is said to be made by AI", "tool, is_sample=is_sample)\n    job_id", "tool)\n    job_id"),
    post("a sample's job does not say so", '"sample": app.settings.is_sandbox,', '"sample": False,'),
    edge("answers of a sandbox do not say so", 'response.headers["X-Sandbox"] = "true"', "pass"),
    view("the view of a sample does not say so", '"sample": is_sample(document),', '"sample": False,'),
    options("the options of a sandbox do not say so", '"sandbox": app.settings.is_sandbox,', '"sandbox": False,'),
    readiness("readiness says sandbox where it is none", '"sandbox": app.settings.is_sandbox,', '"sandbox": True,'),
    ledger("an instance knows its own predictions only", "        found = self._read(provider, prediction_id)\n        if found is None:\n            return None\n        self._records", "        found = self._records.get(prediction_id) and (self._records[prediction_id], '')\n        if found is None:\n            return None\n        self._records"),  # noqa: E501
    ledger("a change at two instances loses one", "            except Conflict:\n                continue", "            except Conflict:\n                return changed"),  # noqa: E501
    ledger("an instance draws from its own images only", "        try:\n            return self._blobs().get_image", "        return None\n        try:\n            return self._blobs().get_image"),  # noqa: E501
    ledger("an id leads out of the sandbox", "        if not _ID.fullmatch(prediction_id):\n            return None\n", ""),
    ledger("what the simulators know is kept for ever", "if self._now() - written_at > KEPT_FOR:", "if False:"),
    ledger("what the simulators know is forgotten at once", "if self._now() - written_at > KEPT_FOR:", "if True:"),
    server("an address that cannot be had unloads the app", "    except Exception as error:  # noqa: BLE001 - whatever it is, the app is loaded\n", "    except ZeroDivisionError as error:\n"),  # noqa: E501
    server("two processes of a machine cannot both listen", 'shares=hasattr(socket, "SO_REUSEPORT")', "shares=False"),
)  # fmt: skip
