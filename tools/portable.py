"""Run all pages and some tests as other processors would: under settings that choose other kernels for their sums.

Floating-point sums differ in their last digits between processors and builds. What is stored in a notebook, and what a
test expects, must hold under each of these settings; each is an environment for new processes.
"""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
SETTINGS = {
    "plain": {"ATEN_CPU_CAPABILITY": "default"},  # PyTorch's own kernels without vector instructions
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},  # a processor without AVX-512
    "compatible": {"MKL_CBWR": "COMPATIBLE"},  # products of matrices as any processor can form them
    "compatible and plain": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"},
    "sse": {"ONEDNN_MAX_CPU_ISA": "SSE41", "NPY_DISABLE_CPU_FEATURES": "X86_V3", "OPENBLAS_CORETYPE": "Nehalem"},  # oneDNN and NumPy
    "two threads": {"PAGE_THREADS": "2", "OMP_NUM_THREADS": "2"},
    "two threads, plain": {"PAGE_THREADS": "2", "OMP_NUM_THREADS": "2", "ATEN_CPU_CAPABILITY": "default"},
}
SUMS = """
import json, torch
x = torch.linspace(-3, 3, 40_000, dtype=torch.float64).sin().view(200, 200)
found = [f(t) for t in (x, x.float()) for f in (torch.exp, torch.log1p, lambda t: t.sum(0), lambda t: t.sum(1), lambda t: t @ t, lambda t: t[:50] @ t,
         lambda t: t.logsumexp(1), lambda t: torch.einsum('ij,ik->jk', t, t), torch.var, lambda t: torch.nn.functional.conv2d(t[None, None], t[None, None, :5, :5]),
         lambda t: torch.from_numpy(t.numpy() @ t.numpy()), lambda t: torch.from_numpy(t.numpy().sum(0, keepdims=True)))]
print(json.dumps([t.flatten()[:200].double().tolist() for t in found]))
"""


def sums(variables):
    """What some sums give in a new process with these variables, as lists of numbers."""
    done = subprocess.run([sys.executable, "-c", SUMS], env=os.environ | variables, capture_output=True, encoding="utf-8", check=True)
    return json.loads(done.stdout)


def most_different(n):
    """The n settings whose sums differ most from those of this machine, and from each other where there are such."""
    here, found = sums({}), {name: sums(variables) for name, variables in SETTINGS.items()}
    ranked = sorted(found, key=lambda name: -sum(a != b for a, b in zip(found[name], here)))
    first_of_kind = [name for i, name in enumerate(ranked) if found[name] not in [here, *(found[other] for other in ranked[:i])]]
    return (first_of_kind + [name for name in ranked if name not in first_of_kind])[:n]


def run(name, tests):
    """Run pages and tests under a setting; return whether all passed."""
    variables = SETTINGS[name]
    print(f"-- {name}: {' '.join(f'{key}={value}' for key, value in variables.items())}", flush=True)
    commands = [[sys.executable, TOOLS / "test_nbs.py"]]
    if tests:
        commands.append([sys.executable, "-m", "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", "-m", "not slow and not timing", *tests])
    return not any([subprocess.run(command, env=os.environ | variables).returncode for command in commands])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("test", nargs="*", help="files of tests to run beside the pages")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--most-different", type=int, metavar="N", help="only the N settings that differ most from this machine")
    which.add_argument("--setting", action="append", choices=SETTINGS, help="only this one (may be repeated)")
    args = parser.parse_args()
    names = args.setting or (most_different(args.most_different) if args.most_different else list(SETTINGS))
    start = time.perf_counter()
    failed = [name for name in names if not run(name, args.test)]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed in {time.perf_counter() - start:.0f} s" + (f": {', '.join(failed)}" if failed else ""))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
