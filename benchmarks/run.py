"""Measure minibatch_lib beside what one would use instead: `run.py` everything, `run.py epoch --threads 1` a part of it."""
import argparse
import datetime
import json
import math
import sys
from pathlib import Path
from statistics import median

import harness
import workloads


def show(record):
    """Print the medians of a record and how ours compares."""
    if record["workload"] == "model":
        print(f"\nmodel, {record['case']}: {len(record['facts'])} timings to be predicted, {record['options']['numbers']}", flush=True)
        return
    options, medians = record["options"], {peer: median(seconds) for peer, seconds in record["seconds"].items()}
    stepwise = "batch_size" in options and "accuracy" not in options
    steps = math.ceil(options["rows"] / options["batch_size"]) if stepwise else 1
    print(f"\n{record['workload']}, {record['case']}; threads: {record['threads']}, data: {record['data']}, {options}, {record['check']}")
    for peer, seconds in medians.items():
        label = options.get(peer) or workloads.LABELS.get(peer, peer)
        ratio = f"ours is {medians['ours'] / seconds:6.2f} x" if "ours" in medians else ""
        facts = ", ".join(f"{name} {value:,}" for name, value in record["facts"].get(peer, {}).items())
        print(f"  {label:44}{seconds / steps * 1e6:14,.1f} us{' a step' * stepwise}  {ratio}  {facts}".rstrip(), flush=True)


def show_target(target):
    """Print whether a target is met."""
    bounds = " and ".join(f"{sign} {bound:.3g}" for sign, bound in ((">=", target["at_least"]), ("<=", target["at_most"])) if bound is not None)
    others = f" / {', '.join(target['others'])}" if target["others"] else ""
    print(f"  {'met' if target['met'] else 'NOT MET':9}{target['workload']}, {target['case']}, {target['figure']} of ours{others}, "
          f"threads {target['threads']}: {target['value']:.3g}, should be {bounds}")


def key(record):
    """What tells a record from others: workload, case, threads and, but for the model, options."""
    return record["workload"], record["case"], record["threads"], json.dumps(record["options"] if record["workload"] in workloads.COMPARED else {})


def measure(name, rows, peers, threads, rounds, done):
    """Yield the records of a workload, but for those that are `done`; say which of its cases are left out."""
    if name in workloads.ONCE:
        if name not in {workload for workload, *_ in done}:
            yield from list(workloads.ONCE[name](rounds))
        return
    for n, case in ((n, case) for n in threads for case in workloads.COMPARED[name](rows)):
        if key(dict(workload=case.workload, case=case.case, threads=n, options=case.options)) in done:
            continue
        try:
            yield workloads.measure(case, peers, n, rounds)
        except FileNotFoundError as e:
            print(f"\n{case.workload}, {case.case}: left out ({e})")


def write(path, records, rounds):
    """Write the records and what follows from them to a JSON file."""
    results = dict(machine=harness.machine(), versions=harness.versions(), date=str(datetime.date.today()), rounds=rounds, labels=workloads.LABELS,
                   records=records, exponents=workloads.exponents(records), targets=workloads.judge(records))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def begun(part, rounds):
    """The records of a run that was cut short today on this machine, with these versions and as many turns."""
    if not part.exists():
        return []
    found = json.loads(part.read_text(encoding="utf-8"))
    same = (harness.machine(), harness.versions(), str(datetime.date.today()), rounds)
    return found["records"] if (found["machine"], found["versions"], found["date"], found["rounds"]) == same else []


def main(argv=None):
    names = [*workloads.COMPARED, *workloads.ONCE]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", nargs="*", help=f"{', '.join(names)} (default: all; with --quick {', '.join(workloads.QUICK)})")
    parser.add_argument("--threads", type=int, nargs="+", help="numbers of threads (default: 1 2; with --quick 1)")
    parser.add_argument("--peers", nargs="+", help="leave out all but these (default: all; with --quick all but torch_compile)")
    parser.add_argument("--rounds", type=int, default=5, help="how often everyone takes a turn (default: 5)")
    parser.add_argument("--rows", type=int, help="rows of data (default: 50,000; with --quick 5,000)")
    parser.add_argument("--quick", action="store_true", help="less of everything, in under 90 seconds")
    parser.add_argument("--out", type=Path, help="write the results to this JSON file, or into this folder; what was cut short goes on")
    args = parser.parse_args(argv)
    chosen = args.workload or (workloads.QUICK if args.quick else names)
    if unknown := set(chosen) - set(names):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; choose from {', '.join(names)}")
    peers = args.peers or (workloads.QUICK_PEERS if args.quick else None)
    rows, threads = args.rows or (5_000 if args.quick else 50_000), args.threads or ([1] if args.quick else [1, 2])
    out = args.out / harness.file_name() if args.out and args.out.suffix != ".json" else args.out
    part = out and out.with_suffix(".part")
    records = begun(part, args.rounds) if out else []
    for record in records:
        show(record)
    for name in chosen:
        for record in measure(name, rows, peers, threads, args.rounds, set(map(key, records))):
            show(record)
            records.append(record)
            if out:  # after each, so that nothing is lost if a later one fails
                write(part, records, args.rounds)
    if out:
        write(out, records, args.rounds)
        part.unlink()
    print("\ntargets")
    for target in workloads.judge(records):
        show_target(target)


if __name__ == "__main__":
    try:
        main()
    except ModuleNotFoundError as e:
        sys.exit(f"{e}: `make bench` installs what all peers need; --peers leaves some out")
    except harness.Disagreement as e:
        sys.exit(f"not the same work: {e}")
