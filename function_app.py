"""The Functions app: registers the blueprints, nothing else."""

import azure.durable_functions as df
import azure.functions as func

import activities
import orchestrators
import triggers

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (*triggers.blueprints, *orchestrators.blueprints, *activities.blueprints):
    app.register_functions(blueprint)
