"""Keras' model files against Keras itself: what wgan-cl exports, a Keras opens and trains on, and
what that Keras saves, wgan-cl imports and trains on.

Run by `tools/parity --files` once with tf.keras 2.15 and, with --keras3, once with Keras 3.

Exit code 0 if every bound holds. The bounds:

    images, scores  1e-5 absolute. Images are in (-1, 1), and the sums behind an element have at
                    most 4096 terms: float32 rounding is some 1e-6.
    losses          1e-5 absolute, for the same reason.
    updates         a fifth of the learning rate. A weight's update is lr * g / sqrt(v + 1e-7);
                    with accumulators that begin at 0 it would be lr * sqrt(10) for most weights
                    instead of some lr, so that a lost state shows as an error of two lr.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np

import files
import philox

STREAM_SAMPLES = 4
NAMES = ("Generator", "Discriminator", "Adversarial")
BATCH, STEPS, SEED, CLIP, LR = 8, 20, 3, 0.01, 1e-4
SETTINGS = [f"--batch={BATCH}", f"--seed={SEED}", f"--clip={CLIP}"]


def load_for_training(keras, path):
    """As README.md gives it."""
    model = keras.models.load_model(path, compile=False)
    with h5py.File(path) as file:
        settings = json.loads(file.attrs["training_config"])["optimizer_config"]["config"]
        saved = file["optimizer_weights"]
        iteration, *velocities = [saved[name][()] for name in saved.attrs["weight_names"]]
    optimizer = keras.optimizers.RMSprop(settings["learning_rate"])
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(iteration)
    for variable, value in zip(optimizer.variables[-len(velocities):], velocities):
        variable.assign(value)
    model.compile(optimizer, loss=lambda label, score: label * score)
    return model


class Checks:
    failed = 0

    def within(self, what, got, expected, bound):
        got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
        worst = np.max(np.abs(got - expected)) if got.shape == expected.shape else np.inf
        self.true(f"{what}: differs by {worst:.2e}, at most {bound:.0e}", worst <= bound)

    def true(self, what, truth):
        self.failed += not truth
        print(f"{'ok    ' if truth else 'FAILED'} {what}", flush=True)


def wgan_cl(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def newest(run):
    return files.read_checkpoint(max((run / "checkpoints").glob("*.safetensors")))


def scale(images):
    return (images[..., None] / np.float32(127.5) - 1).astype(np.float32)


def trained_step(critic, adversarial, images, step):
    """One step of the training as README.md has it; the losses."""
    generator = adversarial.get_layer("Generator")
    frozen = adversarial.get_layer("Discriminator")
    real, fake = -np.ones((BATCH, 1), np.float32), np.ones((BATCH, 1), np.float32)

    def noise(stream):
        return philox.noise(SEED, stream, step, 0, (BATCH, 100))

    batch = scale(images[philox.indices(SEED, step, 0, len(images), BATCH)])
    fakes = generator.predict(noise(philox.STREAM_NOISE_CRITIC), verbose=0)
    losses = [critic.train_on_batch(batch, real), critic.train_on_batch(fakes, fake)]
    critic.set_weights([np.clip(w, -CLIP, CLIP) for w in critic.get_weights()])
    frozen.set_weights(critic.get_weights())
    losses.append(adversarial.train_on_batch(noise(philox.STREAM_NOISE_GENERATOR), real))
    return [float(np.ravel(loss)[0]) for loss in losses]


def tensors_of(model, prefix, layers):
    """The weights of a model under their names in a checkpoint."""
    found = {}
    for layer, name in zip((one for one in model.layers if one.get_weights()), layers):
        kinds = ("gamma", "beta", "moving_mean", "moving_variance")
        values = layer.get_weights()
        for kind, value in zip(kinds if len(values) == 4 else ("kernel", "bias"), values):
            found[f"{prefix}.{name}.{kind}"] = value
    return found


def state_of(critic, adversarial):
    """Everything a checkpoint holds, from the two models that are trained."""
    generator = adversarial.get_layer("Generator")
    state = tensors_of(generator, "generator",
                       ("dense", "norm0", "conv1", "norm1", "conv2", "norm2", "conv3"))
    state.update(tensors_of(critic, "critic", ("conv1", "conv2", "conv3", "dense")))
    for prefix, model in (("generator.", adversarial), ("critic.", critic)):
        names = [n for n in state if n.startswith(prefix) and ".moving_" not in n]
        variables = model.optimizer.variables[-len(names):]
        state.update({f"rmsprop.{n}": np.array(v) for n, v in zip(names, variables)})
    return state


def check_plain_rmsprop(checks, models, run):
    """tf.keras 2.15 restores the optimizer by itself."""
    tensors, _ = newest(run)
    for name, prefix, updates in (("Adversarial", "generator.", STEPS),
                                  ("Discriminator", "critic.", 2 * STEPS)):
        optimizer = models[name].optimizer
        iteration, *velocities = [v.numpy() for v in optimizer.variables]
        expected = [t for n, t in tensors.items() if n.startswith(f"rmsprop.{prefix}")]
        same = len(velocities) == len(expected) and all(map(np.array_equal, velocities, expected))
        rate = np.float32(optimizer.learning_rate.numpy())
        checks.true(f"RMSprop of {name} by load_model alone",
                    same and iteration == updates and rate == np.float32(LR))


def check_predictions(checks, keras, keras3, program, run, images, work):
    """A plain load_model; the same images, the same scores."""
    models = {name: keras.models.load_model(run / f"{name}.h5") for name in NAMES}
    if not keras3:
        check_plain_rmsprop(checks, models, run)
    wgan_cl(program, "sample", run, "-n", 16, "--seed", 9, "--out", work / "samples.npy")
    z = philox.noise(9, STREAM_SAMPLES, 0, 0, (16, 100))
    drawn = models["Generator"].predict(z, verbose=0)
    checks.within("images", drawn[..., 0], 2 * np.load(work / "samples.npy") - 1, 1e-5)
    checks.within("scores of Adversarial", models["Adversarial"].predict(z, verbose=0),
                  models["Discriminator"].predict(drawn, verbose=0), 1e-5)
    # A batch of one: the loss that is reported before the update is -D(image).
    for seed in (11, 12, 13):
        alone = work / f"alone{seed}"
        wgan_cl(program, "import", run, "--data", work / "data", "--out", alone, "--batch", 1,
                "--seed", seed, "--steps", STEPS)
        wgan_cl(program, "train", "--resume", alone, "--steps", STEPS + 1)
        image = scale(images[philox.indices(seed, STEPS, 0, len(images), 1)])
        checks.within(f"score of an image, seed {seed}",
                      -models["Discriminator"].predict(image, verbose=0)[0, 0],
                      files.read_log(alone / "log.csv")[STEPS, 0], 1e-5)


def check_training(checks, keras3, critic, adversarial, program, run, images):
    """One more step in Keras, and the same one by wgan-cl."""
    losses = trained_step(critic, adversarial, images, STEPS)
    wgan_cl(program, "train", "--resume", run, "--steps", STEPS + 1)
    checks.within("losses of the next step", losses,
                  files.read_log(run / "log.csv")[STEPS], 1e-5)
    tensors, _ = newest(run)
    state = state_of(critic, adversarial)
    checks.true("the same tensors", set(state) == set(tensors))
    for kind in ("generator.", "critic."):
        names = [n for n in state if n.startswith(kind) and ".moving_" not in n]
        worst = max(np.max(np.abs(state[n] - tensors[n])) for n in names)
        checks.within(f"weights of the {kind[:-1]} after it", worst, 0, LR / 5)
    if not keras3:  # which takes the biased variance of a batch, tf.keras 2.15 the unbiased one
        names = [n for n in state if ".moving_" in n]
        worst = max(np.max(np.abs(state[n] - tensors[n])) for n in names)
        checks.within("moving statistics after it", worst, 0, 1e-5)


def check_import(checks, keras, critic, adversarial, program, work):
    """What Keras saves comes back bit for bit, and goes on."""
    saved = work / "saved"
    saved.mkdir()
    adversarial.get_layer("Generator").save(saved / "Generator.h5")
    critic.save(saved / "Discriminator.h5")
    adversarial.save(saved / "Adversarial.h5")
    back = work / "back"
    wgan_cl(program, "import", saved, "--data", work / "data", "--out", back, *SETTINGS)
    tensors, metadata = newest(back)
    state = state_of(critic, adversarial)
    same = set(state) == set(tensors) and all(np.array_equal(state[n], tensors[n]) for n in state)
    checks.true("an import of what Keras saved, bit for bit", same)
    settings = json.loads(metadata["settings"])
    checks.true("its step and learning rates", metadata["step"] == str(STEPS + 1)
                and np.float32(settings["lr_critic"]) == np.float32(LR)
                and np.float32(settings["lr_generator"]) == np.float32(LR))
    wgan_cl(program, "train", "--resume", back, "--steps", STEPS + 2)
    images = files.read_idx(work / "data")
    losses = trained_step(critic, adversarial, images, STEPS + 1)
    checks.within("losses of the step after it", losses,
                  files.read_log(back / "log.csv")[STEPS + 1], 1e-5)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program", help="wgan-cl")
    parser.add_argument("--keras3", action="store_true", help="the module keras, not tf.keras")
    arguments = parser.parse_args()
    if arguments.keras3:
        import keras
        print(f"keras {keras.__version__} on {keras.backend.backend()}")
    else:
        from tensorflow import __version__, keras
        print(f"tf.keras {__version__}")
    program, checks = os.path.abspath(arguments.program), Checks()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        run = work / "run"
        files.write_idx(work / "data", files.draw_strokes(100))
        images = files.read_idx(work / "data")
        wgan_cl(program, "train", "--data", work / "data", "--out", run, "--steps", STEPS,
                "--lr-critic", LR, "--lr-generator", LR, *SETTINGS)
        check_predictions(checks, keras, arguments.keras3, program, run, images, work)
        critic = load_for_training(keras, run / "Discriminator.h5")
        adversarial = load_for_training(keras, run / "Adversarial.h5")
        check_training(checks, arguments.keras3, critic, adversarial, program, run, images)
        check_import(checks, keras, critic, adversarial, program, work)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
