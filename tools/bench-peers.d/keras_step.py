"""The training step in plain Keras, as most programs of this kind are written: three compiled
models, `predict` and `train_on_batch`, the weights clipped in NumPy."""
import numpy as np
import tensorflow as tf

import model
import tensorflow_step
from tensorflow_step import VERSION  # noqa: F401


def wasserstein_loss(labels, scores):
    return tf.reduce_mean(labels * scores)


class Training:
    def __init__(self, batch, threads):
        tensorflow_step.set_up(threads)
        self.images, self.random = model.images(), np.random.default_rng(4)
        self.real, self.fake = -np.ones((batch, 1)), np.ones((batch, 1))
        generator, critic = model.initial_kernels()
        self.generator = tensorflow_step.build_generator(generator)
        self.critic = tensorflow_step.build_critic(critic)
        self.critic.compile(tf.keras.optimizers.RMSprop(model.RATE), wasserstein_loss, ["accuracy"])
        self.critic.trainable = False
        noise = tf.keras.Input((model.NOISE,))
        self.adversarial = tf.keras.Model(noise, self.critic(self.generator(noise)))
        self.adversarial.compile(tf.keras.optimizers.RMSprop(model.RATE), wasserstein_loss)

    def name_device(self):
        return None

    def bring(self, array):
        return array

    def finish(self):
        """Keras hands out the losses as numbers: the step is done."""

    def draw(self):
        real = self.images[self.random.integers(len(self.images), size=len(self.real))]
        return real, *self.random.standard_normal((2, len(self.real), model.NOISE))

    def train(self, real, noise_critic, noise_generator):
        generated = self.generator.predict(noise_critic, verbose=0)
        on_real, _ = self.critic.train_on_batch(real, self.real)
        on_fake, _ = self.critic.train_on_batch(generated, self.fake)
        for layer in self.critic.layers:
            layer.set_weights([np.clip(w, -model.CLIP, model.CLIP) for w in layer.get_weights()])
        return on_real, on_fake, self.adversarial.train_on_batch(noise_generator, self.real)
