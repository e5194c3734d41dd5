"""Runs that several processes share, started by torchrun, all on loopback."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist

from minibatch_lib import distributed
from minibatch_lib.runs import complete
from minibatch_lib.training import load_model, train

pytestmark = pytest.mark.skipif(os.name == "nt" or not dist.is_available(), reason="torchrun with gloo")

LOOPBACK = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "") if os.name == "posix" else ""
OPTIONS = dict(epochs=1, batch_size=100, dtype="float64", device="cpu")
ONE_DIES = Path(__file__).with_name("one_dies.py")


def arguments(**options):
    """Options of the command as it takes them."""
    return [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in options.items()]


def torchrun(*args, dies=None, **options):
    """The command for torchrun with its `args`, and the environment for it; `dies` tells one_dies.py who shall die, and where."""
    program = ["-m", "minibatch_lib.distributed"] if dies is None else [str(ONE_DIES), *map(str, dies)]
    command = [sys.executable, "-m", "torch.distributed.run", *args, *program, *arguments(**options)]
    return dict(args=command, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"})


def run(folder, *args, **options):
    command = torchrun("--standalone", *args, **options)
    return subprocess.run(**command, cwd=folder, capture_output=True, encoding="utf-8", timeout=180)


@contextmanager
def started(folder, *args, **options):
    """A running torchrun; whatever happens, it ends, and with it all that it started."""
    process = subprocess.Popen(**torchrun(*args, **options), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               encoding="utf-8", start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def left_of(folder):
    """The processes that still run with the name of this folder in their command, after half a minute at most."""
    end = time.monotonic() + 30
    while True:
        table = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout
        left = [line for line in table.splitlines() if str(folder) in line]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.1)


def seconds_since_death(folder):
    """How long ago one_dies.py killed a process."""
    return time.time() - (folder / "died").stat().st_mtime


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


def few(folder):
    """An .npz file of 34 images: 27 to train on and 7 to validate with."""
    path = folder / "few.npz"
    np.savez(path, x=np.random.default_rng(0).integers(0, 256, (34, 6, 6), dtype=np.uint8), y=np.arange(34) % 3)
    return str(path)


@pytest.fixture
def few_images(tmp_path):
    return few(tmp_path)


def test_two_processes_train_as_one(tmp_path):
    done = run(tmp_path, "--nproc_per_node=2", **OPTIONS)
    assert done.returncode == 0, done.stderr
    same_run(tmp_path / "runs" / "fashion_mini", *train(**OPTIONS, quiet=True))
    epoch, wrote = done.stdout.splitlines()
    assert epoch.startswith("epoch  1/1  train loss ") and wrote.startswith("wrote runs/fashion_mini: ")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.fixture
def two_nodes(monkeypatch):
    """What to tell torchrun on each of two machines, which are both this one."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", LOOPBACK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return ["--nnodes=2", "--nproc_per_node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}", "--local-addr=127.0.0.1"]


# With the few images each epoch is three steps, of 13, 13 and 1 row: two or three processes have unequal shares, and some none.
THREE_EPOCHS = dict(epochs=3, batch_size=13, hidden="7,5", dtype="float64", device="cpu")
SECOND_EPOCH = ("on_batch", 4)  # in the middle of it, after a checkpoint


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(few(tmp_path_factory.mktemp("undisturbed")), **THREE_EPOCHS | dict(hidden=(7, 5), quiet=True))


@pytest.mark.slow
def test_two_nodes_go_on_when_a_process_of_one_was_killed(tmp_path, few_images, two_nodes, undisturbed):
    command = [*two_nodes, "--max-restarts=1"]
    options = THREE_EPOCHS | dict(dies=("self", "SIGKILL", 1, *SECOND_EPOCH), data=few_images, out="run")
    with started(tmp_path, *command, **options) as one, started(tmp_path, *command, **options) as other:
        outputs = [process.communicate(timeout=180) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], "".join(error for _, error in outputs)
    assert (tmp_path / "died").exists()
    assert sorted(line.split()[0] for out, _ in outputs for line in out.splitlines()) == ["epoch", "epoch", "epoch", "wrote"]
    same_run(tmp_path / "run", *undisturbed)


@pytest.mark.slow
def test_a_killed_worker_ends_the_run_which_others_can_finish(tmp_path, few_images, undisturbed):
    options = THREE_EPOCHS | dict(data=few_images, backend="torch", workers=1, out=tmp_path / "run")
    done = run(tmp_path, "--nproc_per_node=2", dies=("self", "SIGKILL", 1, *SECOND_EPOCH), **options)
    assert done.returncode == 1 and seconds_since_death(tmp_path) < 120
    assert "one_dies.py FAILED" in done.stderr and "SIGKILL" in done.stderr
    assert done.stderr.count("minibatch_lib.distributed: error: ") <= 1 and not re.search(r"minibatch_lib/\w+\.py", done.stderr)  # no traceback
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert not left_of(tmp_path)
    done = run(tmp_path, "--nproc_per_node=3", resume=True, out="run")
    assert done.returncode == 0, done.stderr
    same_run(tmp_path / "run", *undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["kept", "new"])
def test_a_restarted_group_goes_on_though_a_checkpoint_was_cut_off(tmp_path, few_images, undisturbed, store, monkeypatch):
    monkeypatch.setenv("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", str(int(store == "new")))
    options = THREE_EPOCHS | dict(data=few_images, out=tmp_path / "run")
    train(few_images, epochs=1, out=tmp_path / "run", quiet=True)  # which --force shall overwrite
    done = run(tmp_path, "--nproc_per_node=2", "--max-restarts=1", dies=("self", "SIGKILL", 0, "fsync", 9), **options, force=True)
    assert done.returncode == 0 and (tmp_path / "died").exists(), done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[:-1]] == ["1/3", "2/3", "3/3"]
    same_run(tmp_path / "run", *undisturbed)


@pytest.mark.slow
def test_ctrl_c_is_answered_by_one_line_that_says_how_to_go_on(tmp_path, few_images):
    done = run(tmp_path, "--nproc_per_node=2", dies=("torchrun", "SIGINT", 1, *SECOND_EPOCH), **THREE_EPOCHS, data=few_images, out="run")
    assert done.returncode == 1
    assert done.stderr.count(": stopped in epoch 2 after step 2 of 3; go on with: torchrun -m minibatch_lib.distributed --resume --out run\n") == 1
    assert done.stderr.count("minibatch_lib.distributed: ") == 1


@pytest.mark.slow
def test_no_process_stays_when_torchrun_is_killed(tmp_path, few_images):
    options = THREE_EPOCHS | dict(data=few_images, workers=1, out=tmp_path / "run")
    done = run(tmp_path, "--nproc_per_node=2", dies=("torchrun", "SIGKILL", 1, *SECOND_EPOCH), **options)
    assert done.returncode == -signal.SIGKILL
    assert seconds_since_death(tmp_path) < 120 and not left_of(tmp_path)  # all who could still print have ended


@pytest.fixture
def alone(monkeypatch):
    """This process as the only one of a group."""
    variables = dict(TORCHELASTIC_RUN_ID="alone", RANK=0, WORLD_SIZE=1, LOCAL_RANK=0, GROUP_RANK=0, GROUP_WORLD_SIZE=1,
                     MASTER_ADDR="127.0.0.1", MASTER_PORT=0)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", LOOPBACK)


def test_a_restart_before_the_run_began_begins_anew(tmp_path, alone, few_images, monkeypatch, capfd):
    options = OPTIONS | dict(data=few_images, out=str(tmp_path / "run"))
    train(**options, quiet=True)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    with pytest.raises(SystemExit, match="2"):
        distributed.main_distributed(arguments(**options))
    assert "holds a finished run; overwrite it with --force" in capfd.readouterr().err


RESTARTED = dict(TORCHELASTIC_RESTART_COUNT="1")


@pytest.mark.parametrize("changed, resumes", [({}, True), (dict(TORCHELASTIC_RUN_ID="another"), False), (dict(TORCHELASTIC_RESTART_COUNT="0"), False)])
def test_only_the_torchrun_that_began_a_run_goes_on_with_it_by_itself(tmp_path, alone, few_images, monkeypatch, capfd, changed, resumes):
    args = arguments(**OPTIONS, data=few_images, out=tmp_path / "run", quiet=True)
    assert distributed.main_distributed(args) == 0
    (tmp_path / "run" / "model.safetensors").unlink()  # as if it had been killed just before
    for name, value in (RESTARTED | changed).items():
        monkeypatch.setenv(name, value)
    if resumes:
        assert distributed.main_distributed(args) == 0 and (tmp_path / "run" / "model.safetensors").exists()
    else:
        with pytest.raises(SystemExit, match="2"):
            distributed.main_distributed(args)
        assert "holds a run that was stopped; go on with --resume" in capfd.readouterr().err


@pytest.fixture
def second(monkeypatch):
    """This process as the second of two, the first of which answers nothing and adds nothing."""
    monkeypatch.setenv("GROUP_RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    for name, value in dict(get_rank=lambda: 1, get_world_size=lambda: 2, broadcast=lambda t, rank: None, all_reduce=lambda t: None).items():
        monkeypatch.setattr(dist, name, value)
    monkeypatch.setattr(distributed.SharedRun, "check_start", lambda run: None)


def test_only_the_first_process_needs_the_run_folder(tmp_path, few_images, second):
    (tmp_path / "file").touch()
    distributed.SharedRun(complete(OPTIONS | dict(data=few_images, out=str(tmp_path / "file" / "run"), quiet=True)), dist.HashStore()).go()
    assert {path.name for path in tmp_path.iterdir()} == {"file", "few.npz"}


def test_images_are_loaded_once_on_a_machine(few_images, second, monkeypatch):
    run, found = distributed.SharedRun.__new__(distributed.SharedRun), []
    run.store, run.options = dist.HashStore(), dict(data=few_images, folder=None)

    def another(sums):
        """What another process does while the first one waits for it."""
        monkeypatch.setenv("LOCAL_RANK", "1")
        monkeypatch.setattr(dist, "all_reduce", lambda sums: None)
        run.options["data"] = "it does not look here"
        found.extend(run.load())

    monkeypatch.setattr(dist, "all_reduce", another)
    for ours, theirs in zip(run.load(), found, strict=True):
        assert torch.equal(ours, theirs) if isinstance(ours, torch.Tensor) else ours == theirs


@pytest.mark.parametrize("change", [dict(epoch=1), dict(batch=2), dict(options=dict(epochs=1, lr=0.1))])
def test_processes_that_begin_different_runs(change):
    store = dist.HashStore()
    run = dict(options=dict(epochs=1, lr=0.02), device="cpu", sizes=[4, 2], batches=SimpleNamespace(n=7), epoch=0, batch=0)
    check = distributed.SharedRun.check_start
    for rank in range(2):
        check(SimpleNamespace(**run, rank=rank, store=store))
    with pytest.raises(OSError, match="do not begin the same run"):
        check(SimpleNamespace(**run | change, rank=1, store=store))


def test_a_full_disk_is_one_clear_error(tmp_path, alone, few_images, capfd):
    import resource
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(SystemExit, match="1"):
            distributed.main_distributed(arguments(data=few_images, out=tmp_path / "run"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "error: no room for the images in " in capfd.readouterr().err


@pytest.fixture
def one_gpu(monkeypatch):
    """A machine with one graphics processor, as far as this process can see; the list of those that it has chosen, and of its backends."""
    seen, init = [], dist.init_process_group
    for name, value in dict(is_available=lambda: True, device_count=lambda: 1, set_device=seen.append).items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(dist, "init_process_group", lambda backend, **options: (seen.append(backend), init("gloo", **options)))
    return seen


@pytest.mark.parametrize("options", [[], ["--measure"]])
def test_more_processes_than_graphics_processors_is_one_clear_error(tmp_path, alone, one_gpu, few_images, monkeypatch, capfd, options):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit, match="2"):
        distributed.main_distributed([*arguments(data=few_images, out=tmp_path / "run"), *options])
    assert "error: --device: 2 processes on this machine, but only 1 of its graphics processors can be used; start fewer" in capfd.readouterr().err
    assert one_gpu == [0, "cpu:gloo,cuda:nccl"]


def test_processes_may_share_a_cpu_beside_too_few_graphics_processors(tmp_path, alone, one_gpu, few_images, monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    options = OPTIONS | dict(data=few_images)
    assert distributed.main_distributed(arguments(**options, out=tmp_path / "run", quiet=True)) == 0
    same_run(tmp_path / "run", *train(**options, quiet=True))


@pytest.mark.parametrize("options, status, problem", [(["--hidden=0"], 2, "--hidden: must be a whole number"),
                                                      (["--resume"], 2, "--resume: needs the folder")])
def test_it_does_not_measure_what_makes_no_sense(alone, capfd, options, status, problem):
    with pytest.raises(SystemExit, match=str(status)):
        distributed.main_distributed(["--measure", *options])
    assert f"error: {problem}" in capfd.readouterr().err


@pytest.mark.slow
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
