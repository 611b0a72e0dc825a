"""A filled store behind a real server, once for all page tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import httpx
import pytest

from neurorig_server.app import create_app


def _load(name: str) -> ModuleType:
    """Load a module that lies beside this file: test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


records = _load("lab_records")
serving = _load("serving")


@pytest.fixture(scope="session")
def recorded() -> ModuleType:
    """The module that makes records."""
    return records


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A store with one attempt of every kind, and their ids."""
    made = records.Lab(tmp_path_factory.mktemp("lab"))
    yield SimpleNamespace(made=made, store=made.store, **vars(records.fill(made)))
    made.close()


@pytest.fixture(scope="session")
def site(lab: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The filled store behind a server that asks for a token."""
    token = lab.store.tokens.create("reader", ["read"]).token
    with serving.served(create_app(lab.made.settings, lab.store)) as url:
        yield SimpleNamespace(url=url, token=token, lab=lab)


@pytest.fixture
def visitor(site: SimpleNamespace) -> Iterator[httpx.Client]:
    """Somebody without a token."""
    with httpx.Client(base_url=site.url, timeout=30) as client:
        yield client


@pytest.fixture
def reader(site: SimpleNamespace, visitor: httpx.Client) -> httpx.Client:
    """Somebody who signed in."""
    visitor.cookies.set("neurorig_token", site.token)
    return visitor
