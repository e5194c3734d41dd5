"""Run every notebook once, each in a process of its own, and compare what it prints and draws with its stored outputs.

Outputs are compared on Linux under the versions of constraints.txt; elsewhere the cells are only executed. The
cells marked `mnist`, `kmnist` or `cuda` run where the test files or the device are there, those marked `slow` never.
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

from execnb.nbio import read_nb
from nbdev.config import get_config
from packaging.requirements import Requirement

import outputs
import pages

TIME_LIMIT = 600  # seconds for one page
RUN_NBS = Path(__file__).with_name("run_nbs.py")
RUNS_AND_DRAWS = ["execnb", "ipython", "matplotlib-inline", "pillow"]  # beside what the package itself requires


def flags_at_hand():
    """The test flags whose cells can run on this machine."""
    import torch
    from minibatch_lib.data import at_hand
    flags = [name for name in ("mnist", "kmnist") if at_hand(name, test=True)]
    return flags + ["cuda"] * torch.cuda.is_available()


def why_not_compared():
    """Why outputs cannot be those stored: another system, or a version that is not pinned. None where they must be."""
    if sys.platform != "linux":
        return "this is not Linux"
    constraints = get_config().config_path / "constraints.txt"
    lines = constraints.read_text(encoding="utf-8").splitlines() if constraints.exists() else []
    pins = {pin.name.lower(): pin for line in lines if line[:1].strip("#") for pin in [Requirement(line)]}
    for name in [Requirement(text).name for text in get_config().get("requirements", "").split()] + RUNS_AND_DRAWS:
        if name not in pins:
            return f"constraints.txt does not pin {name}"
        if version(name) not in pins[name].specifier:
            return f"{name} is {version(name)}, pinned is {pins[name].specifier}"


def call(command):
    """Run a command, and end it with all that it started if it takes too long: its exit status and what it printed."""
    process = subprocess.Popen(command, env=pages.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               encoding="utf-8", start_new_session=os.name == "posix")
    try:
        printed, _ = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
        process.wait()
        return 1, f"took over {TIME_LIMIT} s"
    return process.returncode, printed


def run(path, flags, compare):
    """Test one page: its seconds, how many cells with outputs were compared, and what to show of a failure."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        status, printed = call([sys.executable, RUN_NBS, path, "--flags", " ".join(flags), "--into", folder])
        fresh = Path(folder) / path.name
        if status:
            return time.perf_counter() - start, 0, printed
        if not compare or not fresh.exists():
            return time.perf_counter() - start, 0, ""
        stored = read_nb(path)
        lines = [f"{path.name} {line}" for line in outputs.differences(stored, read_nb(fresh))]
    n_compared = sum(bool(cell.get("outputs")) and not pages.skip_reason(cell, flags) for cell in stored.cells)
    if lines:
        lines.append("run `make book` if the fresh outputs are right")
    return time.perf_counter() - start, n_compared, "\n".join(lines)


def skipped(path, flags):
    """Say which cells of a page were left out, and why."""
    if pages.is_skipped(path):
        return ["not run (skip_exec)"]
    cells = {}
    for i, cell in enumerate(read_nb(path).cells, 1):
        if cell.cell_type == "code" and (reason := pages.skip_reason(cell, flags)):
            cells.setdefault(reason, []).append(str(i))
    return [f"{len(numbers)} skipped ({reason}: cell {', '.join(numbers)})" for reason, numbers in sorted(cells.items())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="*", help="a notebook's path or name (default: all)")
    parser.add_argument("--flags", help='cells to run that are otherwise skipped, e.g. "mnist slow" (default: by what is at hand)')
    args = parser.parse_args()
    paths = pages.find(args.page)
    flags = flags_at_hand() if args.flags is None else args.flags.split()
    reason = why_not_compared()
    if reason:
        print(f"outputs are not compared: {reason}")
    n_passed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (seconds, n_compared, trouble) in zip(paths, pool.map(partial(run, flags=flags, compare=not reason), paths)):
            n_passed += not trouble
            remarks = [f"{n_compared} outputs compared"] * (not reason and not trouble) + skipped(path, flags)
            print(f"{path.stem:24}{'FAILED' if trouble else 'passed'}{seconds:7.1f} s  {', '.join(remarks)}".rstrip(), flush=True)
            if trouble:
                print(trouble)
    print(f"{n_passed} passed, {len(paths) - n_passed} failed")
    sys.exit(n_passed < len(paths))


if __name__ == "__main__":
    main()
