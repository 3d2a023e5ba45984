"""A training by Keras alone, for as long as one likes: beside a run of wgan-cl, from the same
weights, batches and noise. What it saves, `wgan-cl import` takes.

    DIR/run.json        settings and data; going on with others is refused
    DIR/log.csv         the losses of every step
    DIR/000200/...      the three models after so many steps, as Keras saves them
"""
import json
import shutil
import signal
import sys
import time

import files
import runs

COLUMNS = ("step", "d_loss_real", "d_loss_fake", "g_loss", "seconds")


class Log:
    """log.csv, of which the rows of the first `step` steps are kept."""

    def __init__(self, path, step):
        lines = path.read_text("ascii").splitlines()[:1 + step] if step else [",".join(COLUMNS)]
        if len(lines) != 1 + step:
            raise ValueError(f"{path}: has {len(lines) - 1} steps, expected {step} or more")
        path.write_text("".join(line + "\n" for line in lines), "ascii")
        self.seconds = float(lines[-1].split(",")[-1]) if step else 0.0
        self.file = open(path, "a", encoding="ascii", buffering=1)

    def add(self, step, losses, seconds):
        self.seconds += seconds
        losses = ",".join(f"{loss:.9g}" for loss in losses)
        self.file.write(f"{step},{losses},{self.seconds:.3f}\n")


class Stop:
    """Whether Ctrl-C or SIGTERM asked to save and end; a second one kills."""

    def __init__(self):
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.ask)

    def ask(self, number, _):
        self.asked = True
        signal.signal(number, signal.SIG_DFL)


def saved_steps(folder):
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit() and p.is_dir())


def save(training, folder):
    """A folder under its name holds all three models."""
    new = folder / "new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    training.save(new)
    shutil.rmtree(folder / f"{training.step:06d}", ignore_errors=True)
    new.rename(folder / f"{training.step:06d}")


def check_settings(folder, about):
    """Writes them down, or compares them with what is there."""
    path = folder / "run.json"
    if not path.exists():
        path.write_text(json.dumps(about, indent=2) + "\n", "ascii")
    elif json.loads(path.read_text("ascii")) != about:
        sys.exit(f"parity: {path} names other settings or data than asked for: {about}")


def start(options, settings, data, folder):
    """The training as it was left in the folder, or with the initial weights of wgan-cl."""
    from wgan import Training
    training = Training(settings, files.read_idx(data))
    steps = saved_steps(folder)
    if steps:
        training.restore(folder / f"{steps[-1]:06d}")
        return training
    first = folder / "first"
    shutil.rmtree(first, ignore_errors=True)
    run = runs.train(options.wgan_cl, options.device, data, first, settings, [1])
    training.load(run.tensors(0), 0)
    shutil.rmtree(first)
    return training


def train(options, settings, data, folder):
    """Goes on up to options.train steps, saving every options.every and at the end."""
    check_settings(folder, {"settings": settings, "data": data})
    stop = Stop()
    training = start(options, settings, data, folder)
    log = Log(folder / "log.csv", training.step)
    while training.step < options.train and not stop.asked:
        began = time.monotonic()
        losses = training.train_step()
        log.add(training.step, losses, time.monotonic() - began)
        if training.step % options.every == 0:
            save(training, folder)
        print(f"step {training.step} of {options.train}: " + ", ".join(
            f"{name} {loss:.6g}" for name, loss in zip(COLUMNS[1:], losses))
            + f", {log.seconds:.0f} s", flush=True)
    if training.step % options.every:
        save(training, folder)
    print(f"{folder}/{training.step:06d}")
