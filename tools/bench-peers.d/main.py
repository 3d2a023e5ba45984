"""bench-peers: times the training step of wgan-cl and of its peers in turn, and compares."""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import sys

import report
import workers
from tables import markdown_table, print_table
from variants import VARIANTS

HERE = pathlib.Path(__file__).resolve().parent

DESCRIPTION = """
Times the training step of wgan-cl against the same step in PyTorch and TensorFlow: same batch,
same threads, everything in single precision. First each variant of each peer is tried (see --list),
then the fastest of each, and its plain form beside it, are measured in pairs: some steps by
wgan-cl, some by the peer, and again, so that a machine that slows down does so for both. Whoever is
not measured is stopped. Before it is timed a variant must show the losses of the others in its
first two steps, which have the same weights and draws.
"""

EPILOGUE = """
The peers run with jemalloc, told to keep its pages, unless the form is plain (Debian has it in
libjemalloc2). torch.compile needs a C++ compiler.
"""


def parse():
    parser = argparse.ArgumentParser(
        prog="bench-peers", description=DESCRIPTION, epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    built = HERE.parent.parent / "build/host/program/wgan-cl"
    default = str(built) if built.exists() else shutil.which("wgan-cl") or str(built)
    cores = len(os.sched_getaffinity(0))
    add = parser.add_argument
    add("--wgan-cl", metavar="PATH", default=default, help="the program [build/..., or in PATH]")
    add("--device", metavar="SEL", help="of wgan-cl, see wgan-cl devices")
    add("--cuda", action="store_true", help="peers on an NVIDIA GPU: PyTorch, TF32 off")
    add("--batch", metavar="N", type=int, default=128, help="[%(default)s]")
    add("--steps", metavar="N", type=int, default=5, help="at a time [%(default)s]")
    add("--rounds", metavar="N", type=int, default=9, help="pairs for each peer [%(default)s]")
    add("--threads", metavar="N", type=int, default=cores, help="[%(default)s]")
    add("--variants", metavar="A,B", help="measure these, do not try all")
    add("--list", action="store_true", help="print the variants and stop")
    add("--json", action="store_true", help="print JSON, for programs")
    add("--markdown", metavar="FILE", help="writes the table there as well")
    add("--only-parse", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.batch, options.steps, options.rounds) < 1:
        parser.error("--batch, --steps and --rounds take a number from 1")
    if not 1 <= options.threads <= cores:
        parser.error(f"--threads takes 1 to {cores} here")
    names = options.variants.split(",") if options.variants else []
    for name in names:
        if name not in VARIANTS:
            parser.error(f"no variant {name}, see --list")
    if not options.list and not shutil.which(options.wgan_cl):
        parser.error(f"--wgan-cl: no program {options.wgan_cl}")
    options.variants = [VARIANTS[name] for name in names]
    return options


def say(text):
    print(f"bench-peers: {text}", file=sys.stderr, flush=True)


def try_variant(variant, options, reference):
    """What a few steps took, or `failure`; and the worker, closed, or None."""
    say(f"trying {variant.name}")
    entry = {"variant": variant.name, "peer": variant.peer, "about": variant.about}
    try:
        with workers.Worker(variant, options.batch, options.threads) as worker:
            workers.check_losses(worker, reference or worker)
            measured = worker.measure(options.steps)
    except workers.Failure as failure:
        return dict(entry, failure=str(failure)), None
    return dict(entry, seconds=workers.median_seconds(measured), faults=measured["faults"],
                gbytes=measured["gbytes"],
                seconds_to_start=worker.about["seconds_to_start"]), worker


def screen(options):
    """Every variant on its own for a few steps, one after the other."""
    screening, reference = [], None
    for variant in VARIANTS.values():
        if variant.cuda == options.cuda:
            entry, worker = try_variant(variant, options, reference)
            screening.append(entry)
            reference = reference or worker
    return screening


def fastest(screening):
    """Of each peer the fastest variant, and its plain form."""
    chosen = []
    for peer in dict.fromkeys(entry["peer"] for entry in screening):
        tried = [e for e in screening if e["peer"] == peer and "failure" not in e]
        if tried:
            chosen.append(VARIANTS[min(tried, key=lambda e: e["seconds"])["variant"]])
        chosen += [VARIANTS[e["variant"]] for e in tried
                   if VARIANTS[e["variant"]].plain and VARIANTS[e["variant"]] not in chosen]
    return chosen


def measure_pair(worker, options, peer_first):
    """wgan-cl and the peer, one right after the other: (result of wgan-cl, seconds of the peer)."""
    def own():
        return workers.run_wgan_cl(options.wgan_cl, options.device, options.batch, options.steps,
                                   options.threads)

    def peer():
        return workers.median_seconds(worker.measure(options.steps))

    if peer_first:
        seconds = peer()
        return own(), seconds
    return own(), peer()


def measure(chosen, options):
    """All pairs: (result of wgan-cl over all its runs, entries of the peers)."""
    with contextlib.ExitStack() as stack:
        running = []
        for variant in chosen:
            say(f"starting {variant.name}")
            worker = stack.enter_context(workers.Worker(variant, options.batch, options.threads))
            running.append(worker)
            workers.check_losses(worker, running[0])
        pairs = {worker: [] for worker in running}
        for i in range(options.rounds):
            for worker in running:
                say(f"round {i + 1} of {options.rounds}: wgan-cl and {worker.variant.name}")
                pairs[worker].append(measure_pair(worker, options, peer_first=i % 2 == 1))
    own = summarize_own([own for all_ in pairs.values() for own, _ in all_])
    peers = [{"variant": worker.variant.name, "version": worker.about["version"],
              "device": worker.about["device"], "about": worker.variant.about,
              "pairs": [(own["seconds_per_step"], seconds) for own, seconds in pairs[worker]]}
             for worker in running]
    return own, [report.summary(entry, own["gflop_per_step"]) for entry in peers]


def summarize_own(results):
    seconds = statistics.median(r["seconds_per_step"] for r in results)
    first = results[0]
    return {"program": first["program"], "device": first["device"], "seconds_per_step": seconds,
            "gflop_per_step": first["gflop_per_step"], "gflops": first["gflop_per_step"] / seconds,
            "peak_gflops": max(r["peak_gflops"] for r in results)}


def print_result(result, about):
    if result["screening"]:
        print_table(report.SCREENING_HEADING, report.screening_rows(result["screening"]))
        print()
    print_table(report.HEADING, report.result_rows(result))
    print(f"\n{about}")


def main():
    options = parse()
    if options.only_parse:
        return
    if options.list:
        print_table(("variant", "peer", "what it is"),
                    [(v.name, v.peer, v.about) for v in VARIANTS.values()])
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])
    # A first run fails now if it must, and leaves the kernels in the driver's cache.
    workers.run_wgan_cl(options.wgan_cl, options.device, options.batch, 1, options.threads)
    screening = [] if options.variants else screen(options)
    chosen = options.variants or fastest(screening)
    if not chosen:
        raise workers.Failure("no variant runs here: " + screening[0]["failure"])
    own, peers = measure(chosen, options)
    settings = {name: getattr(options, name) for name in ("batch", "steps", "rounds", "threads")}
    about = report.conditions(settings, {p["device"] for p in peers if p["device"]})
    result = {"about": about, **settings, "wgan_cl": own, "peers": peers, "screening": screening}
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_result(result, about)
    if options.markdown:
        table = markdown_table(report.HEADING, report.result_rows(result))
        pathlib.Path(options.markdown).write_text(f"{table}\n{about}\n", encoding="utf-8")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench-peers: ended"))
    try:
        main()
    except (OSError, workers.Failure) as error:
        sys.exit(f"bench-peers: {error}")
    except KeyboardInterrupt:
        sys.exit("bench-peers: interrupted")
