"""The workloads: who takes part in each, on what, and the targets that minibatch_lib has set itself."""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import files
from pathlib import Path
from statistics import linear_regression, median
from typing import NamedTuple

import harness
from minibatch_lib.distributed import efficiency, fit_link

ROOT = Path(__file__).resolve().parent.parent
NOT_SOURCE = shutil.ignore_patterns(".*", "_docs", "_proc", "build", "dist", "runs", "*.egg-info", "__pycache__")
PEERS = {
    "ours": "minibatch_lib",
    "torch_eager": "torch.nn, its DataLoader, SGD",
    "torch_our_loader": "torch.nn, our DataLoader",
    "torch_compile": "torch.nn, torch.compile",
    "jax_step": "JAX, jit of a step",
    "jax_scan": "JAX, jit of an epoch (scan)",
    "sklearn_mlp": "scikit-learn, MLPClassifier",
    "numpy_slices": "NumPy, slices, no shuffling",
    "without_modules": "our calls, without modules",
    "floor": "PyTorch's reads and products, one by one",
}
LABELS = PEERS | {"apart": "two that each train alone", "alone": "one process"}
LADDER = ["matmul_loops", "matmul_dot", "matmul_broadcast", "matmul_einsum", "matmul"]
IMPORTS = {"ours": ("minibatch_lib.minibatch", ["minibatch_lib"]), "torch_eager": ("torch", ["torch"]),
           "jax_step": ("jax", ["jax", "jaxlib"]), "sklearn_mlp": ("sklearn.neural_network", ["scikit-learn"])}
BY_FUNCTION = "784-50-1, all rows, forward_and_backward"
SCALING = "784-512-512-10, batch 2,048 a process"
NARROW = dict(sizes=[784, 50, 10], batch_size=50, lr=0.1)
WIDE = dict(sizes=[784, 512, 512, 10], batch_size=512, lr=0.1)
GROWS_WITH = {"rows": lambda options: options["rows"], "batch size": lambda options: options["batch_size"],
              "width": lambda options: options["sizes"][1]}
SETTINGS = {"1 thread": (1, {}), "1 thread, plain kernels": (1, {"ATEN_CPU_CAPABILITY": "default"}), "2 threads": (2, {})}  # of the model
FEWEST_ROWS = 10_000  # with fewer, other things than rows take the time


class Case(NamedTuple):
    """Peers that do the same, in turn: a class in each of `jobs`, {peer: (module, class, its own options)}."""
    workload: str
    case: str
    jobs: dict
    options: dict  # of all of them
    tolerance: float = 1e-3  # of what they come to, relative


class Target(NamedTuple):
    """What a figure of ours may be: as a multiple of the best of `others`, or by itself."""
    workload: str
    case: str
    others: tuple
    at_most: float = None
    figure: str = "seconds"
    at_least: float = None

    def holds(self, value):
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


TARGETS = [
    Target("epoch", "784-50-10, batch 50", ("torch_eager",), 1 / 3),
    Target("epoch", "784-50-10, batch 50", ("torch_our_loader",), 0.55),
    Target("wide", "784-512-512-10, batch 512", ("torch_eager",), 0.95),
    Target("wide", "784-512-512-10, batch 512", ("floor",), 1.15),
    Target("full", "784-50-1, all rows", ("torch_eager",), 1),
    Target("full", BY_FUNCTION, ("torch_eager",), 1),
    Target("full", BY_FUNCTION, ("torch_eager",), 1, "peak_bytes"),
    Target("loader", "batch 50", ("torch_eager",), 1 / 7),
    Target("loader", "batch 50", ("floor",), 1.3),
    Target("loader", "batch 512", ("torch_eager",), 1 / 5),
    Target("loader", "batch 512", ("floor",), 1.3),
    Target("import", "new processes", ("torch_eager",), 1.15),
    Target("import", "new processes", (), 4e6, "wheel_bytes"),
    Target("growth", "rows", (), 1.05, "exponent", 0.95),
    Target("growth", "rows", (), 16, "bytes_per_row"),
    Target("scaling", SCALING, ("alone",), figure="samples_per_second", at_least=1.7),
]


def alike(workload, case, task, peers, **options):
    """A case in which each peer has a task of the same name."""
    return Case(workload, case, {peer: (f"peers.{peer}", task, {}) for peer in peers}, options)


def epoch(rows):
    yield alike("epoch", "784-50-10, batch 50", "Epoch", PEERS, rows=rows, **NARROW)


def wide(rows):
    yield alike("wide", "784-512-512-10, batch 512", "Epoch", PEERS, rows=min(rows, 10_240), **WIDE)


def full(rows):
    peers = ["ours", "torch_eager", "jax_step", "numpy_slices", "floor"]
    options = dict(rows=rows, sizes=[784, 50, 1])
    yield alike("full", "784-50-1, all rows", "FullBatch", peers, **options)
    jobs = {peer: (f"peers.{peer}", "FullBatch", {}) for peer in ("torch_eager", "floor")}
    yield Case("full", BY_FUNCTION, {"ours": ("peers.ours", "FullBatchByFunction", {})} | jobs, options)


def loader(rows):
    for batch_size in (50, 512):
        yield alike("loader", f"batch {batch_size}", "Loader", ["ours", "torch_eager", "floor"], rows=rows, batch_size=batch_size)


def ladder(rows):
    """The loops, which take a microsecond or more for each product of two numbers, only climb the small matrices."""
    for sizes, names in (([5, 784, 10], LADDER), ([512, 784, 512], LADDER[2:])):
        jobs = {name: ("task", "Rung", dict(module="minibatch_lib.matmul", name=name)) for name in names}
        jobs |= {f"{module}.matmul": ("task", "Rung", dict(module=module, name="matmul")) for module in ("torch", "numpy")}
        n, k, m = sizes
        yield Case("ladder", f"({n}, {k}) @ ({k}, {m})", jobs, dict(sizes=sizes))


def to_accuracy(rows):
    """With so large a learning rate that the accuracy is passed well within an epoch, not at its end."""
    jobs = {peer: ("task", "ToAccuracy", dict(peer=f"peers.{peer}")) for peer in PEERS if peer not in ("floor", "torch_compile")}
    yield Case("accuracy", "to 0.97 on MNIST", jobs, dict(rows=50_000, accuracy=0.97, **NARROW | dict(lr=0.5)), tolerance=1e-2)


def growth(rows):
    """The rows, the batch size and the width each by itself, as many rows as fit four times into the memory."""
    room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 * 2**30
    varied = [("rows", dict(rows=n)) for n in (10**3, 10**4, 10**5, 3 * 10**5) if n <= 20 * rows and n * 784 * 4 * 4 < room]
    varied += [("batch size", dict(batch_size=bs)) for bs in (10, 50, 200, 1000)]
    varied += [("width", dict(sizes=[784, nh, 10])) for nh in (10, 50, 200, 1000)]
    for name, changed in varied:
        yield alike("growth", name, "Epoch", ["ours", "floor"], **dict(rows=rows, real=False, **NARROW) | changed)


COMPARED = dict(epoch=epoch, wide=wide, full=full, loader=loader, ladder=ladder, accuracy=to_accuracy, growth=growth)
QUICK = ["epoch", "full", "loader"]
QUICK_PEERS = [peer for peer in PEERS if peer != "torch_compile"]  # it compiles longer than that


def measure(case, peers, threads, rounds):
    """Record of a case, with those of its peers that are in `peers`; with all if that is None."""
    jobs = {peer: (module, task, case.options | own) for peer, (module, task, own) in case.jobs.items() if peers is None or peer in peers}
    result = harness.compare(jobs, threads, rounds, case.tolerance)
    return dict(workload=case.workload, case=case.case, threads=threads, options=case.options) | result


def wheel_sizes():
    """Size of the wheel of this tree, and of what it leaves on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "project")
        shutil.copytree(ROOT, source, symlinks=True, ignore=NOT_SOURCE)
        subprocess.run([sys.executable, "-m", "build", "-qq", "--wheel", "--no-isolation"], cwd=source, check=True)
        wheel = next((source / "dist").glob("*.whl"))
        return {"wheel_bytes": wheel.stat().st_size, "installed_bytes": sum(item.file_size for item in zipfile.ZipFile(wheel).infolist())}


def installed_bytes(packages):
    """Size on the disk of installed packages, without what they need in turn."""
    paths = [file.locate() for name in packages for file in files(name)]
    return {"installed_bytes": sum(path.stat().st_size for path in paths if path.exists())}


def measure_imports(rounds):
    """Yield the record of how long an import takes, and how large the packages are."""
    modules = {peer: module for peer, (module, _) in IMPORTS.items()}
    seconds = harness.compare_imports(modules.values(), rounds)
    facts = {peer: wheel_sizes() if peer == "ours" else installed_bytes(packages) for peer, (_, packages) in IMPORTS.items()}
    yield dict(workload="import", case="new processes", threads=1, options=modules, data="none", check={},
                seconds={peer: seconds[module] for peer, module in modules.items()}, facts=facts)


def measure_scaling(rounds):
    """Yield the record of a step of two processes of one thread that train together, and of one alone, the best of five; and what the
    model of costs on the page 06_distributed says of it."""
    options = dict(sizes=[784, 512, 512, 10], rows_per_process=2048, processes=2)
    sizes, rows, processes = options.values()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", "-m", "minibatch_lib.distributed",
               "--measure", "--device=cpu", f"--hidden={','.join(map(str, sizes[1:-1]))}", f"--batch-size={processes * rows}"]
    with tempfile.TemporaryDirectory() as folder, harness.environment(1):  # torchrun leaves its notes there
        printed = subprocess.run(command, env=os.environ | {"TMPDIR": folder}, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = json.loads(printed)
    seconds = {peer: found[way] for peer, way in (("ours", "together"), ("apart", "apart"), ("alone", "alone"))}
    best = {peer: min(spent) for peer, spent in seconds.items()}
    n_bytes = 4 * sum(i * j + j for i, j in zip(sizes, sizes[1:]))
    predicted = best["apart"] / efficiency(best["apart"], n_bytes, processes, fit_link(*zip(*found["all_reduce"]), processes))
    facts = {peer: {"samples_per_second": rows * (1 if peer == "alone" else processes) / spent} for peer, spent in best.items()}
    facts["ours"]["predicted_seconds"] = float(predicted)
    yield dict(workload="scaling", case=SCALING, threads=1, options=options, data="synthetic", check={}, seconds=seconds, facts=facts)


def measure_model(rounds):
    """Yield for each setting a record of the machine's numbers, of what model.py predicts from them, and of what came."""
    for case, (threads, variables) in SETTINGS.items():
        with harness.environment(threads, **variables):
            command = [sys.executable, str(ROOT / "benchmarks" / "model.py"), str(threads), str(rounds)]
            found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
        yield dict(workload="model", case=case, threads=threads, options={"numbers": found["numbers"]}, data=found["data"], check={},
                   seconds=found["seconds"], facts=found["needs"])


ONCE = {"model": measure_model, "import": measure_imports, "scaling": measure_scaling}  # with threads of their own


def exponents(records):
    """How the median time of each peer grows: as rows, batch size or width to the power of `exponent`."""
    found = []
    for name, of in GROWS_WITH.items():
        grown = [r for r in records if (r["workload"], r["case"]) == ("growth", name)]
        for threads in sorted({r["threads"] for r in grown}):
            for peer in ("ours", "floor"):
                points = [(of(r["options"]), median(r["seconds"][peer])) for r in grown
                          if r["threads"] == threads and peer in r["seconds"] and (name != "rows" or of(r["options"]) >= FEWEST_ROWS)]
                if len(points) > 1:
                    slope = linear_regression(*([math.log(v) for v in column] for column in zip(*points))).slope
                    found.append(dict(case=name, threads=threads, peer=peer, smallest=points[0][0], largest=points[-1][0], exponent=slope))
    return found


def bytes_per_row(records):
    """By how many bytes a row the memory of an epoch beyond the data grows, from the fewest rows to the most: {threads: bytes}."""
    found = {}
    for threads in {r["threads"] for r in records}:
        points = sorted((r["options"]["rows"], r["facts"]["ours"]["epoch_bytes"]) for r in records
                        if (r["workload"], r["case"], r["threads"]) == ("growth", "rows", threads)
                        and r["options"]["rows"] >= FEWEST_ROWS and "epoch_bytes" in r["facts"].get("ours", {}))
        if len(points) > 1:
            (fewest, low), (most, high) = points[0], points[-1]
            found[threads] = (high - low) / (most - fewest)
    return found


def values(target, records):
    """The figure that a target speaks of, by number of threads, wherever it was measured."""
    if target.figure == "exponent":
        return {e["threads"]: e["exponent"] for e in exponents(records) if (e["case"], e["peer"]) == (target.case, "ours")}
    if target.figure == "bytes_per_row":
        return bytes_per_row(records)
    found = {}
    for r in records:
        if (r["workload"], r["case"]) == (target.workload, target.case):
            figures = {peer: facts[target.figure] for peer, facts in r["facts"].items() if target.figure in facts}
            if target.figure == "seconds":
                figures = {peer: median(seconds) for peer, seconds in r["seconds"].items()}
            if {"ours", *target.others} <= figures.keys():
                found[r["threads"]] = figures["ours"] / min((figures[other] for other in target.others), default=1)
    return found


def judge(records):
    """Every target for which there are figures: its value, and whether it is met."""
    return [target._asdict() | dict(others=[*target.others], threads=threads, value=value, met=target.holds(value))
            for target in TARGETS for threads, value in sorted(values(target, records).items())]
