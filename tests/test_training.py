"""The command `minibatch_train` as a process of its own."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("minibatch_train")


def run(folder, *args, **env):
    return subprocess.run([COMMAND, *args], cwd=folder, env=os.environ | env, capture_output=True, encoding="utf-8", timeout=120)


def test_trains_and_writes_a_run(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 11 and lines[9].startswith("epoch 10/10  train loss ") and lines[10].startswith("wrote runs")
    folder = tmp_path / "runs" / "fashion_mini"
    history = json.loads((folder / "history.json").read_text())
    assert [record["epoch"] for record in history] == list(range(10))
    assert list(history[0]) == ["epoch", "train_loss", "valid_loss", "metric", "seconds"]
    assert history[-1]["metric"] >= 0.82
    assert (folder / "history.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "config.json").read_text())["lr"] == 0.01


def test_a_finished_run_is_overwritten_only_with_force(tmp_path):
    args = "--epochs=1", "--hidden=4", "--out=a run"
    assert run(tmp_path, *args).returncode == 0
    before = (tmp_path / "a run" / "model.safetensors").read_bytes()
    done = run(tmp_path, *args, "--seed=1")
    assert done.returncode == 2 and "--force" in done.stderr
    assert (tmp_path / "a run" / "model.safetensors").read_bytes() == before
    assert run(tmp_path, *args, "--seed=1", "--force").returncode == 0
    assert (tmp_path / "a run" / "model.safetensors").read_bytes() != before


@pytest.mark.parametrize("args, status, words", [
    (["--data=imagenet"], 2, "--data: must be one of fashion_mini, "),
    (["--lr=-0.1"], 2, "--lr: must be a number greater than 0, got -0.1"),
    (["--epochs=0"], 2, "--epochs: must be a whole number from 1 to 1,000,000, got 0"),
    (["--hidden=99999999999"], 2, "--hidden: must be a whole number from 1 to 1,000,000, got 99999999999"),
    (["--out="], 2, "--out: must be the name of a folder, got ''"),
    (["--out=" + 300 * "x"], 1, "--out: cannot write to"),
    (["--out=a file/run"], 1, "--out: cannot write to"),
    (["--data=mnist", "--folder=nowhere"], 1, "--data: mnist: "),
])
def test_bad_input_costs_one_line(tmp_path, args, status, words):
    (tmp_path / "a file").touch()
    nobody = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")}
    done = run(tmp_path, *args, **nobody, no_proxy="")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("minibatch_train: error: ") and done.stderr.count("\n") == 1
    assert words in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single process")
def test_ctrl_c_ends_it_in_one_line(tmp_path):
    process = subprocess.Popen([COMMAND, "--epochs=10000"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                               env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert process.stdout.readline().startswith("epoch")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "minibatch_train: stopped; nothing was written\n"
    assert not list(tmp_path.iterdir())
