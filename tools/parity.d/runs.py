"""Trainings to compare: by wgan-cl, by Keras from the same start, by Keras one step at a time."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import files


class Run:
    """The run folder of a training by wgan-cl, with the data it was trained on."""

    def __init__(self, folder, data):
        self.folder, self.data = pathlib.Path(folder), data
        self.about = json.loads((self.folder / "run.json").read_text())
        self.losses = files.read_log(self.folder / "log.csv")
        self.settings = self.about["settings"]
        self.steps = len(self.losses)
        self.stops = sorted(int(p.stem) for p in self.folder.glob("checkpoints/*.safetensors"))

    def tensors(self, step):
        return files.read_checkpoint(self.folder / f"checkpoints/{step:06d}.safetensors")[0]


def train(program, device, data, folder, settings, stops):
    """Trains to the last of `stops` with a checkpoint at each, and one before the first step."""
    every = 1 if stops == list(range(1, stops[-1] + 1)) else stops[-1]
    first = stops[-1] if every == 1 else stops[0]
    where = ["--device", device] if device else []
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    commands = [["--data", data, "--out", folder, "--steps", first, "--sample-every", stops[-1],
                 "--checkpoint-every", every, *options]]
    commands += [["--resume", folder, "--steps", stop] for stop in stops if stop > first]
    for command in commands:
        line = [program, *where, "train", *map(str, command)]
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"parity: {' '.join(line)}\n{done.stdout}")
    return Run(folder, data)


def one_step_each(run):
    """Every step by Keras from the state wgan-cl had before it: losses, and tensors by step."""
    from wgan import Training
    training = Training(run.settings, files.read_idx(run.data))
    losses, tensors = [], {}
    for step in range(1, run.steps + 1):
        training.load(run.tensors(step - 1), step - 1)
        losses.append(training.train_step())
        tensors[step] = training.tensors()
    return np.array(losses), tensors


def all_steps(run, move=lambda tensor: tensor):
    """The training by Keras from the initial weights of wgan-cl, each tensor moved by `move`:
    losses, and tensors by stop."""
    from wgan import Training
    training = Training(run.settings, files.read_idx(run.data))
    training.load({name: move(tensor) for name, tensor in run.tensors(0).items()}, 0)
    losses, tensors = [], {}
    for step in range(1, run.steps + 1):
        losses.append(training.train_step())
        if step in run.stops:
            tensors[step] = training.tensors()
    return np.array(losses), tensors


STATES_NEAR_BY = 8


def from_states_near_by(run):
    """all_steps, several times, from initial weights moved at random as far as steps.py does."""
    from steps import NEARBY
    for i in range(STATES_NEAR_BY):
        random = np.random.default_rng(i)
        yield all_steps(run, lambda x: (x * (1 + NEARBY * random.uniform(-1, 1, x.shape))).astype(
            np.float32))


def in_another_order(run):
    """all_steps with TensorFlow's other convolutions, which sum in another order.

    TensorFlow chooses them when it is loaded, hence in a process of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = pathlib.Path(folder) / "result.npz"
        order = dict(os.environ, TF_ENABLE_ONEDNN_OPTS="0")
        subprocess.run([sys.executable, "-B", __file__, run.folder, run.data, result],
                       env=order, check=True)
        tensors = {}
        with np.load(result) as arrays:
            for key in arrays.files:
                if key != "losses":
                    step, name = key.split("/")
                    tensors.setdefault(int(step), {})[name] = arrays[key]
            return arrays["losses"], tensors


def main(folder, data, result):
    losses, tensors = all_steps(Run(folder, data))
    named = {f"{step}/{name}": value for step, of_step in tensors.items()
             for name, value in of_step.items()}
    np.savez(result, losses=losses, **named)


if __name__ == "__main__":
    main(*sys.argv[1:])
