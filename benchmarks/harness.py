"""Peers measured side by side: each in a process of its own with its own limit of threads, in turn, round by round."""
import importlib
import os
import platform
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from unittest.mock import patch

from tqdm import tqdm

THREAD_LIMITS = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"]
# glibc hands large blocks back to the system and fetches them anew, or not, depending on all that was allocated before: a
# matter of luck that can double a time. So nobody hands back.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**40)}  # the first is the largest it accepts
PACKAGES = ["minibatch_lib", "torch", "numpy", "jax", "jaxlib", "scikit-learn", "scipy"]


class Disagreement(Exception):
    """A peer came to another result than the first one, so it did not do the same work."""


def machine():
    """What the figures depend on beside the versions, without a name of the machine."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {"processor": model, "cores": os.cpu_count(), "memory_gb": round(memory / 2**30), "system": platform.system()}


def file_name():
    """What the results of this machine are called, without a name of the machine."""
    found = machine()
    return "-".join(re.findall(r"[a-z0-9]+", f"{found['processor']} {found['cores']} cores".lower())) + ".json"


def versions():
    """The version of Python and of each package that is installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass
    return found


@contextmanager
def environment(threads, **variables):
    """For processes started meanwhile: `threads` threads, no OPENBLAS_CORETYPE, which slows NumPy and scikit-learn, memory
    that is kept, a profiler (of the memory) that keeps silent, and further variables."""
    with patch.dict(os.environ, dict.fromkeys(THREAD_LIMITS, str(threads)) | KEEP_MEMORY | variables, KINETO_LOG_LEVEL="99"):
        os.environ.pop("OPENBLAS_CORETYPE", None)
        yield


def confine(threads):
    """Keep this process to `threads` of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def make(module, name, options, threads):
    """In a new process: make the task of a peer and run it once, unmeasured; return its data, its check and its facts."""
    global task
    if module.startswith("peers.jax"):  # it heeds no variable, but starts as many threads as it may use cores
        confine(threads)
    task = getattr(importlib.import_module(module), name)(**options)
    facts = task.first()
    return task.data, task.check(), facts


def measure():
    """In the same process: seconds of one run, and its check."""
    return task.seconds(), task.check()


def agree(peer, check, wanted, tolerance):
    """Disagreement unless the numbers in `check` are those `wanted`; an empty check agrees with all."""
    for what, value in check.items():
        if not abs(value - wanted[what]) <= tolerance * abs(wanted[what]):
            raise Disagreement(f"{peer}: {what} is {value:.6g}, but the first peer has {wanted[what]:.6g}")


def compare(jobs, threads, rounds, tolerance=1e-3):
    """Run each job, {peer: (module, name of its task, options)}, `rounds` times in turn.

    Returns the name of the data, what all came to (within `tolerance`: sums in another order), the seconds of each peer
    and what else is known of it.
    """
    with ExitStack() as stack:
        stack.enter_context(environment(threads))
        bar = stack.enter_context(tqdm(total=(rounds + 1) * len(jobs), leave=False, disable=None))
        processes = {peer: stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"))) for peer in jobs}
        made = {peer: processes[peer].submit(make, *job, threads) for peer, job in jobs.items()}
        seconds, facts, wanted = {peer: [] for peer in jobs}, {}, None
        for peer, future in made.items():
            data, check, facts[peer] = future.result()
            wanted = wanted or check
            agree(peer, check, wanted, tolerance)
            bar.update()
        for _ in range(rounds):
            for peer, process in processes.items():
                spent, check = process.submit(measure).result()
                agree(peer, check, wanted, tolerance)
                seconds[peer].append(spent)
                bar.update()
    return {"data": data, "check": wanted, "seconds": seconds, "facts": {peer: known for peer, known in facts.items() if known}}


def import_seconds(module):
    """Seconds that a new process takes to import a module."""
    code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def compare_imports(modules, rounds):
    """Seconds of each import in `rounds` new processes, in turn, after one that warms the disk."""
    seconds = {module: [] for module in modules}
    with environment(1), tqdm(total=(rounds + 1) * len(modules), leave=False, disable=None) as bar:
        for i in range(rounds + 1):
            for module in modules:
                spent = import_seconds(module)
                seconds[module] += [spent] * (i > 0)
                bar.update()
    return seconds
