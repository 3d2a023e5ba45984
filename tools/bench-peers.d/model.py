"""What all peers share: shapes, initial weights, data and the draws of the first steps.

Weights are NumPy arrays in Keras' shapes and order; each peer brings them into its own.
"""
import numpy as np

NOISE = 100
RATE, CLIP = 5e-5, 0.01
RHO, RMS_EPSILON = 0.9, 1e-7
MOMENTUM, NORM_EPSILON = 0.8, 1e-3
SLOPE = 0.2
IMAGES = 1024  # in memory; a step's time does not depend on how many there are

# Kernels [4, 4, out, in] for transposed convolutions, [4, 4, in, out] for the others.
GENERATOR = (("dense", (NOISE, 7 * 7 * 32)), ("conv1", (4, 4, 128, 32)),
             ("conv2", (4, 4, 256, 128)), ("conv3", (4, 4, 1, 256)))
CRITIC = (("conv1", (4, 4, 1, 256)), ("conv2", (4, 4, 256, 128)), ("conv3", (4, 4, 128, 64)),
          ("dense", (7 * 7 * 64, 1)))


def glorot_uniform(random, shape):
    area = int(np.prod(shape[:-2]))
    limit = np.sqrt(6 / (area * (shape[-2] + shape[-1])))
    return random.uniform(-limit, limit, shape).astype(np.float32)


def initial_kernels():
    """The kernels of generator and critic by name of the layer; all else starts at 0 or 1."""
    random = np.random.default_rng(1)
    return tuple({name: glorot_uniform(random, shape) for name, shape in layers}
                 for layers in (GENERATOR, CRITIC))


def images():
    """[IMAGES, 28, 28, 1] in [-1, 1]: white noise, for no time depends on the values."""
    random = np.random.default_rng(2)
    return random.uniform(-1, 1, (IMAGES, 28, 28, 1)).astype(np.float32)


def first_draws(batch, step):
    """Real images, noise of the critic's update and of the generator's, the same for all peers."""
    random = np.random.default_rng((3, step))
    noise = random.standard_normal((2, batch, NOISE)).astype(np.float32)
    return images()[random.integers(IMAGES, size=batch)], noise[0], noise[1]
