"""Two processes of one thread that train together, beside one that trains alone: samples per second, measured and predicted."""
import json
import os
import subprocess
import sys
import tempfile

from minibatch_lib.distributed import efficiency, fit_link

WANTED = 1.7  # times the samples per second of one process


def measure(processes=2, rows=2048, hidden=(512, 512)):
    """Best of five in one run, in turn: one process, several without a message between them, and several that train together."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}",
               "-m", "minibatch_lib.distributed", "--measure", f"--hidden={','.join(map(str, hidden))}", f"--batch-size={processes * rows}"]
    with tempfile.TemporaryDirectory() as folder:  # torchrun leaves its notes there
        env = os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": folder}
        found = json.loads(subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True, timeout=600).stdout)
    sizes, best = found["sizes"], {way: min(found[way]) for way in ("alone", "apart", "together")}
    n_bytes = 4 * sum(i * j + j for i, j in zip(sizes, sizes[1:]))
    link = fit_link(*zip(*found["all_reduce"]), processes)
    samples = {way: rows * (1 if way == "alone" else processes) / seconds for way, seconds in best.items()}
    predicted = samples["apart"] * efficiency(best["apart"], n_bytes, processes, link)
    ratio = samples["together"] / samples["alone"]
    return {"processes": processes, "rows": rows, "sizes": sizes, "seconds": {way: found[way] for way in best},
            "samples_per_second": samples, "ratio": ratio, "ratio_apart": samples["apart"] / samples["alone"],
            "predicted_ratio": float(predicted / samples["alone"]), "prediction_error": float(predicted / samples["together"] - 1),
            "latency": link.latency, "bandwidth": link.bandwidth, "wanted_ratio": WANTED, "met": ratio >= WANTED}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
