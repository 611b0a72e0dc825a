"""The compose file and the image against the code: settings, commands and folders that really exist."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from neurorig_server.settings import Settings

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}


def commands() -> dict[str, click.Command]:
    """Load the subcommands as the `neurorig` command finds them."""
    found = importlib.metadata.entry_points(group="neurorig.commands")
    return {point.name: point.load() for point in found}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_runs_a_command_that_parses(name: str) -> None:
    """Every command line of the compose file is accepted by the command it names."""
    first, *rest = OURS[name]["command"]
    command = commands()[first]
    while isinstance(command, click.Group):
        sub, *rest = rest
        command = command.commands[sub]
    # Folders of the containers do not exist here; everything else must hold.
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            parameter.type = click.Path()

    with command.make_context(first, list(rest)) as context:
        assert context.params


def test_settings_in_the_environment_exist() -> None:
    """Every NEURORIG_ variable of a service is a field of the settings."""
    known = {f"NEURORIG_{field.upper()}" for field in Settings.model_fields} | {"NEURORIG_SERVER", "NEURORIG_TOKEN"}
    used = {variable for service in OURS.values() for variable in service.get("environment", {})}
    assert used
    assert used <= known


def test_the_server_listens_where_the_others_look() -> None:
    """The published port, the health check and the agent's URL are the settings' default port."""
    port = str(Settings.model_fields["port"].default)
    server = OURS["server"]
    assert server["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f":{port}/readyz" in " ".join(server["healthcheck"]["test"])
    assert f"http://server:{port}" in " ".join(OURS["agent"]["command"])


def test_volumes_are_declared_and_used() -> None:
    """No service mounts a volume that is not declared, and none is declared in vain."""
    mounted = {v.split(":")[0] for service in COMPOSE["services"].values() for v in service.get("volumes", ())}
    assert mounted == set(COMPOSE["volumes"])


def test_secrets_have_no_default() -> None:
    """The database password must be given; the file holds none."""
    text = (ROOT / "docker-compose.yml").read_text()
    used = re.findall(r"\$\{(\w*PASSWORD\w*)([^}]*)\}", text)
    assert used
    assert all(rest.startswith(":?") for _, rest in used)


def test_the_image_holds_every_package_of_the_distribution() -> None:
    """Each top folder that the wheel is built from is copied into the image, and no root runs it."""
    docker = (ROOT / "Dockerfile").read_text()
    folders = re.findall(r'"(\w+)/neurorig\w*"', (ROOT / "pyproject.toml").read_text())
    assert len(folders) == 7
    assert all(f"COPY {folder} {folder}" in docker for folder in folders)
    assert re.search(r"^USER neurorig$", docker, re.MULTILINE)


def test_every_mounted_folder_belongs_to_the_image_s_user() -> None:
    """A fresh volume takes its owner from the image, so each mount point must be made there for the user."""
    docker = (ROOT / "Dockerfile").read_text()
    made = re.search(r"install -d -o neurorig ([^\n\\]+)", docker)
    assert made
    mounts = {v.split(":")[1] for service in OURS.values() for v in service.get("volumes", ())}
    assert mounts <= set(made.group(1).split())
