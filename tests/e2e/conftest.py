"""Fixtures: one scripted upstream and one gateway in front of it per session, scripted anew by each test."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import BINARY, IMPOSTER, Gateway, Imposter, LocalModel  # noqa: E402


def pytest_configure(config):
    for needed in (BINARY, IMPOSTER):
        if not needed.exists():
            raise pytest.UsageError(f"{needed} is missing; `make test-e2e` builds it")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def upstream_process(folder):
    imposter = Imposter(folder)
    yield imposter
    imposter.stop()


@pytest.fixture
def upstream(upstream_process):
    """The scripted upstream, without a script."""
    upstream_process.script()
    return upstream_process


def providers_of(imposter):
    """One imposter behind two providers: `chat` is taken for OpenAI and speaks chat only, `messages` speaks Anthropic Messages only."""
    return {
        "chat": {"type": "openai", "base_url": f"{imposter.url}/v1", "api_key": "env:UPSTREAM_KEY", "dialects": ["chat"], "models": ["*"]},
        "messages": {"type": "anthropic", "base_url": imposter.url, "api_key": "env:UPSTREAM_KEY", "models": ["*"]},
    }


@pytest.fixture(scope="session")
def providers(upstream_process):
    return providers_of(upstream_process)


@pytest.fixture(scope="session")
def gateway(folder, providers):
    """A gateway that tries each upstream once, so that a test sees what the upstream said."""
    started = Gateway(
        folder,
        {"providers": providers, "retry": {"max_attempts": 1}, "prices": [{"model": "*/*", "input": 1, "output": 2}], "timeouts": {"connect": "2s", "first_token": "20s", "idle": "20s", "total": "60s"}},
        environment={"UPSTREAM_KEY": "upstream-secret-key"},
    )
    yield started
    started.stop()


@pytest.fixture
def start_gateway(folder, providers):
    """Starts gateways with other configurations; all of them are ended (and must end well) after the test."""
    started = []

    def start(configuration=None, **options):
        options.setdefault("environment", {"UPSTREAM_KEY": "upstream-secret-key"})
        started.append(Gateway(folder, {"providers": providers, **(configuration or {})}, **options))
        return started[-1]

    yield start
    for each in started:
        if each.process.running():
            each.stop()


@pytest.fixture(scope="session")
def local_model(folder):
    model = LocalModel(folder)
    yield model
    model.stop()
