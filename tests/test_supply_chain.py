"""What comes from outside: the actions of the workflows, the pinned versions, and what the package may never do."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))}
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "minibatch_lib").glob("*.py"))}


def unpinned(text):
    """The actions of a workflow that are not pinned by commit, with the version beside it."""
    return [line for line in re.findall(r"uses:\s*(.*)", text) if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line.strip())]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_may_do_little(name):
    text = WORKFLOWS[name]
    assert not unpinned(text)
    assert re.search(r"^permissions:( \{\}|\n  contents: read)\n", text, re.M), "no more than reading, unless a job says what for"
    assert set(re.findall(r"^ +(\S+): write", text, re.M)) <= ({"pages", "id-token"} if name == "deploy" else set())
    assert "pull_request_target" not in text and "write-all" not in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert all("timeout-minutes" in job for job in re.split(r"\n  (?=[\w-]+:\n    )", text.split("\njobs:")[1])[1:])


def test_an_unpinned_action_is_found():
    commit = 40 * "0"
    assert unpinned("- uses: actions/checkout@v6\n") and unpinned(f"- uses: actions/checkout@{commit}\n") and unpinned("- uses: a/b@main # v1.2.3")
    assert not unpinned(f"      - uses: a/b/c@{commit} # v2.2.0\n")


def test_one_action_has_one_commit():
    used = set(re.findall(r"uses: (\S+@\S+)", "".join(WORKFLOWS.values())))
    assert len({name.split("@")[0] for name in used}) == len(used)


def test_the_audit_runs_by_the_clock_and_not_in_make_test():
    assert "schedule:" in WORKFLOWS["audit"] and "pip_audit" in WORKFLOWS["audit"]
    assert "pip_audit" not in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_package_for_development_is_pinned():
    settings = (ROOT / "settings.ini").read_text(encoding="utf-8")
    wanted = re.findall(r"[A-Za-z][\w-]*", " ".join(re.sub(r"[<>=~!][^ ]*", "", line) for line in re.findall(r"^(?:dev_)?requirements = (.*)", settings, re.M)))
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    assert set(wanted) <= set(pinned), set(wanted) - set(pinned)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("forbidden", ["torch.load", r"\bpickle\b", "allow_pickle=True", "CERT_NONE", "_create_unverified_context", "check_hostname",
                                       r"verify\s*=\s*False", "ProxyHandler", r"\beval\(", r"\bexec\(", r"shell\s*=\s*True", r"os\.system"])
def test_what_the_package_may_never_do(module, forbidden):
    code = "\n".join(line for line in MODULES[module].splitlines() if not line.startswith("def eval("))
    assert not re.search(r"(?<![\w.])" + forbidden if forbidden.startswith(r"\b") else forbidden, code)
