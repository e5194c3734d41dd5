"""What holds for all tests: the marks, Ctrl-C as in a terminal, one browser, and how the properties are tried.

In `make test` a fixed and seeded few of their cases, in `make fuzz` at least 10,000 new ones.
"""
import signal

import pytest
from hypothesis import HealthCheck, settings

ALWAYS = dict(deadline=None, database=None, suppress_health_check=list(HealthCheck))
FUZZ_CASES = 10_000
tried = [0]

settings.register_profile("test", max_examples=40, derandomize=True, **ALWAYS)
settings.register_profile("mutants", max_examples=10, derandomize=True, **ALWAYS)
settings.register_profile("fuzz", max_examples=300, print_blob=True, **ALWAYS)
settings.load_profile("test")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under nohup; the processes that the tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright
    from test_browser import CHROMIUM
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out by `make test`, run by `make test-all`")
    config.addinivalue_line("markers", "cuda: meant for a graphics processor, where `make test-cuda` runs it")
    config.addinivalue_line("markers", "timing: compares timings, so `make test-all` runs it with nothing beside it, and unmeasured by coverage")


def pytest_terminal_summary(terminalreporter):
    if tried[0]:
        terminalreporter.write_line(f"{tried[0]:,} cases of the properties")


def pytest_sessionfinish(session, exitstatus):
    """A fuzz run with too few cases has failed."""
    if session.config.getoption("--hypothesis-profile") == "fuzz" and tried[0] < FUZZ_CASES and not exitstatus:
        session.exitstatus = 1
        print(f"\nonly {tried[0]:,} of at least {FUZZ_CASES:,} cases")
