/*
 * The random streams of a run: the last word of the Philox counter. README.md, "Random numbers",
 * is the documentation; a NumPy script can draw the same ones.
 */
#ifndef WG_GAN_STREAMS_H
#define WG_GAN_STREAMS_H

enum {
    WG_STREAM_BATCH = 0,           // which real images a critic update sees
    WG_STREAM_NOISE_CRITIC = 1,    // noise behind the fakes of a critic update
    WG_STREAM_NOISE_GENERATOR = 2, // noise of the generator's update
    WG_STREAM_WEIGHTS = 3,         // initial values
    WG_STREAM_SAMPLES = 4,         // noise behind sample images
    WG_STREAM_LABELLED_BATCH = 5,  // which labelled images a classifier's update sees
    WG_STREAM_SHIFTS = 6,          // by how much each of them is moved
    WG_STREAM_ORDER = 7,           // order of a labelled data set, before it is split
};

#endif
