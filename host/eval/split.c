#include "host/eval/split.h"

#include "host/base/error.h"
#include "host/base/philox.h"
#include "host/data/digits.h"
#include "host/gan/streams.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLASSES = 10, FOLDS = 5, HELD_OUT_DIGITS = 10000 };

/* Neither seed may change: every figure ever reported depends on them. */
static const uint64_t held_out_digits_seed = 1999; // that of the data set is 1998
static const uint64_t order_seed = 1;

static const char train_file[] = "train-images-idx3-ubyte", test_file[] = "t10k-images-idx3-ubyte";

void wg_labelled_free(struct wg_labelled *part)
{
    free(part->pixels);
    free(part->labels);
    *part = (struct wg_labelled){0};
}

void wg_labelled_images(const struct wg_labelled *part, size_t first, size_t count,
                        float *ret_images)
{
    for (size_t i = 0; i < count * WG_IMAGE_PIXELS; i++)
        ret_images[i] = (float)part->pixels[first * WG_IMAGE_PIXELS + i] / 127.5f - 1.0f;
}

static bool allocate(struct wg_labelled *part, size_t count)
{
    part->count = count;
    part->pixels = malloc(count * WG_IMAGE_PIXELS);
    part->labels = malloc(count);
    return (part->pixels && part->labels) || wg_fail_memory("labelled images");
}

/* A permutation of 0 ... count - 1, by Fisher and Yates; NULL without memory. */
static uint32_t *random_order(size_t count)
{
    const uint32_t key[2] = {(uint32_t)order_seed, (uint32_t)(order_seed >> 32)};
    uint32_t *order = malloc(count * sizeof *order);
    if (!order)
        return wg_fail_null(WG_ERROR_MEMORY, "no memory for the order of %zu images", count);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (size_t i = count - 1; i > 0; i--) {
        const uint32_t counter[4] = {(uint32_t)(i / 4), 0, 0, WG_STREAM_ORDER};
        size_t j = (size_t)(((uint64_t)wg_philox(counter, key).v[i % 4] * (i + 1)) >> 32);
        uint32_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    return order;
}

static void append(struct wg_labelled *part, const struct wg_dataset *from, size_t image)
{
    memcpy(part->pixels + part->count * WG_IMAGE_PIXELS, from->pixels + image * WG_IMAGE_PIXELS,
           WG_IMAGE_PIXELS);
    part->labels[part->count++] = from->labels[image];
}

/* Deals the images out; with `held_out` NULL all of them to `training`. */
static bool deal(const struct wg_dataset *dataset, struct wg_labelled *training,
                 struct wg_labelled *held_out)
{
    size_t seen[CLASSES] = {0};
    uint32_t *order = random_order(dataset->count);
    if (!order || !allocate(training, dataset->count) ||
        (held_out && !allocate(held_out, dataset->count))) {
        free(order);
        return false;
    }
    training->count = 0;
    if (held_out)
        held_out->count = 0;
    for (size_t i = 0; i < dataset->count; i++) {
        size_t place = seen[dataset->labels[order[i]]]++;
        bool hold_out = held_out && place % FOLDS == FOLDS - 1;
        append(hold_out ? held_out : training, dataset, order[i]);
    }
    free(order);
    return true;
}

/* ---- checks ---- */

static bool check_labels(const struct wg_dataset *dataset)
{
    if (!dataset->labels)
        return wg_fail(WG_ERROR_DATA,
                       "%s: no labels: an evaluation needs them, in a file named as MNIST's are, "
                       "NAME-labels-idx1-ubyte[.gz] beside NAME-images-idx3-ubyte[.gz]",
                       dataset->source);
    for (size_t i = 0; i < dataset->count; i++)
        if (dataset->labels[i] >= CLASSES)
            return wg_fail(WG_ERROR_DATA,
                           "%s: image %zu has the label %d in the file of labels beside it, "
                           "expected 0 to %d",
                           dataset->source, i, dataset->labels[i], CLASSES - 1);
    return true;
}

static bool check_classes(const char *source, const struct wg_labelled *part, const char *name)
{
    size_t found[CLASSES] = {0};
    for (size_t i = 0; i < part->count; i++)
        found[part->labels[i]]++;
    for (int c = 0; c < CLASSES; c++)
        if (!found[c])
            return wg_fail(WG_ERROR_DATA,
                           "%s: no image of class %d among the %zu %s, expected all of 0 to %d",
                           source, c, part->count, name, CLASSES - 1);
    return true;
}

/* ---- sources ---- */

/* The t10k file beside a train file, zipped or not; false if there is none. */
static bool find_test_file(const char *source, char ret_path[1100])
{
    const char *name = strrchr(source, '/');
    name = name ? name + 1 : source;
    if (strncmp(name, train_file, strlen(train_file)) != 0)
        return false;
    const char *const endings[] = {name + strlen(train_file), "", ".gz"};
    for (int i = 0; i < 3; i++) {
        snprintf(ret_path, 1100, "%.*s%s%s", (int)(name - source), source, test_file, endings[i]);
        if (access(ret_path, F_OK) == 0)
            return true;
    }
    return false;
}

static bool draw_held_out(struct wg_labelled *held_out)
{
    return allocate(held_out, HELD_OUT_DIGITS) &&
           wg_digits_draw(held_out_digits_seed, HELD_OUT_DIGITS, held_out->pixels,
                          held_out->labels);
}

static bool open_test_file(const char *path, struct wg_labelled *held_out)
{
    struct wg_dataset *dataset;
    if (!wg_dataset_open(path, &dataset))
        return false;
    bool ok = check_labels(dataset) && deal(dataset, held_out, NULL);
    wg_dataset_close(dataset);
    return ok;
}

static bool split(const struct wg_dataset *dataset, struct wg_labelled *training,
                  struct wg_labelled *held_out)
{
    char test_path[1100];
    if (!check_labels(dataset))
        return false;
    if (strcmp(dataset->source, "digits") == 0)
        return deal(dataset, training, NULL) && draw_held_out(held_out);
    if (find_test_file(dataset->source, test_path))
        return deal(dataset, training, NULL) && open_test_file(test_path, held_out);
    return deal(dataset, training, held_out);
}

bool wg_split_open(const char *source, char ret_source[1024], struct wg_labelled *ret_training,
                   struct wg_labelled *ret_held_out)
{
    struct wg_labelled training = {0}, held_out = {0};
    struct wg_dataset *dataset;
    if (!wg_dataset_open(source, &dataset))
        return false;
    bool ok = split(dataset, &training, &held_out) &&
              check_classes(dataset->source, &training, "training images") &&
              check_classes(dataset->source, &held_out, "held-out images");
    if (ok) {
        strcpy(ret_source, dataset->source);
        *ret_training = training;
        *ret_held_out = held_out;
    } else {
        wg_labelled_free(&training);
        wg_labelled_free(&held_out);
    }
    wg_dataset_close(dataset);
    return ok;
}
