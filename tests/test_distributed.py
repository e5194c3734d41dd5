"""Runs that several processes share, started by torchrun, all on loopback."""
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from minibatch_lib import distributed
from minibatch_lib.training import load_model, train

pytestmark = pytest.mark.skipif(os.name == "nt" or not dist.is_available(), reason="torchrun with gloo")

LOOPBACK = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "") if os.name == "posix" else ""
OPTIONS = dict(epochs=1, batch_size=100, dtype="float64")


def arguments(**options):
    """Options of the command as it takes them."""
    return [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in options.items()]


def torchrun(*args, **options):
    """The command for torchrun with its `args`, and the environment for it."""
    command = [sys.executable, "-m", "torch.distributed.run", *args, "-m", "minibatch_lib.distributed", *arguments(**options)]
    return dict(args=command, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"})


def run(folder, *args, **options):
    return subprocess.run(**torchrun("--standalone", *args, **options), cwd=folder, capture_output=True, encoding="utf-8", timeout=180)


@contextmanager
def started(folder, *args, **options):
    """A running torchrun; whatever happens, nothing of it is left in the end."""
    process = subprocess.Popen(**torchrun(*args, **options), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               encoding="utf-8", start_new_session=True)
    try:
        yield process
    finally:
        for pid in {*descendants(process.pid), process.pid} if process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        process.communicate()


def parents():
    """The parent of every process."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return dict(map(int, line.split()) for line in table.splitlines())


def descendants(pid):
    """The processes that a process started, and those that they started."""
    found, pairs = {pid}, parents().items()
    while more := {child for child, parent in pairs if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pids):
    """Those of the processes that still run (a zombie does not)."""
    if not pids:
        return []
    table = subprocess.run(["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True).stdout
    return [line for line in table.splitlines() if line.split()[1][0] != "Z"]


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def same_run(folder, model, history):
    """Whether the run folder holds this model and, but for the seconds, this history."""
    found, _ = load_model(Path(folder) / "model.safetensors")
    assert (weights(found) - weights(model)).abs().max() < 1e-9
    records = json.loads((Path(folder) / "history.json").read_text())
    assert len(records) == len(history)
    for record, wanted in zip(records, history):
        assert [record[name] for name in ("epoch", "train_loss", "valid_loss", "metric")] == pytest.approx(wanted[:4], abs=1e-6)


@pytest.fixture(autouse=True)
def notes_of_torchrun(tmp_path_factory, monkeypatch):
    """torchrun never deletes its folder for logs; it shall be among the files of the tests."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("torchrun")))


@pytest.fixture
def few_images(tmp_path):
    """An .npz file of 33 images: 27 to train on and 6 to validate with."""
    path = tmp_path / "few.npz"
    np.savez(path, x=np.random.default_rng(0).integers(0, 256, (33, 6, 6), dtype=np.uint8), y=np.arange(33) % 3)
    return str(path)


def test_two_processes_train_as_one(tmp_path):
    done = run(tmp_path, "--nproc_per_node=2", **OPTIONS)
    assert done.returncode == 0, done.stderr
    same_run(tmp_path / "runs" / "fashion_mini", *train(**OPTIONS, quiet=True))
    epoch, wrote = done.stdout.splitlines()
    assert epoch.startswith("epoch  1/1  train loss ") and wrote.startswith("wrote runs/fashion_mini: ")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize("backend", ["ours", "torch"])
def test_unequal_and_empty_shares(tmp_path, few_images, backend):
    options = OPTIONS | dict(data=few_images, batch_size=13, epochs=2, backend=backend, hidden="7,5")
    done = run(tmp_path, "--nproc_per_node=3", **options, out="run")
    assert done.returncode == 0, done.stderr
    same_run(tmp_path / "run", *train(**options | dict(hidden=(7, 5)), quiet=True))


@pytest.fixture
def two_nodes(monkeypatch):
    """What to tell torchrun on each of two machines, which are both this one."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", LOOPBACK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return ["--nnodes=2", "--nproc_per_node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}", "--local-addr=127.0.0.1"]


def test_two_nodes_train_as_one(tmp_path, few_images, two_nodes):
    options = OPTIONS | dict(data=few_images, batch_size=11, backend="torch")
    with started(tmp_path, *two_nodes, **options, out="run") as one, started(tmp_path, *two_nodes, **options, out="run") as other:
        outputs = [process.communicate(timeout=180) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], outputs
    assert sorted(len(out.splitlines()) for out, _ in outputs) == [0, 2]
    same_run(tmp_path / "run", *train(**options, quiet=True))


LONG = dict(epochs=3, batch_size=100, hidden=200, dtype="float64")


@pytest.fixture(scope="module")
def undisturbed():
    return train(**LONG, quiet=True)


def kill_one(torchrun, folder):
    """SIGKILL for a worker in the middle of an epoch, after a checkpoint; return all the processes that there were."""
    end = time.monotonic() + 120
    while not (folder / "run" / "checkpoint.safetensors").exists():
        assert torchrun.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.2)
    there = descendants(torchrun.pid)
    os.kill(max(pid for pid, parent in parents().items() if parent == torchrun.pid), signal.SIGKILL)
    return there


def test_a_killed_worker_ends_the_run_which_others_can_finish(tmp_path, undisturbed):
    with started(tmp_path, "--standalone", "--nproc_per_node=2", **LONG, workers=1, out="run") as process:
        there = kill_one(process, tmp_path)
        killed_at = time.monotonic()
        _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and time.monotonic() - killed_at < 30
    assert "minibatch_lib.distributed FAILED" in error and "SIGKILL" in error
    assert not (tmp_path / "run" / "model.safetensors").exists()
    while alive(there) and time.monotonic() - killed_at < 60:
        time.sleep(0.1)
    assert len(there) >= 4 and not alive(there)
    done = run(tmp_path, "--nproc_per_node=3", resume=True, out="run")
    assert done.returncode == 0, done.stderr
    same_run(tmp_path / "run", *undisturbed)


def test_a_restarted_group_resumes(tmp_path, undisturbed):
    with started(tmp_path, "--standalone", "--nproc_per_node=2", "--max-restarts=1", **LONG, out="run") as process:
        kill_one(process, tmp_path)
        out, error = process.communicate(timeout=180)
    assert process.returncode == 0 and "SIGKILL" not in error, error
    assert [line.split()[1] for line in out.splitlines()[:-1]] == ["1/3", "2/3", "3/3"]
    same_run(tmp_path / "run", *undisturbed)


def test_a_restart_on_two_nodes_resumes(tmp_path, two_nodes, undisturbed):
    node = [*two_nodes, "--max-restarts=1"]
    with started(tmp_path, *node, **LONG, out="run") as one, started(tmp_path, *node, **LONG, out="run") as other:
        kill_one(other, tmp_path)
        outputs = [process.communicate(timeout=180) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], outputs
    same_run(tmp_path / "run", *undisturbed)


def test_one_process_says_what_is_wrong(tmp_path):
    done = run(tmp_path, "--nproc_per_node=2", lr=-1)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("torchrun -m minibatch_lib.distributed: error: --lr: must be a number greater than 0, got -1.0\n") == 1
    assert done.stderr.count("error: --lr") == 1
    assert not list(tmp_path.iterdir())


def test_without_torchrun_it_says_how_to_start(monkeypatch, capsys):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with pytest.raises(SystemExit, match="2"):
        distributed.main_distributed([])
    assert "start it with torchrun, as in: torchrun --nproc_per_node=2" in capsys.readouterr().err


@pytest.fixture
def alone(monkeypatch):
    """This process as the only one of a group."""
    variables = dict(TORCHELASTIC_RUN_ID="alone", RANK=0, WORLD_SIZE=1, LOCAL_RANK=0, GROUP_RANK=0, GROUP_WORLD_SIZE=1,
                     MASTER_ADDR="127.0.0.1", MASTER_PORT=0)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", LOOPBACK)


@pytest.mark.parametrize("backend", ["ours", "torch"])
def test_a_group_of_one(tmp_path, alone, few_images, backend):
    options = OPTIONS | dict(data=few_images, backend=backend)
    assert distributed.main_distributed(arguments(**options, out=tmp_path / "run", quiet=True)) == 0
    same_run(tmp_path / "run", *train(**options, quiet=True))
    assert not dist.is_initialized()


def test_what_it_measures(alone, capsys):
    assert distributed.main_distributed(["--measure", "--hidden=8,6", "--batch-size=20"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["workers"], found["rows"], found["sizes"]) == (1, 20, [784, 8, 6, 10])
    for way in ("alone", "apart", "together"):
        assert len(found[way]) == 5 and min(found[way]) > 0
    assert [n for n, _ in found["all_reduce"]][:3] == [1024, 4096, 16384] and all(seconds > 0 for _, seconds in found["all_reduce"])
