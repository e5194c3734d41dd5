"""The commands `minibatch_train`, `minibatch_eval` and `minibatch_predict`: as processes of their own where that matters."""
import io
import json
import multiprocessing
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minibatch_lib import commands, inside, runs, training
from minibatch_lib.data import get_data

MAINS = dict(minibatch_train="main_train", minibatch_eval="main_eval", minibatch_predict="main_predict")
NO_NETWORK = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https")} | {"no_proxy": ""}
FILES = {"checkpoint-before.safetensors", "checkpoint.safetensors", "config.json", "confusion.png", "history.csv", "history.json",
         "history.png", "model.safetensors", "worst.png"}


def program(name, *args):
    """What the script of a command does."""
    return [sys.executable, "-c", f"import sys; from minibatch_lib.commands import {MAINS[name]} as main; sys.exit(main())", *map(str, args)]


def command(name, folder, *args, **kwargs):
    """Run a command to its end in a folder, as a process."""
    return subprocess.run(program(name, *args), cwd=folder, capture_output=True, encoding="utf-8", timeout=240, **kwargs)


def call(name, folder, *args):
    """Run a command in this process, which saves the time of importing torch."""
    main = getattr(commands, MAINS[name])
    with chdir(folder), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as error:
        try:
            status = main([str(arg) for arg in args])
        except SystemExit as e:
            status = e.code
    return subprocess.CompletedProcess([name, *args], status, out.getvalue(), error.getvalue())


def run(folder, *args):
    """Run minibatch_train in this process."""
    return call("minibatch_train", folder, *args)


def start(folder, *args):
    """Start minibatch_train in a folder."""
    return subprocess.Popen(program("minibatch_train", *args), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def weights(folder):
    """The file of the model of a run, every byte of it."""
    return (folder / "model.safetensors").read_bytes()


def history(folder):
    """The history of a run but for its seconds."""
    records = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def is_one_line(done, status, *words):
    """Whether a command ended as it should after bad input: one line that says what is wrong, and nothing else."""
    assert done.returncode == status, done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a short finished run."""
    folder = tmp_path_factory.mktemp("finished")
    done = run(folder, "--epochs=2", "--hidden=20", "--out=run", "--quiet")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return folder / "run"


@pytest.fixture
def picture(tmp_path):
    """An image of trousers, as a PNG file."""
    pixels = (get_data().x_valid[0] * 255).byte().reshape(28, 28).numpy()
    Image.fromarray(pixels).save(tmp_path / "trousers.png")
    return tmp_path / "trousers.png"


def test_trains_and_writes_a_run(tmp_path):
    done = command("minibatch_train", tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 11 and lines[9].startswith("epoch 10/10  train loss ") and lines[10].startswith("wrote runs")
    folder = tmp_path / "runs" / "fashion_mini"
    assert {path.name for path in folder.iterdir()} == FILES
    records = json.loads((folder / "history.json").read_text())
    assert [record["epoch"] for record in records] == list(range(10))
    assert list(records[0]) == ["epoch", "train_loss", "valid_loss", "metric", "seconds"]
    assert records[-1]["metric"] >= 0.85
    for name in ("history", "confusion", "worst"):
        assert Image.open(folder / f"{name}.png").format == "PNG"
    assert json.loads((folder / "config.json").read_text())["lr"] == 0.02
    measured = command("minibatch_eval", tmp_path, folder, "--json")
    assert json.loads(measured.stdout)["accuracy"] == pytest.approx(records[-1]["metric"])


def test_a_finished_run_is_overwritten_only_with_force(tmp_path):
    args = "--epochs=1", "--hidden=4", "--out=a run"
    assert run(tmp_path, *args).returncode == 0
    before = weights(tmp_path / "a run")
    done = run(tmp_path, *args, "--seed=1")
    assert done.returncode == 2 and "--force" in done.stderr
    assert weights(tmp_path / "a run") == before
    assert run(tmp_path, *args, "--seed=1", "--force").returncode == 0
    assert weights(tmp_path / "a run") != before


class Killed(BaseException):
    """Ends a command at once, as SIGKILL would."""


def kill_at(monkeypatch, owner, name, nth=1):
    """Let the nth call of a function end everything."""
    calls, original = iter(range(1, 1000)), getattr(owner, name)

    def call(*args, **kwargs):
        if next(calls) == nth:
            raise Killed
        return original(*args, **kwargs)
    monkeypatch.setattr(owner, name, call)


SMALL = ["--epochs=1", "--hidden=4", "--batch-size=500", "--out=run"]


@pytest.mark.slow
@pytest.mark.parametrize("name, nth", [("Path.unlink", 2), ("Path.unlink", 4), ("Run.train", 1)])
def test_an_overwritten_run_never_comes_back(tmp_path, finished, monkeypatch, name, nth):
    shutil.copytree(finished, tmp_path / "run")
    owner, function = dict(Path=runs.Path, Run=training.Run)[name.split(".")[0]], name.split(".")[1]
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_at(patched, owner, function, nth)
        run(tmp_path, *SMALL, "--seed=5", "--force")
    if name == "Run.train":
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]
        is_one_line(call("minibatch_eval", tmp_path, "run"), 1, "go on with it: minibatch_train --resume --out run")
    done = run(tmp_path, "--resume", "--out=run")
    assert done.returncode == 0 and done.stdout.startswith("nothing to go on with in run: a run on fashion_mini begins"), done.stderr
    assert all("is no checkpoint of this run" in line for line in done.stderr.splitlines())
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["seed"], config["hidden"], len(history(tmp_path / "run"))) == (5, [4], 1)
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


@pytest.mark.parametrize("args", [["--data=mnist", "--folder=nowhere"], ["--device=mps", "--dtype=float64"], ["--hidden=99999,99999"]])
def test_a_run_that_cannot_begin_costs_nothing(tmp_path, finished, monkeypatch, args):
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(finished, tmp_path / "run")
    assert run(tmp_path, *args, "--out=run", "--force").returncode in (1, 2)
    for path in finished.iterdir():
        assert (tmp_path / "run" / path.name).read_bytes() == path.read_bytes()


def test_files_of_others_stay_in_the_run_folder(tmp_path):
    others = {".new-photos", ".film.part", "notes.txt"}
    (tmp_path / ".new-photos").mkdir()
    for name in (".film.part", "notes.txt", ".checkpoint.safetensors.1-2.part"):
        (tmp_path / name).touch()
    done = run(tmp_path, *SMALL[:-1], "--out=.")
    assert done.stdout.splitlines()[-1] == f"wrote .: {', '.join(sorted(FILES))}"
    assert {path.name for path in tmp_path.iterdir()} == FILES | others


@pytest.mark.parametrize("args, status, words", [
    (["--data=imagenet"], 2, "--data: must be one of fashion_mini, "),
    (["--lr=-0.1"], 2, "--lr: must be a number greater than 0, got -0.1"),
    (["--epochs=0"], 2, "--epochs: must be a whole number from 1 to 1,000,000, got 0"),
    (["--hidden=99999999999"], 2, "--hidden: must be a whole number from 1 to 1,000,000, got 99999999999"),
    (["--out="], 2, "--out: must be the name of a folder, got ''"),
    (["--out=" + 300 * "x"], 1, "--out: cannot write to"),
    (["--out=a file/run"], 1, "--out: cannot write to"),
    (["--data=mnist", "--folder=nowhere"], 1, "--data: mnist: "),
    (["--device=mps", "--dtype=float64"], 1, "--device: mps is not there"),
])
def test_bad_input_costs_one_line(tmp_path, monkeypatch, args, status, words):
    (tmp_path / "a file").touch()
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    is_one_line(run(tmp_path, *args), status, "minibatch_train: error: ", words)
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is a thing of Linux")
@pytest.mark.parametrize("name, args", [("minibatch_train", ["--epochs=1", "--hidden=4", "--out=new"]), ("minibatch_eval", ["run"])])
def test_a_full_disk_behind_the_output_costs_one_line(tmp_path, finished, name, args):
    (tmp_path / "run").symlink_to(finished)
    with open("/dev/full", "w") as full:
        done = subprocess.run(program(name, *args), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=240)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "No space left on device" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="closes a file descriptor as a shell does")
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_without_an_output(tmp_path, finished, closed):
    (tmp_path / "run").symlink_to(finished)
    for args in (program("minibatch_train", "--epochs=1", "--hidden=4", "--out=new"), program("minibatch_eval", "run")):
        done = subprocess.run(["sh", "-c", f"{shlex.join(args)} {closed}"], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=240)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_full_disk_costs_one_line_and_leaves_nothing_half_written(tmp_path):
    limited = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " \
              "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); from minibatch_lib.commands import main_train; main_train()"
    pytest.importorskip("resource")
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # its record would not fit either
    done = subprocess.run([sys.executable, "-c", limited, "--epochs=1", "--out=run"], cwd=tmp_path, capture_output=True, encoding="utf-8",
                          timeout=240, env=unmeasured)
    is_one_line(done, 1, "--out: cannot write to run (File too large)")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


def wait_until(condition, process):
    """Wait until a condition holds or a process ends."""
    while not condition() and process.poll() is None:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single process")
def test_ctrl_c_finishes_the_step_and_the_run_goes_on(tmp_path):
    args = "--epochs=12", "--batch-size=20", "--hidden=8"
    process = start(tmp_path, *args)
    assert process.stdout.readline().startswith("epoch")
    time.sleep(random.Random(1).random() / 10)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.startswith("minibatch_train: stopped ") and error.endswith("; go on with: minibatch_train --resume --out runs/fashion_mini\n")
    assert error.count("\n") == 1
    assert {path.name for path in (tmp_path / "runs" / "fashion_mini").iterdir()} <= FILES - {"model.safetensors"}
    is_one_line(call("minibatch_eval", tmp_path, "runs/fashion_mini"), 1, "holds no finished run; go on with it: minibatch_train --resume")
    is_one_line(run(tmp_path, *args), 2, "holds a run that was stopped; go on with --resume")
    done = run(tmp_path, "--resume", "--out=runs/fashion_mini")
    assert done.returncode == 0 and done.stdout.splitlines()[-2].startswith("epoch 12/12"), done.stderr
    assert run(tmp_path, *args, "--out=whole").returncode == 0
    assert weights(tmp_path / "runs" / "fashion_mini") == weights(tmp_path / "whole")
    assert history(tmp_path / "runs" / "fashion_mini") == history(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_as_if_it_had_not_been(tmp_path):
    args = "--epochs=12", "--hidden=8", "--quiet"
    assert run(tmp_path, *args, "--out=whole").returncode == 0
    rng, folder, n_killed = random.Random(2), tmp_path / "run", 0
    for _ in range(10):  # each time from where the last one got to
        process = start(tmp_path, *args, "--out=run", "--resume")
        before = os.stat(folder / "checkpoint.safetensors").st_mtime_ns if (folder / "checkpoint.safetensors").exists() else 0
        wait_until(lambda: (folder / "checkpoint.safetensors").exists() and os.stat(folder / "checkpoint.safetensors").st_mtime_ns != before, process)
        time.sleep(rng.random() / 20)
        process.kill()
        process.communicate()
        n_killed += process.returncode == -signal.SIGKILL
    done = run(tmp_path, "--resume", "--out=run")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert n_killed >= 3, "the runs ended before they could be killed"
    assert {path.name for path in folder.iterdir()} == FILES
    assert weights(folder) == weights(tmp_path / "whole")
    assert history(folder) == history(tmp_path / "whole")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named(tmp_path):
    assert run(tmp_path, "--epochs=2", "--hidden=4", "--out=run").returncode == 0
    before = weights(tmp_path / "run")
    newest = tmp_path / "run" / "checkpoint.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    done = run(tmp_path, "--resume", "--out=run", "--quiet")
    assert done.returncode == 0
    assert done.stderr.startswith(os.path.join("run", "checkpoint.safetensors") + " is left out: ") and done.stderr.count("\n") == 1
    assert weights(tmp_path / "run") == before


def test_what_is_no_checkpoint_of_the_run_is_named(tmp_path, finished):
    shutil.copytree(finished, tmp_path / "run")
    before = weights(finished)
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(before)
    done = run(tmp_path, "--resume", "--out=run", "--quiet")
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    assert os.path.join("run", "checkpoint.safetensors") + " is left out: it is no checkpoint of this run" in done.stderr
    assert weights(tmp_path / "run") == before


def test_other_images_cannot_go_on(tmp_path):
    x, y = np.arange(240, dtype=np.uint8).reshape(20, 3, 4), np.arange(20) % 2
    np.savez(tmp_path / "own.npz", x=x, y=y)
    assert run(tmp_path, "--data=own.npz", *SMALL).returncode == 0
    for changed in (dict(x=x[::-1], y=y), dict(x=x, y=y[::-1])):
        np.savez(tmp_path / "own.npz", **changed)
        is_one_line(run(tmp_path, "--resume", "--out=run"), 2, "--data: the run in run was begun with other images than those that are now in ")


class Impatient(training.Run):
    """Presses Ctrl-C after the fourth step of the second epoch, if an epoch has 6."""
    n = 10

    def is_stopped(self):
        self.n -= 1
        if self.n == 0:
            signal.raise_signal(signal.SIGINT)
        return super().is_stopped()


def test_an_epoch_that_has_begun_is_not_cut_short(tmp_path):
    with pytest.raises(KeyboardInterrupt, match="stopped in epoch 2 after step 4 of 6"):
        training.train_run(dict(epochs=3, hidden=4, batch_size=1000, out=tmp_path / "run", quiet=True), Impatient)
    is_one_line(run(tmp_path, "--resume", "--out=run", "--epochs=1"), 2, "--epochs: the run in run has begun epoch 2 already")


def test_ctrl_c_while_the_files_are_written(tmp_path, monkeypatch):
    def finish(run):
        raise KeyboardInterrupt
    monkeypatch.setattr(training.Run, "finish", finish)
    done = run(tmp_path, *SMALL, "--quiet")
    is_one_line(done, 130, "minibatch_train: stopped; go on with: minibatch_train --resume --out run")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_worker_that_dies_costs_one_line(tmp_path, monkeypatch):
    def kill_them(run):
        for worker in multiprocessing.active_children():
            worker.kill()
    monkeypatch.setattr(training.Run, "set_lr", kill_them)  # which is called after each step
    is_one_line(run(tmp_path, *SMALL, "--workers=1", "--quiet"), 1, "--workers: DataLoader worker ", "Go on with --resume.")


def test_the_folder_of_data_sets_is_found_from_anywhere(tmp_path):
    assert run(tmp_path, *SMALL, "--folder=data").returncode == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["folder"] == os.path.join(os.path.realpath(tmp_path), "data")


def test_another_architecture_cannot_go_on(finished):
    for args in (["--hidden=50"], ["--hidden=20,4"], ["--dtype=float64"], ["--backend=torch"]):
        is_one_line(run(finished.parent, "--resume", "--out=run", *args), 2, f"{args[0].split('=')[0]}: the run in run was begun with ")


def test_predicts(finished, picture):
    Image.open(picture).convert("RGBA").resize((300, 200)).save(picture.with_name("large.png"))
    Image.open(picture).save(picture.with_name("photo.JPG"))
    images = [str(picture), "large.png", "photo.JPG"]
    done = command("minibatch_predict", picture.parent, finished, *images)
    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == images
    found = json.loads(call("minibatch_predict", picture.parent, finished, *images, "--json").stdout)
    assert [one["image"] for one in found] == images
    for one in found:
        probabilities = [guess["probability"] for guess in one["top"]]
        assert len(probabilities) == 3 and probabilities == sorted(probabilities, reverse=True)
        assert one["top"][0]["name"] == "Trouser"


def test_what_is_no_image_and_what_is_no_model(finished, picture):
    folder, model = picture.parent, finished / "model.safetensors"
    (folder / "not.png").write_text("not an image")
    (folder / "half.png").write_bytes(picture.read_bytes()[:200])
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    for name in ("not.png", "half.png", "bomb.png", "absent.png", "."):
        is_one_line(call("minibatch_predict", folder, finished, picture, name), 1, "minibatch_predict: error: ", name)
    (folder / "half.safetensors").write_bytes(model.read_bytes()[:-1])
    (folder / "text.safetensors").write_text("hello")
    for name in ("half.safetensors", "text.safetensors", "trousers.png"):
        is_one_line(call("minibatch_predict", folder, name, picture), 1, f"{name} is not a model saved by save_model, or is damaged")
        is_one_line(call("minibatch_eval", folder, name), 1, f"{name} is not a model saved by save_model, or is damaged")
    is_one_line(call("minibatch_eval", folder, finished, "--test"), 1, "--test: fashion_mini has no test images")


def write_images(folder, n_classes, n=6):
    """Write small coloured images, a folder for each class."""
    rng = np.random.default_rng(0)
    for i in range(n_classes):
        (folder / f"class {i}").mkdir(parents=True)
        for j in range(n):
            pixels = rng.integers(0, 100, (12, 10, 3), np.uint8)
            pixels[..., i % 3] += 150
            Image.fromarray(pixels).save(folder / f"class {i}" / f"{j}.png")


def test_images_of_ones_own(tmp_path):
    write_images(tmp_path / "own", 3)
    done = run(tmp_path, "--data=own", "--epochs=8", "--batch-size=4")
    assert done.returncode == 0, done.stderr
    assert history(tmp_path / "runs" / "own")[-1]["metric"] == 1
    done = call("minibatch_predict", tmp_path, "runs/own", "own/class 1/0.png")
    assert done.stdout.startswith(f"{Path('own/class 1/0.png')}: class 1 ")
    assert call("minibatch_eval", tmp_path, "runs/own").stdout.startswith("accuracy 1.0000, ")
    write_images(tmp_path / "others", 4)
    is_one_line(call("minibatch_eval", tmp_path, "runs/own", "--data=others"), 2, "--data: the model knows 3 classes", "others has 4")
    is_one_line(call("minibatch_eval", tmp_path, "runs/own", "--test"), 2, "--test: ", "has no test images")
    (tmp_path / "own" / "empty").mkdir()
    is_one_line(run(tmp_path, "--data=own", "--out=new"), 1, "empty is empty")
    is_one_line(call("minibatch_eval", tmp_path, "runs/own"), 1, "empty is empty")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_names_that_are_no_text(tmp_path):
    write_images(tmp_path / "own", 2)
    os.rename(tmp_path / "own", os.fsencode(tmp_path / "own") + b"\xff")
    os.rename(os.fsencode(tmp_path / "own") + b"\xff/class 1", os.fsencode(tmp_path / "own") + b"\xff/\xfe")
    done = run(tmp_path, "--data=own\udcff", *SMALL)
    assert done.returncode == 0, done.stderr
    assert run(tmp_path, "--resume", "--out=run").returncode == 0
    measured = call("minibatch_eval", tmp_path, "run", "--json")
    assert [row["name"] for row in json.loads(measured.stdout)["per_class"]] == ["class 0", "\udcfe"]
    done = call("minibatch_predict", tmp_path, "run", "own\udcff/\udcfe/0.png")
    assert done.stdout.startswith("own?/?/0.png: ") and done.stdout.isprintable() is False and done.stdout.count("\n") == 1


def test_an_npz_file_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, (40, 6, 6), np.uint8)
    y = np.arange(40) % 2
    np.savez(tmp_path / "own.npz", x=x + (100 * y).astype(np.uint8)[:, None, None], y=y)
    done = run(tmp_path, "--data=own.npz", "--epochs=5", "--batch-size=4", "--hidden=4")
    assert done.returncode == 0, done.stderr
    assert history(tmp_path / "runs" / "own")[-1]["metric"] == 1
    np.savez(tmp_path / "unsafe.npz", x=x, y=np.array([print] * 40))
    is_one_line(run(tmp_path, "--data=unsafe.npz"), 1, "unsafe.npz cannot be used: ", "allow_pickle=False")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_bar_on_a_terminal(tmp_path):
    import pty
    ours, theirs = pty.openpty()
    done = subprocess.Popen(program("minibatch_train", "--epochs=2", "--hidden=4", "--out=run"), cwd=tmp_path, stdout=theirs, stderr=theirs,
                            env=os.environ | {"COLUMNS": "100", "TERM": "xterm"})
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other end was closed
        pass
    os.close(ours)
    assert done.wait(60) == 0
    assert b"step/s" in shown and b"\r" in shown and b"epoch  2/2  train loss" in shown


def clothes_as_bytes(path, n=60, dtype=np.uint8, invert=False):
    """An .npz of shirts and trousers, and a PNG of each beside it."""
    data = get_data()
    rows = [i for i, y in enumerate(data.y_train.tolist()) if y < 2][:n]
    x = (data.x_train[rows] * 255).round().byte().numpy().reshape(-1, 28, 28)
    np.savez(path, x=x.astype(dtype), y=data.y_train[rows].numpy())
    files = [path.with_name(f"{i}.png") for i in range(8)]
    for pixels, file in zip(x, files):
        Image.fromarray(255 - pixels if invert else pixels).save(file)
    return files


@pytest.fixture
def busy(tmp_path):
    """A process that trains in the folder `run`, long enough."""
    process = start(tmp_path, "--epochs=9999", "--hidden=4", "--out=run")
    assert process.stdout.readline().startswith("epoch"), process.stderr.read()
    yield process
    process.kill()
    process.communicate()


def test_one_process_at_a_time_owns_a_run_folder(tmp_path, busy):
    before = json.loads((tmp_path / "run" / "config.json").read_text())
    for args in (["--hidden=5"], ["--force"], ["--resume"], ["--resume", "--force"]):
        is_one_line(run(tmp_path, "--out=run", *args), 1, "--out: another process is training in run; wait until it is done")
    (tmp_path / "other name").symlink_to("run")
    is_one_line(run(tmp_path, "--out=other name", "--force"), 1, "another process is training in other name")
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == before
    assert busy.poll() is None and busy.stdout.readline().startswith("epoch")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_the_lock_of_a_killed_process_blocks_nobody(tmp_path, busy):
    busy.kill()
    busy.communicate()
    assert (tmp_path / "run" / ".lock").exists()
    assert run(tmp_path, *SMALL, "--force").returncode == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_who_comes_second_while_images_are_read_is_refused(tmp_path, monkeypatch):
    original = training.Run.load

    def load(made):  # and meanwhile another run begins and ends here
        monkeypatch.setattr(training.Run, "load", original)
        assert run(tmp_path, *SMALL, "--seed=7").returncode == 0
        return original(made)
    monkeypatch.setattr(training.Run, "load", load)
    is_one_line(run(tmp_path, *SMALL, "--quiet"), 2, "--out: run holds a finished run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["seed"] == 7


def test_what_is_given_is_told_from_what_is_left_out(tmp_path):
    assert run(tmp_path, *SMALL, "--lr=0.5", "--momentum=0").returncode == 0
    is_one_line(run(tmp_path, "--resume", "--out=run", "--lr=0.02"), 2, "--lr: the run in run was begun with 0.5, not 0.02; go on with 0.5")
    with pytest.raises(ValueError, match="momentum: the run in .* was begun with 0.0, not 0.9"):
        training.train(out=tmp_path / "run", resume=True, momentum=0.9)
    assert run(tmp_path, "--resume", "--out=run", "--lr=0.5", "--epochs=2").returncode == 0
    assert len(history(tmp_path / "run")) == 2


def test_a_run_is_known_by_its_images_and_not_by_where_they_are(tmp_path):
    write_images(tmp_path / "one place" / "own", 2)
    assert run(tmp_path, "--data=one place/own", *SMALL).returncode == 0
    (tmp_path / "one place").rename(tmp_path / "another")
    (tmp_path / "run").rename(tmp_path / "another" / "moved")
    is_one_line(run(tmp_path, "--resume", "--out=another/moved"), 2, "--data: must be one of ", "as another/moved/config.json says; give --data anew")
    done = call("minibatch_train", tmp_path / "another" / "own" / "class 0", "--resume", "--out=../../moved", "--data=..", "--epochs=2")
    assert done.returncode == 0, done.stderr
    assert len(history(tmp_path / "another" / "moved")) == 2
    assert call("minibatch_eval", tmp_path, "another/moved").returncode == 0


@pytest.mark.parametrize("backend", ["nonsense", "module://no_such_module", "tkagg"])
def test_an_unusable_backend_costs_nothing(tmp_path, backend):
    done = command("minibatch_train", tmp_path, *SMALL, env=os.environ | {"MPLBACKEND": backend})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_pictures_that_cannot_be_drawn_cost_a_warning(tmp_path, monkeypatch):
    def no_font(*args):
        raise RuntimeError("no font")
    monkeypatch.setattr(training, "draw_confusion", no_font)
    done = run(tmp_path, *SMALL)
    assert done.returncode == 0 and done.stderr == "minibatch_train: warning: pictures cannot be drawn: no font\n"
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {"history.png", "confusion.png", "worst.png"}
    assert run(tmp_path, *SMALL, "--force", "--quiet").stderr == ""


def test_a_disk_that_is_full_at_the_end_can_be_cleared(tmp_path, monkeypatch):
    def full(file):
        raise OSError(28, "No space left on device")
    assert run(tmp_path, *SMALL[:-1], "--out=whole").returncode == 0
    with monkeypatch.context() as patched:
        patched.setattr(runs.ExitStack, "enter_context", lambda stack, context: full(context))
        is_one_line(run(tmp_path, *SMALL, "--quiet"), 1, "--out: cannot write to run (No space left on device); mend that, and go on with --resume")
    assert run(tmp_path, "--resume", "--out=run").returncode == 0
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def denied(monkeypatch, after):
    """Let no file of a run come into place any more after the first ones, as in a folder made read-only meanwhile."""
    original, calls = os.replace, iter(range(1, 1000))

    def replace(source, target):
        if next(calls) > after:
            raise OSError(30, "Read-only file system", str(target))
        return original(source, target)
    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("after, kept", [(1, ["config.json"]), (3, ["checkpoint.safetensors", "config.json"]),
                                         (6, ["checkpoint-before.safetensors", "checkpoint.safetensors", "config.json"])])
def test_a_folder_made_read_only_meanwhile(tmp_path, monkeypatch, after, kept):
    args = "--epochs=3", "--hidden=4", "--batch-size=500"
    assert run(tmp_path, *args, "--out=whole").returncode == 0
    with monkeypatch.context() as patched:
        denied(patched, after)
        is_one_line(run(tmp_path, *args, "--out=run", "--quiet"), 1, "--out: cannot write to run (Read-only file system); mend that, and go on with --resume")
    assert {path.name for path in (tmp_path / "run").iterdir()} <= {*kept, "checkpoint-before.safetensors"}
    assert run(tmp_path, "--resume", "--out=run", "--quiet").returncode == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert weights(tmp_path / "run") == weights(tmp_path / "whole") and history(tmp_path / "run") == history(tmp_path / "whole")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets nobody move a folder with open files")
@pytest.mark.parametrize("what", ["deleted", "a file", "another run"])
def test_a_folder_that_is_another_meanwhile(tmp_path, monkeypatch, what):
    original = training.Run.on_epoch

    def on_epoch(made, record):  # in the midst of the run somebody tidies up
        monkeypatch.setattr(training.Run, "on_epoch", original)
        (tmp_path / "run").rename(tmp_path / "old")
        if what == "a file":
            (tmp_path / "run").touch()
        elif what == "another run":
            assert run(tmp_path, *SMALL, "--seed=7").returncode == 0
        return original(made, record)
    monkeypatch.setattr(training.Run, "on_epoch", on_epoch)
    done = run(tmp_path, "--epochs=3", "--hidden=4", "--batch-size=500", "--out=run", "--quiet")
    is_one_line(done, 1, "--out: run is not the folder of this run any more")
    if what == "another run":
        assert json.loads((tmp_path / "run" / "config.json").read_text())["seed"] == 7 and len(history(tmp_path / "run")) == 1
        assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
        assert call("minibatch_eval", tmp_path, "run").returncode == 0
    assert run(tmp_path, "--resume", "--out=old", "--quiet").returncode == 0
    assert len(history(tmp_path / "old")) == 3


def test_what_a_killed_process_left_half_written_is_swept(tmp_path, finished):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").rename(tmp_path / "run" / ".model.safetensors.77-88.part")
    (tmp_path / "run" / ".run-aside-x").mkdir()
    (tmp_path / "run" / ".run-aside-x" / "half").touch()
    assert run(tmp_path, "--resume", "--out=run").returncode == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert weights(tmp_path / "run") == weights(finished)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_the_same_bytes_give_the_same_answers_whatever_their_type(tmp_path, dtype):
    answers = []
    for name, kind in (("bytes", np.uint8), ("others", dtype)):
        files = clothes_as_bytes(tmp_path / f"{name}.npz", dtype=kind)
        assert run(tmp_path, f"--data={name}.npz", "--epochs=3", "--batch-size=10", "--hidden=4", f"--out={name}").returncode == 0
        answers.append(call("minibatch_predict", tmp_path, name, *files).stdout)
    assert answers[0] == answers[1] and history(tmp_path / "bytes") == history(tmp_path / "others")
    both = "bytes", "others"
    assert len({call("minibatch_eval", tmp_path, one, f"--data={other}.npz", "--json").stdout for one in both for other in both}) == 1


def test_pictures_that_are_dark_on_light_are_noticed(tmp_path, finished):
    files = clothes_as_bytes(tmp_path / "dark.npz", invert=True)
    done = call("minibatch_predict", tmp_path, finished, *files)
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    assert "warning: 8 of 8 images seem to be dark on light" in done.stderr and "--invert" in done.stderr
    inverted = call("minibatch_predict", tmp_path, finished, *files, "--invert")
    files = clothes_as_bytes(tmp_path / "light.npz")
    usual = call("minibatch_predict", tmp_path, finished, *files)
    assert (inverted.stderr, usual.stderr) == ("", "") and inverted.stdout == usual.stdout != done.stdout


def test_python_dash_m(tmp_path):
    def python_m(*args):
        return subprocess.run([sys.executable, "-m", *args], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=240)
    done = python_m("minibatch_lib", "train", *SMALL)
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("wrote run: "), done.stderr
    is_one_line(python_m("minibatch_lib.training", "--epochs=1"), 2, "try python -m minibatch_lib train")
    is_one_line(python_m("minibatch_lib"), 2, "command")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single process")
def test_ctrl_c_in_a_session_gives_back_what_was_trained(tmp_path):
    code = "import os, signal; from minibatch_lib.training import *; " \
           "original = Run.on_epoch; " \
           "Run.on_epoch = lambda run, r: (os.kill(os.getpid(), signal.SIGINT) if run.epoch == 1 else None, original(run, r)); " \
           "signal.signal(signal.SIGINT, signal.default_int_handler); model, history = train(epochs=50, hidden=4, quiet=True); print(len(history), model)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=240)
    assert done.returncode == 0 and done.stdout.startswith("2 Sequential("), done.stderr
    assert "stopped after epoch 2: here is the model as it is, and the history of its 2 whole epochs" in done.stderr


# With --watch

SEEN = {"inside.png", "findings.txt"}
SLOW = "--lr=1e-5", "--hidden=8", "--epochs=2", "--out=run"


def findings(folder):
    """The lines of a run's findings.txt."""
    return (folder / "findings.txt").read_text(encoding="utf-8").splitlines()


def rules(lines):
    """Findings without the steps in which they were seen, which depend on when one looks."""
    return [line.partition(", step ")[0] for line in lines]


def test_a_watched_run_says_what_is_wrong_once(tmp_path):
    done = run(tmp_path, *SLOW, "--watch")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert [line.split()[0].rstrip(",") for line in lines] == ["epoch", "lr_low", "epoch", "wrote"]
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES | SEEN and all(name in lines[-1] for name in SEEN)
    assert rules(findings(tmp_path / "run")) == rules(lines[1:2]) and Image.open(tmp_path / "run" / "inside.png").format == "PNG"
    assert json.loads((tmp_path / "run" / "config.json").read_text())["watch"] is True
    quiet = run(tmp_path, *SLOW, "--watch", "--quiet", "--force")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "") and rules(findings(tmp_path / "run")) == rules(lines[1:2])


@pytest.mark.slow
def test_watching_changes_nothing_and_leaves_nothing_when_off(tmp_path):
    for out, *more in (("plain",), ("watched", "--watch")):
        assert run(tmp_path, "--epochs=3", "--hidden=20", f"--out={out}", *more).returncode == 0
    assert weights(tmp_path / "plain") == weights(tmp_path / "watched")
    assert findings(tmp_path / "watched") == ["nothing was found in 360 steps"]
    assert {path.name for path in (tmp_path / "plain").iterdir()} == FILES
    assert run(tmp_path, "--epochs=1", "--hidden=4", "--out=watched", "--force").returncode == 0
    assert {path.name for path in (tmp_path / "watched").iterdir()} == FILES  # what was seen of an older run is gone


def test_a_run_that_fails_leaves_what_was_seen(tmp_path):
    done = run(tmp_path, "--lr=1e30", "--hidden=8", "--watch", "--out=run")
    assert done.returncode == 1 and "--lr: the loss became" in done.stderr and done.stderr.count("\n") == 1
    assert findings(tmp_path / "run") == done.stdout.splitlines() or findings(tmp_path / "run")[0].startswith("nothing was found in")
    assert (tmp_path / "run" / "inside.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["ours", "torch"])
def test_a_watched_run_that_goes_on(tmp_path, monkeypatch, backend):
    args = *SLOW[:-1], f"--backend={backend}", "--watch"
    assert run(tmp_path, *args, "--out=whole").returncode == 0
    with monkeypatch.context() as patched:
        n = iter(range(1, 1000))
        patched.setattr(training.Run, "is_stopped", lambda made: next(n) == 150)
        assert run(tmp_path, *args, "--out=run").returncode == 130
    assert rules(findings(tmp_path / "run")) == rules(findings(tmp_path / "whole"))
    done = run(tmp_path, "--resume", "--out=run")
    assert done.returncode == 0 and "lr_low" not in done.stdout, done.stdout  # the beginning was seen before
    assert rules(findings(tmp_path / "run")) == rules(findings(tmp_path / "whole")) and weights(tmp_path / "run") == weights(tmp_path / "whole")
    before = findings(tmp_path / "run"), (tmp_path / "run" / "inside.png").read_bytes()
    assert run(tmp_path, "--resume", "--out=run").returncode == 0  # nothing is left to do
    assert (findings(tmp_path / "run"), (tmp_path / "run" / "inside.png").read_bytes()) == before


@pytest.mark.slow
@pytest.mark.parametrize("stop", [30, 1000, 1190])
def test_a_healthy_run_that_goes_on_has_no_finding(tmp_path, monkeypatch, stop):
    with monkeypatch.context() as patched:
        n = iter(range(1, 10_000))
        patched.setattr(training.Run, "is_stopped", lambda made: next(n) == stop)
        assert run(tmp_path, "--watch", "--out=run").returncode == 130
    assert run(tmp_path, "--resume", "--out=run").returncode == 0
    assert findings(tmp_path / "run") == ["nothing was found in 1200 steps"]


@pytest.mark.slow
def test_watching_with_an_unusable_backend(tmp_path):
    done = command("minibatch_train", tmp_path, *SMALL, "--watch", env=os.environ | {"MPLBACKEND": "nonsense"})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES | SEEN


def test_what_was_seen_and_cannot_be_drawn_costs_a_warning(tmp_path, monkeypatch):
    def no_font(*args):
        raise RuntimeError("no font")
    monkeypatch.setattr(inside.watch, "plot", no_font)
    done = run(tmp_path, *SLOW, "--watch")
    assert done.returncode == 0 and done.stderr == "minibatch_train: warning: pictures cannot be drawn: no font\n"
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES | {"findings.txt"}


def test_train_knows_nothing_of_watching(tmp_path):
    with pytest.raises(TypeError, match="watch"):
        training.train(watch=True)

    class Told(training.Callback):
        def __init__(self): self.calls = []
        def on_start(self, run): self.calls.append(("start", run.epoch, run.batch))
        def on_batch(self, epoch, batch, loss): self.calls.append((epoch, batch))
        def on_epoch(self, record): self.calls.append(record.epoch)
        def on_end(self, run): self.calls.append(("end", run.epoch))
    told = Told()
    training.train(epochs=2, hidden=4, batch_size=3000, quiet=True, callback=told)
    assert told.calls == [("start", 0, 0), (0, 0), (0, 1), 0, (1, 0), (1, 1), 1, ("end", 2)]
    failed = Told()
    with pytest.raises(FloatingPointError):
        training.train(lr=1e30, hidden=4, quiet=True, callback=failed)
    assert failed.calls[-1] == ("end", 0)
