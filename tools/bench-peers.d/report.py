"""Results as the rows of tables."""
import datetime
import statistics

from tables import processor

SCREENING_HEADING = ("variant", "seconds per step", "page faults", "memory", "start", "what it is")


def screening_rows(screening):
    """Fastest first, the failed last."""
    for entry in sorted(screening, key=lambda e: e.get("seconds", float("inf"))):
        if "failure" in entry:
            yield entry["variant"], "failed", "", "", "", entry["failure"][:200]
        else:
            yield (entry["variant"], f"{entry['seconds']:.4f}", f"{entry['faults']:.0f}",
                   f"{entry['gbytes']:.1f} GB", f"{entry['seconds_to_start']:.0f} s",
                   entry["about"])


def summary(entry, gflop):
    """Medians over the pairs of (seconds of wgan-cl, seconds of the peer)."""
    seconds = statistics.median(peer for _, peer in entry["pairs"])
    ratios = [peer / own for own, peer in entry["pairs"]]
    return dict(entry, seconds_per_step=seconds, gflops=gflop / seconds,
                ratio=statistics.median(ratios), ratio_min=min(ratios), ratio_max=max(ratios))


HEADING = ("program", "how", "seconds per step", "GFLOP/s", "time, wgan-cl = 1", "lowest, highest")


def result_rows(result):
    """wgan-cl, then the peers, fastest first."""
    own = result["wgan_cl"]
    yield (f"wgan-cl {own['program']}", own["device"], f"{own['seconds_per_step']:.4f}",
           f"{own['gflops']:.1f}", "1", "")
    for entry in sorted(result["peers"], key=lambda e: e["seconds_per_step"]):
        yield (entry["version"], entry["about"], f"{entry['seconds_per_step']:.4f}",
               f"{entry['gflops']:.1f}", f"{entry['ratio']:.2f}",
               f"{entry['ratio_min']:.2f}, {entry['ratio_max']:.2f}")


def conditions(settings, devices):
    """On what and how it was measured; `devices` are those of the peers, other than the CPU."""
    where = " and ".join(filter(None, (processor(), *sorted(devices))))
    return (f"Batch {settings['batch']}, single precision, {settings['threads']} thread"
            f"{'s' if settings['threads'] > 1 else ''} on "
            f"{where}; {settings['rounds']} pairs of {settings['steps']} steps each, wgan-cl and "
            f"peer in turn, medians; the ratio is taken pair by pair. "
            f"Measured {datetime.date.today()}.")
