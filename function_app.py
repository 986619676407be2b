"""The Functions app: registers the blueprints, the queue's where it is on, and opens the sandbox where this is one."""

import gc

# What is imported stays. Python would look for garbage in it some 180 times meanwhile: a tenth of a cold start.
gc.disable()

import azure.durable_functions as df
import azure.functions as func

import activities
import orchestrators
import triggers
from shared import history_times
from shared.services import services

history_times.read_quickly()

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (*triggers.blueprints, *orchestrators.blueprints, *activities.blueprints):
    app.register_functions(blueprint)

if services().settings.intake_queue:
    # Elsewhere no queue is polled, and nothing of it is imported.
    from triggers import generation_requests

    app.register_functions(generation_requests.blueprint)

if services().settings.is_sandbox:
    # Imported nowhere else: an app that is no sandbox does not pay for it.
    from sandbox import open_sandbox

    open_sandbox(services())

# Nor need it be looked through again by whoever collects later.
gc.freeze()
gc.enable()
