"""Measure minibatch_lib beside what one would use instead: `run.py` for everything, `run.py epoch --threads 1` for a part."""
import argparse
from statistics import median

import harness

TRAINERS = ["ours", "torch_eager", "torch_our_loader", "torch_compile", "jax_step", "jax_scan", "sklearn_mlp", "numpy_slices", "floor"]
NARROW = dict(rows=50_000, sizes=[784, 50, 10], batch_size=50, lr=0.1)
WIDE = NARROW | dict(sizes=[784, 512, 512, 10], batch_size=512)
CASES = {
    "epoch": ("Epoch", TRAINERS, NARROW),
    "wide": ("Epoch", TRAINERS, WIDE),
    "full": ("FullBatch", ["ours", "torch_eager", "torch_compile", "jax_step", "numpy_slices", "floor"], dict(rows=50_000, sizes=[784, 50, 1])),
    "loader50": ("Loader", ["ours", "torch_eager", "floor"], dict(rows=50_000, batch_size=50)),
    "loader512": ("Loader", ["ours", "torch_eager", "floor"], dict(rows=50_000, batch_size=512)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--peers", nargs="+")
    args = parser.parse_args()
    for name in args.cases:
        kind, peers, options = CASES[name]
        if args.rows:
            options = options | dict(rows=args.rows)
        for threads in args.threads:
            result = harness.compare(name, kind, args.peers or peers, threads, args.rounds, **options)
            print(f"{name}, {threads} thread(s), {result['data']}, {result['check']}")
            steps = -(-options["rows"] // options.get("batch_size", options["rows"]))
            first = median(next(iter(result["seconds"].values())))
            for peer, seconds in result["seconds"].items():
                print(f"  {peer:18} {median(seconds) / steps * 1e6:10.1f} us a step   ours / it {first / median(seconds):6.2f}")


if __name__ == "__main__":
    main()
