/*
 * Handwritten-looking digits, drawn from nothing but a seed: the built-in data set.
 *
 * Each image is written by a pen that follows a model of strokes (digit_strokes.h) in a hand of its
 * own: style, slant, haste, pressure. Then it is normalised the way MNIST is: the ink fitted into
 * a box of 20x20, the box placed in 28x28 by its centre of mass. Nothing is copied from MNIST
 * or any other collection.
 */
#ifndef WG_DATA_DIGITS_H
#define WG_DATA_DIGITS_H

#include "include/wgan_cl.h"

/*
 * Draws `count` digits: pixels [count, 28, 28], 0 background to 255 ink, and labels [count],
 * 0 to 9, each with probability 1/10, in random order.
 *
 * Image i depends on (seed, i) only, so the first images are the same whatever `count`; and it is
 * the same to the bit on every machine with IEEE single precision, because only + - * / and square
 * roots touch it. Fails with WG_ERROR_ARGUMENT if so many images exceed the address space.
 */
bool wg_digits_draw(uint64_t seed, size_t count, uint8_t *pixels, uint8_t *labels);

#endif
