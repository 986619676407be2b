"""Which model makes a picture, what it is asked for, what it costs, and whose account it goes to."""

from tests.mutants.mutant import Mutant, of

BODIES = "tests/providers/test_contract_of_flux2.py"
SETTINGS = ("tests/unit/test_settings.py", "tests/unit/test_tunables.py", "tests/unit/test_services.py")
CHOICE = ("tests/triggers/test_models.py", "tests/triggers/test_mappings.py", "tests/triggers/test_generate.py")
ACCOUNTS = ("tests/activities/test_accounts.py", "tests/activities/test_what_is_sent.py")

kontext_bfl = of("shared/generators/kontext_at_bfl.py", "tests/providers/test_contract_of_bfl.py", *SETTINGS)
kontext_replicate = of("shared/generators/kontext_at_replicate.py", "tests/providers/test_contract_of_replicate.py")
flux2_bfl = of("shared/generators/flux2_at_bfl.py", BODIES)
flux2_replicate = of("shared/generators/flux2_at_replicate.py", BODIES)
wording = of("shared/generators/wording.py", BODIES)
inline = of("shared/generators/inline.py", "tests/providers/test_contract_of_replicate.py", BODIES)
sizes = of("shared/domain/sizes.py", "tests/unit/test_sizes.py")
registry = of("shared/generators/registry.py", "tests/unit/test_services.py", *CHOICE)
kinds = of("shared/domain/kinds.py", *ACCOUNTS)
settings = of("shared/settings.py", *SETTINGS)
services = of("shared/services.py", *SETTINGS, *CHOICE, "tests/activities/test_accounts.py")
generation = of("shared/domain/generation.py", "tests/unit/test_generation.py", "tests/triggers/test_models.py")
starting = of("shared/starting.py", *CHOICE, "tests/activities/test_accounts.py", "tests/triggers/test_starting_again.py")
post = of("triggers/generate.py", *CHOICE)
options = of("triggers/options.py", "tests/triggers/test_models.py", "tests/triggers/test_health.py")
health = of("triggers/health.py", "tests/triggers/test_models.py", "tests/triggers/test_health.py")
view = of("triggers/job_view.py", "tests/triggers/test_models.py", "tests/triggers/test_jobs.py")
ledger = of("shared/domain/ledger.py", "tests/unit/test_ledger.py")
submission = of("shared/domain/submission.py", "tests/unit/test_submission.py", *ACCOUNTS)
job = of("shared/domain/job.py", "tests/unit/test_job.py")
bfl = of("shared/providers/bfl.py", BODIES, "tests/providers/test_generators.py")
replicate = of("shared/providers/replicate.py", "tests/providers/test_generators.py")
submit = of("activities/submit_prediction.py", *ACCOUNTS, "tests/activities/test_submit_prediction.py")
finish = of("activities/finish_job.py", "tests/activities/test_accounts.py", "tests/activities/test_finish_and_keep.py")
record = of("activities/record_prediction.py", "tests/activities/test_accounts.py")
records = of("shared/storage/submission_store.py", "tests/activities/test_accounts.py")
claims = of("shared/storage/job_store.py", "tests/activities/test_accounts.py")
slots = of("shared/slots.py", "tests/activities/test_accounts.py", "tests/activities/test_gate.py")
intake = of("shared/intake.py", "tests/activities/test_accounts.py", "tests/activities/test_gate.py")
STORIES = ("tests/activities/test_accounts.py", "tests/orchestrators/test_sending.py", "tests/orchestrators/test_one_picture.py")
several = of("orchestrators/generate_job.py", *STORIES)
sending = of("orchestrators/sending.py", *STORIES)
picture = of("orchestrators/picture.py", *STORIES)

MODELS: tuple[Mutant, ...] = (
    # ---- Kontext at BFL ----
    kontext_bfl("Kontext at BFL: the prompt is dropped", '"prompt": order.prompt,', '"prompt": "",'),
    kontext_bfl(
        "Kontext at BFL: images are swapped", "enumerate(order.images, start=1)", "enumerate(order.images[::-1], start=1)"
    ),
    kontext_bfl("Kontext at BFL: the seed is dropped", ' "seed": order.seed,', ""),
    kontext_bfl("Kontext at BFL: the ratio is dropped", "**ratio,", ""),
    kontext_bfl(
        "Kontext at BFL: the ratio of the input is spelled out",
        '{} if order.aspect_ratio == "match_input_image" else {"aspect_ratio": order.aspect_ratio}',
        '{"aspect_ratio": order.aspect_ratio}',
    ),
    kontext_bfl("Kontext at BFL: the format is dropped", '"output_format": order.output_format,', ""),
    kontext_bfl("Kontext at BFL: safety 6", '"safety_tolerance": order.safety_tolerance,', '"safety_tolerance": 6,'),
    kontext_bfl("Kontext Max may have the whole of BFL's account", "settings.bfl_kontext_max_active", "settings.bfl_max_active"),
    # ---- Kontext at Replicate ----
    kontext_replicate("Kontext at Replicate: the prompt is dropped", '"prompt": order.prompt,', '"prompt": "",'),
    kontext_replicate(
        "Kontext at Replicate: images are swapped", "enumerate(order.images, start=1)", "enumerate(order.images[::-1], start=1)"
    ),
    kontext_replicate("Kontext at Replicate: the seed is dropped", '        "seed": order.seed,\n', ""),
    kontext_replicate("Kontext at Replicate: the ratio is dropped", '"aspect_ratio": order.aspect_ratio,', ""),
    kontext_replicate(
        "Kontext at Replicate: jpeg is not spelled jpg",
        '"jpg" if order.output_format == "jpeg" else order.output_format',
        "order.output_format",
    ),
    kontext_replicate("Kontext at Replicate: safety 6", '"safety_tolerance": order.safety_tolerance,', '"safety_tolerance": 6,'),
    inline("an image says that it is of another type", "sniff_image(image[:16]) or 'application/octet-stream'", "'image/png'"),
    # ---- FLUX.2 at BFL ----
    flux2_bfl("FLUX.2 at BFL: images are sent without what they show", "by_number(order.prompt, order.roles)", "order.prompt"),
    flux2_bfl("FLUX.2 at BFL: images are swapped", "enumerate(order.images, start=1)", "enumerate(order.images[::-1], start=1)"),
    flux2_bfl(
        "FLUX.2 at BFL: a ratio is sent in place of a size",
        '"width": width, "height": height,',
        '"aspect_ratio": order.aspect_ratio,',
    ),
    flux2_bfl(
        "FLUX.2 at BFL: a picture lies on its side", '"width": width, "height": height', '"width": height, "height": width'
    ),
    flux2_bfl("FLUX.2 at BFL: a picture matches the last image", "pixels_of(order.images[0])", "pixels_of(order.images[-1])"),
    flux2_bfl(
        "FLUX.2 at BFL: what is to match the input is square", "size_for(*pixels_of(order.images[0]))", "size_for(1.0, 1.0)"
    ),
    flux2_bfl("FLUX.2 at BFL: the seed is dropped", ' "seed": order.seed,', ""),
    flux2_bfl("FLUX.2 at BFL: the format is dropped", '"output_format": order.output_format,', ""),
    flux2_bfl("FLUX.2 at BFL: safety is stretched to theirs", "{0: 0, 1: 1, 2: 2}", "{0: 0, 1: 3, 2: 5}"),
    flux2_bfl("FLUX.2 at BFL: safety is theirs at its loosest", "_SAFETY[order.safety_tolerance]", "5"),
    flux2_bfl("FLUX.2 at BFL: images cost nothing", "first + further * images", "first"),
    flux2_bfl("FLUX.2 at BFL: clients are not shown what is sent", "fields=_fields, worded=by_number,", "fields=_fields,"),
    # ---- FLUX.2 at Replicate ----
    flux2_replicate(
        "FLUX.2 at Replicate: images are sent without what they show", "by_number(order.prompt, order.roles)", "order.prompt"
    ),
    flux2_replicate("FLUX.2 at Replicate: images are swapped", "for image in order.images]", "for image in order.images[::-1]]"),
    flux2_replicate("FLUX.2 at Replicate: the seed is dropped", ' "seed": order.seed,', ""),
    flux2_replicate(
        "FLUX.2 at Replicate: jpeg is not spelled jpg",
        '"jpg" if order.output_format == "jpeg" else order.output_format',
        "order.output_format",
    ),
    flux2_replicate("FLUX.2 at Replicate: safety is not mapped", "_SAFETY[order.safety_tolerance]", "order.safety_tolerance"),
    flux2_replicate("FLUX.2 at Replicate: our strictest is not theirs", "{0: 1, 1: 1, 2: 2}", "{0: 1, 1: 2, 2: 2}"),
    flux2_replicate("FLUX.2 at Replicate: the resolution is left to it", ', "resolution": "1 MP"}', "}"),
    flux2_replicate("FLUX.2 at Replicate: ratios that it does not know are sent", "if aspect_ratio in _RATIOS:", "if True:"),
    flux2_replicate("FLUX.2 at Replicate: sizes are BFL's", "float(height), _STEP_PX)", "float(height))"),
    flux2_replicate(
        "FLUX.2 at Replicate: a picture lies on its side", '"width": wide, "height": tall', '"width": tall, "height": wide'
    ),
    flux2_replicate("FLUX.2 at Replicate: images cost nothing", "0.03 + 0.015 * images", "0.03"),
    flux2_replicate("FLUX.2 at Replicate: clients are not shown what is sent", "        worded=by_number,\n", ""),
    # ---- both ----
    wording("images are counted from none", "enumerate(roles, start=1)", "enumerate(roles)"),
    wording("the only image is named", "if len(roles) < 2:", "if len(roles) < 1:"),
    wording("the names of images take the prompt's place", '{named[1:]}. {prompt}"', '{named[1:]}."'),
    kinds("PPL's character is said to be the product", '("character", "product")', '("product", "character")'),
    submit("models are not told what images show", 'roles=KINDS[job["kind"]].roles,', "roles=(),"),
    submit(
        "images are sent as large as they were prepared",
        "return self._inside(images) if submission.says_how_sent else",
        "return",
    ),
    submit(
        "what the former version sent is looked for as it would be sent today",
        "return self._inside(images) if submission.says_how_sent else tuple(map(bytes_of, images))",
        "return self._inside(images)",
    ),
    # ---- sizes ----
    sizes("a size above one megapixel is billed as two", "MEGAPIXEL // width //", "2 * MEGAPIXEL // width //"),
    sizes("a ratio is missed", "TOLERANCE, SMALLER = 0.02, 0.95", "TOLERANCE, SMALLER = 9.0, 0.95"),
    sizes("the largest size is taken for the truest", "(_missed_by(size, ratio), -size[0]", "(0.0, -size[0]"),
    sizes("a small size is taken for being truer", "TOLERANCE, SMALLER = 0.02, 0.95", "TOLERANCE, SMALLER = 0.02, 0.0"),
    sizes("a height is no multiple", "int(width / ratio) // step * step", "int(width / ratio)"),
    sizes("a width is no multiple", "MEGAPIXEL // LEAST_PX + 1, step)", "MEGAPIXEL // LEAST_PX + 1, 8)"),
    sizes("every model's sizes are BFL's", "_heights(w, ratio, step)", "_heights(w, ratio, STEP_PX)"),
    sizes("a side is shorter than is taken", "max(LEAST_PX, height)", "max(step, height)"),
    # ---- the choice ----
    starting(
        "who names a model gets the others as its fallback",
        "return [generator for generator in known if model in (None, generator.name)]",
        "return sorted(known, key=lambda generator: generator.name != model) if model else known",
    ),
    starting("the model that was named is not taken", "if model in (None, generator.name)]", "if generator]"),
    post(
        "a model that the kind does not have is another one's",
        "    if found:\n        return found\n",
        "    if True:\n        return found or app.generators_of(kind)\n",
    ),
    generation("the named model is ignored", 'model=words.get("model") or None,', "model=None,"),
    services(
        "the last of a kind's models is its default",
        "for name in self.settings.models.get(kind.name, ()) if name in self.generators]\n\n",
        "for name in reversed(self.settings.models[kind.name]) if name in self.generators]\n\n",
    ),
    post(
        "a job is told as made by its fallback",
        "first = generators[0]",
        "first = generators[-1]",
    ),
    post("a job's story does not know its model", "plan_of(app, generators)", "plan_of(app, app.generators_of(kind))"),
    post("a job does not keep the model that was named", '"model": asked.model,', '"model": None,'),
    post(
        "whether a job may begin is asked of the default's account",
        "found = generators_for(app, kind.name, model)",
        "found = generators_for(app, kind.name)",
    ),
    post("a job with a fallback is refused while one provider is stopped", "if not willing:", "if refused:"),
    post("a job's estimate is for one image", "price_usd(len(kind.images)) * pictures", "price_usd(1) * pictures"),
    options("options do not say which is the default", "is_default=number == 0", "is_default=False"),
    options("options call every model the default", "is_default=number == 0", "is_default=True"),
    options("options tell the price for one image", "generator.price_usd(len(kind.images))", "generator.price_usd(1)"),
    options(
        "the time that is offered is not measured",
        "round(known.seconds.get(generator.name, generator.expected_seconds))",
        "round(generator.expected_seconds)",
    ),
    options(
        "the time that is offered is the account's",
        "gates[g.provider.name].measured_seconds(name)",
        "gates[g.provider.name].measured_seconds()",
    ),
    options(
        "a form waits for storage that is away",
        "except (AzureError, StorageNotConfigured, TimeoutError):",
        "except ZeroDivisionError:",
    ),
    view(
        "a job shows another prompt than is sent",
        'maker.worded(document["input"]["prompt_sent"], kind.roles)',
        'document["input"]["prompt_sent"]',
    ),
    # ---- the fallback is told ----
    job(
        "a job says that it fell back from where it went",
        '{"from": asked, "to": made_by["model"]}',
        '{"from": made_by["model"], "to": asked}',
    ),
    job(
        "a job does not say where it fell back to",
        '({"fallback": {"from": asked, "to": made_by["model"]}} if fell_back else {})',
        "{}",
    ),
    job("a job that did not fall back says so", 'fell_back = picture["fallback_used"] and', "fell_back ="),
    job("a job keeps the model that did not make it", "return {**made_by, **", "return {**"),
    view(
        "a running job has its fallback the wrong way round",
        '{"from": document["model"], "to": live["model"]}',
        '{"from": live["model"], "to": document["model"]}',
    ),
    view(
        "a running job does not say where it fell back to",
        'document.get("fallback") or _fallback(document, live)',
        'document.get("fallback")',
    ),
    view(
        "an ended job does not say where it fell back to",
        'document.get("fallback") or _fallback(document, live)',
        "_fallback(document, live)",
    ),
    view(
        "a running job is shown with the model that it left", 'maker.name if is_told else document["model"]', 'document["model"]'
    ),
    view("a story of before is shown as its job's model", 'live.get("model") or live.get("provider")', 'live.get("model")'),
    finish("a job names its provider as its model", '"model": generator.name}', '"model": generator.provider.name}'),
    finish(
        "a job names its model as its provider",
        '{"provider": generator.provider.name, "model"',
        '{"provider": generator.name, "model"',
    ),
    picture("a story does not show its model", '"model": self.course.generator, ', ""),
    # ---- what it costs ----
    submit("what the provider says of the cost is ignored", "if handle.cost_usd is not None:", "if False:"),
    submit("the cost of free predictions is the list's", "if handle.cost_usd is not None:", "if handle.cost_usd:"),
    submit("the list price is that of one image", "price_usd(len(order.images))", "price_usd(1)"),
    submit(
        "what the provider says of the cost is told as the list's",
        '"usd": handle.cost_usd, "quoted": True',
        '"usd": handle.cost_usd, "quoted": False',
    ),
    submit(
        "the list price is told as the provider's", '(len(order.images)), "quoted": False', '(len(order.images)), "quoted": True'
    ),
    submit(
        "the cost of a prediction is not on record",
        "accepted = submission.submitted(handle.to_payload(), self._cost(handle, order))",
        "accepted = submission.submitted(handle.to_payload())",
    ),
    submit(
        "the cost of a prediction that was found is not on record",
        "self._change(record, submission.submitted(handle.to_payload(), self._cost(handle, order)))",
        "self._change(record, submission.submitted(handle.to_payload()))",
    ),
    submit(
        "a story is not told what its prediction costs",
        '"state": "submitted", "sends": submission.sends, "cost": submission.cost,',
        '"state": "submitted", "sends": submission.sends, "cost": None,',
    ),
    submit(
        "a story is not told what a kept picture cost",
        '"paid"], "cost": submission.cost, "look"',
        '"paid"], "cost": None, "look"',
    ),
    submission("a record forgets the cost", "handle=dict(handle), cost=cost)", "handle=dict(handle), cost=None)"),
    records("records tell no cost", "submission.sends, submission.cost)", "submission.sends)"),
    sending("a story forgets the cost", 'answer["sends"], answer.get("cost"))', 'answer["sends"])'),
    ledger(
        "a send's own cost is ignored",
        'prices.get(send.generator, 0.0) if send.cost is None else send.cost["usd"]',
        "prices.get(send.generator, 0.0)",
    ),
    ledger(
        "a send without a cost is free",
        'prices.get(send.generator, 0.0) if send.cost is None else send.cost["usd"]',
        'send.cost["usd"] if send.cost else 0.0',
    ),
    ledger(
        "a list price counts as the provider's word",
        'send.cost is not None and send.cost["quoted"] for',
        "send.cost is not None for",
    ),
    ledger("one send that the provider priced speaks for all", "all(send.cost is not None and", "any(send.cost is not None and"),
    ledger(
        "a cost is lost on the way to storage", 'return row if send.cost is None else {**row, "cost": send.cost}', "return row"
    ),
    ledger("a cost is lost on the way from storage", ', row["state"], row.get("cost"))', ', row["state"])'),
    ledger(
        "a send is noted without its cost", "(Send(generator, attempt, state, cost) for", "(Send(generator, attempt, state) for"
    ),
    job("a cost that the provider said is told as an estimate", '"estimated": not is_quoted', '"estimated": True'),
    job("an estimate is told as what the provider said", '"estimated": not is_quoted', '"estimated": False'),
    job(
        "one picture that the provider priced speaks for all",
        "cost > 0 and all(ledger.is_quoted",
        "cost > 0 and any(ledger.is_quoted",
    ),
    job("nothing paid is told as what the provider said", "cost > 0 and all(ledger.is_quoted", "all(ledger.is_quoted"),
    bfl("BFL: what it says of the cost is not read", '_dollars(body.get("cost"))', "None"),
    bfl("BFL: a credit is a dollar", "return credits / 100 if", "return credits if"),
    services(
        "what is paid without a record costs nothing",
        "return {name: self.generators[name].price_usd(1) for name in names}",
        "return {}",
    ),
    services("jobs of before cost nothing", "[*self.generators, *self.settings.models_of_before]", "[*self.generators]"),
    # ---- settings ----
    settings(
        "goods are made by Replicate", '"goods": ("flux-kontext-max",)', '"goods": ("flux-kontext-apps/multi-image-kontext-max",)'
    ),
    settings("REPLICATE_MODEL is ignored", 'required("REPLICATE_MODEL", DEFAULT_MODELS["ppl"][0])', 'DEFAULT_MODELS["ppl"][0]'),
    settings("BFL_MODEL is ignored", 'required("BFL_MODEL", DEFAULT_MODELS["goods"][0])', 'DEFAULT_MODELS["goods"][0]'),
    settings(
        "PPL_FALLBACK is ignored", '(single_image,) if choice("PPL_FALLBACK", "none", "none", "bfl") == "bfl" else ()', "()"
    ),
    settings(
        "PPL_FALLBACK goes to another model than BFL_MODEL",
        "fallback = (single_image,) if",
        'fallback = ("flux-kontext-max",) if',
    ),
    settings("the list of a kind's models is ignored", 'several(f"{kind.upper()}_MODELS") or', ""),
    settings(
        "REPLICATE_MODEL outranks PPL_MODELS",
        'several(f"{kind.upper()}_MODELS") or',
        '(kind != "ppl" or not text("REPLICATE_MODEL")) and several(f"{kind.upper()}_MODELS") or',
    ),
    settings(
        "PPL_FALLBACK adds to PPL_MODELS",
        'several(f"{kind.upper()}_MODELS") or old.get(kind, default)',
        '(*(several(f"{kind.upper()}_MODELS") or (old[kind][0],)), *(fallback if kind == "ppl" else ()))',
    ),
    settings(
        "BFL_KONTEXT_MAX_ACTIVE is not read", 'number("BFL_KONTEXT_MAX_ACTIVE", cls.bfl_kontext_max_active, int, 1, 10_000)', "6"
    ),
    # ---- jobs of before, and models that are not known ----
    settings("jobs of before are made by other models", '{"replicate": multi_image, "bfl": single_image}', "{}"),
    settings(
        "jobs of before go to the other provider",
        '{"replicate": multi_image, "bfl": single_image}',
        '{"replicate": single_image, "bfl": multi_image}',
    ),
    registry("jobs of before are made by whichever model comes first", "model = self._of_before.get(name, name)", "model = name"),
    registry(
        "a job of before whose model is not known any more has no provider",
        "generator.provider.name == name), None)",
        "False), None)",
    ),
    services("a job is shown with its provider's model of before", 'self.generators.get(document.get("model", "")) or', ""),
    services("a model that is not known is not named", "if unknown or unfit:", "if unfit:"),
    services("models may need more images than their kind has", "g.model.min_images <= images", "1 <= images"),
    services("a model that takes another number of images is not named", "if unknown or unfit:", "if unknown:"),
    services("models may take fewer images than their kind has", "<= images <= g.model.max_images", "<= images"),
    services(
        "a model that is not known breaks its kind",
        "for name in self.settings.models.get(kind.name, ()) if name in self.generators]\n\n",
        "for name in self.settings.models[kind.name]]\n\n",
    ),
    health("readiness says nothing of models that are not known", "services().setting_problems", "services().settings.problems"),
    post("a model that is not known stops the other kind", " and name not in others)", ")"),
    post(
        "a model that is not known stops not even its own kind",
        "for name in app.setting_problems if",
        "for name in app.settings.problems if",
    ),
    # ---- accounts ----
    submit(
        "a claim is a model's, not its account's",
        "claim(self._generator.provider.name, handle.id, self._attempt)\n        return True",
        "claim(self._generator.name, handle.id, self._attempt)\n        return True",
    ),
    submit(
        "a found prediction is claimed for a model",
        "store.claim(self._generator.provider.name, handle.id",
        "store.claim(self._generator.name, handle.id",
    ),
    submit(
        "a claim is given up for a model",
        "store.release(self._generator.provider.name, handle.id)",
        "store.release(self._generator.name, handle.id)",
    ),
    submit(
        "a record does not say whose account it is",
        'self._payload["instance"], self._generator.provider.name,\n',
        'self._payload["instance"],\n',
    ),
    submit(
        "how long others took is looked up at the model's gate",
        "gates.look(self._generator.provider.name)",
        "gates.look(self._generator.name)",
    ),
    submit("how long others took is the account's", "gate.measured_seconds(self._generator.name)", "gate.measured_seconds()"),
    submission("a record forgets whose account it is", '"provider": provider,\n', '"provider": None,\n'),
    record("a late record gives up the claim of a model", '.provider.name, payload["handle"]', '.name, payload["handle"]'),
    claims(
        "a deleted job's claims are looked for by model",
        'record.get("provider") or record.get("generator")',
        'record.get("generator")',
    ),
    claims("claims of records of before are kept", 'record.get("provider") or record.get("generator")', 'record.get("provider")'),
    slots("a gate is a model's", "services.gates.change(provider.name, ask)", "services.gates.change(generator.name, ask)"),
    slots("who comes to a gate names no model", "generator=generator.name, owner=", 'generator="", owner='),
    slots(
        "a slot is given back at a gate of the model",
        "return services.generator_for(payload).provider.name",
        'return payload["generator"]',
    ),
    slots(
        "a slot is given back at another provider",
        "return services.generator_for(payload).provider.name",
        "return next(iter(services.providers))",
    ),
    services(
        "what a model that was taken out has made is not looked at",
        "return self.generators[str(record.submission.provider)]",
        "raise",
    ),
    slots("owners take no turns", 'owner=payload.get("owner", "")', 'owner=""'),
    several("a story forgets whose job it tells", '"owner": job.get("owner", "")', '"owner": ""'),
    sending("the gate is not told whose picture waits", '"owner": order.get("owner", "")', '"owner": ""'),
    starting("a job's story does not know its owner", '"owner": owner_mark(document["owner"])', '"owner": ""'),
    starting("the line knows owners by name", "return hashlib.sha256(owner.encode()).hexdigest()[:12]", "return owner"),
    services("Kontext's share is ignored", "caps[model.provider][model.id] = model.cap(self.settings)", "pass"),
    services(
        "Kontext's share is that of every account", "caps[model.provider][model.id] =", "for name in caps: caps[name][model.id] ="
    ),
    services("who holds a slot since before is beside every share", "defaults=self.settings.models_of_before", "defaults=None"),
    view("a place in line is looked up at the model's gate", "gates.look(generator.provider.name)", "gates.look(generator.name)"),
    starting(
        "how far a job got is looked up at the model's gate",
        "app.gates.look(generator.provider.name)",
        "app.gates.look(generator.name)",
    ),
    intake(
        "a used-up credit stops another provider",
        "services.gates.change(provider.name, lambda gate: gate.stop(code))",
        "services.gates.change(next(iter(services.providers)), lambda gate: gate.stop(code))",
    ),
    bfl("BFL: a 402 stops nothing", "402: QUOTA", "402: PERMANENT"),
    replicate("Replicate: a 402 stops nothing", "402: QUOTA", "402: PERMANENT"),
)
