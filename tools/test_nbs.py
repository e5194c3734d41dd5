"""Run every notebook with nbdev_test, each in a process of its own, and count what passed.

The cells marked `mnist`, `kmnist` or `cuda` run where the files or the device are there, those marked `slow` never.
"""
import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from execnb.nbio import read_nb

import pages

TIME_LIMIT = 600  # seconds for one page


def flags_at_hand():
    """The test flags whose cells can run on this machine."""
    import torch
    from minibatch_lib.data import DATASETS, _root
    flags = [name for name in ("mnist", "kmnist")
             if all((_root(None) / name / file).is_file() for file in DATASETS[name].files)]
    return flags + ["cuda"] * torch.cuda.is_available()


def run(path, flags):
    """Test one page: whether it passed, its seconds, and what to show of a failure."""
    start = time.perf_counter()
    command = shutil.which("nbdev_test", path=sysconfig.get_path("scripts"))
    try:
        done = subprocess.run([command, "--path", path, "--flags", " ".join(flags), "--n_workers", "0"],
                              env=pages.environment(), capture_output=True, encoding="utf-8", timeout=TIME_LIMIT)
        passed, output = done.returncode == 0 and "Success." in done.stdout, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        passed, output = False, f"took over {TIME_LIMIT} s"
    return passed, time.perf_counter() - start, output


def skipped(path, flags):
    """Say how many cells of a page were left out, and why."""
    if pages.is_skipped(path):
        return "not run (skip_exec)"
    reasons = (pages.skip_reason(cell, flags) for cell in read_nb(path).cells if cell.cell_type == "code")
    counts = Counter(filter(None, reasons))
    return ", ".join(f"{n} skipped ({reason})" for reason, n in sorted(counts.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", nargs="*", help="a notebook's path or name (default: all)")
    parser.add_argument("--flags", help='cells to run that are otherwise skipped, e.g. "mnist slow" (default: by what is at hand)')
    args = parser.parse_args()
    paths = pages.find(args.page)
    flags = flags_at_hand() if args.flags is None else args.flags.split()
    n_passed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (passed, seconds, output) in zip(paths, pool.map(partial(run, flags=flags), paths)):
            n_passed += passed
            print(f"{path.stem:24}{'passed' if passed else 'FAILED'}{seconds:7.1f} s  {skipped(path, flags)}".rstrip())
            if not passed:
                print(output)
    print(f"{n_passed} passed, {len(paths) - n_passed} failed")
    sys.exit(n_passed < len(paths))


if __name__ == "__main__":
    main()
