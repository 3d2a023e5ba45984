"""Single steps against exact ones: the same step by Keras in double precision.

Single precision computes nearly the right step of nearly the right weights, and no more can be
asked of it: an activation at the kink of a ReLU that rounds to the other side changes a gradient by
far more than a rounding, and each step has some such activations. Therefore a step that is beyond
the bounds is compared with exact steps from states near by as well, every number of them moved by
at most NEARBY of itself. It agrees if one of these is within the bounds, and so took the same sides.
"""
import dataclasses
import sys

import numpy as np

import compare
import files

# Of itself. A sum of n terms is, rounded in single precision, the exact sum of terms that are moved by
# some sqrt(n) roundings of 2^-24 (Higham, Mary 2019); in a convolution n is up to 4 * 4 * 256.
NEARBY = 2.0**-18
ATTEMPTS = 100


@dataclasses.dataclass
class Step:
    own: compare.Difference  # wgan-cl from the exact step
    keras: compare.Difference  # Keras in single precision from it
    nearest: compare.Difference  # wgan-cl from the nearest of the exact steps that were tried
    attempts: int = 0  # states near by that were tried


def move_tensors(moves, tensors, most, share, random):
    """`moves` with those of this share of the tensors anew."""
    return {name: most * random.uniform(-1, 1, x.shape) if random.random() < share else moves[name]
            for name, x in tensors.items()}


def move_channel(moves, tensors, most, layer, channel, random):
    """`moves` with those of one channel of a layer anew: the others' activations stay where they
    are."""
    moved = dict(moves)
    for name in tensors:
        if name.startswith(layer + "."):
            moved[name] = np.array(np.broadcast_to(moves[name], tensors[name].shape))
            of_channel = np.moveaxis(moved[name], compare.channel_axis(name), 0)
            of_channel[channel] = most * random.uniform(-1, 1, of_channel[channel].shape)
    return moved


def choose_channel(channels, tensors, random):
    """Layer and channel: one that is beyond the bounds or, as often, any channel of its layer or of
    one behind, where an activation that changes its side changes this one's gradient a little."""
    layer, channel = random.choice(sorted(channels))
    if random.random() < 0.5:
        return layer, int(channel)
    layers = [name.removesuffix(".bias") for name in tensors
              if name.endswith(".bias") and not name.startswith("rmsprop.")]
    layer = random.choice(layers[layers.index(layer) if layer in layers else 0:])
    return layer, int(random.integers(len(tensors[f"{layer}.bias"])))


def search(step, i, compare_from, tensors):
    """Looks for an exact step that is within the bounds, from states moved at random, little or
    much, for a small move leaves more of the activations on their side: in turn a channel and some
    tensors of the nearest step so far, now and then all of them."""
    random = np.random.default_rng(i)
    moves = {name: 0.0 for name in tensors}
    while step.nearest.badness() > 1 and step.attempts < ATTEMPTS:
        most = NEARBY / 2 ** random.integers(0, 7)
        if step.attempts % 2 == 1 and step.nearest.channels:
            layer, channel = choose_channel(step.nearest.channels, tensors, random)
            tried = move_channel(moves, tensors, most, layer, channel, random)
        else:
            tried = move_tensors(moves, tensors, most, 1.0 if step.attempts % 4 == 0 else 0.25, random)
        found = compare_from({name: x.astype(np.float64) * (1 + tried[name])
                              for name, x in tensors.items()})
        step.attempts += 1
        if found.rank() < step.nearest.rank():
            step.nearest, moves = found, tried
        print(f"parity: step {i + 1}, exact step {step.attempts} near by: {found.beyond} numbers "
              f"beyond the bounds, {found.badness():.2f} times at most", file=sys.stderr, flush=True)


def compare_steps(run, keras, scale):
    """All steps of a run by wgan-cl, each from the state that it had before.

    `keras`: losses and tensors of the same by Keras in single precision. Once a step was found that
    does not agree, others are no longer searched for.
    """
    from wgan import ExactTraining
    training, steps = ExactTraining(run.settings, files.read_idx(run.data)), []
    losses, tensors = keras
    for i in range(run.steps):
        before, after = run.tensors(i), run.tensors(i + 1)

        def compare_from(state):
            training.load(state, i)
            exact = training.train_step(), training.tensors()
            return exact, compare.Difference(run.losses[i], after, *exact, scale)

        exact, own = compare_from(before)
        step = Step(own, compare.Difference(losses[i], tensors[i + 1], *exact, scale), own)
        if all(s.nearest.badness() <= 1 for s in steps):
            search(step, i, lambda state: compare_from(state)[1], before)
        steps.append(step)
    return steps
