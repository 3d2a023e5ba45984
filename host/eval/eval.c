/*
 * An evaluation: generated images, and held-out real ones in their place, against the real images
 * of the training data, by the same formulas and at the same number of images.
 */
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/eval/classifier_cache.h"
#include "host/eval/frechet.h"
#include "host/eval/neighbours.h"
#include "host/eval/predictions.h"
#include "host/run/checkpoint.h"
#include "host/run/folder.h"
#include "host/run/spot_check.h"

#include <math.h>
#include <stdlib.h>

/* Images looked at in one go; a multiple of WG_INFERENCE_BATCH. */
enum { CHUNK = 256 };

enum { IMAGES_MAX = 1000000 };

/* A set of images as the classifier and the critic see it. */
struct seen {
    size_t count;
    float *features;      // [count, 128]
    float *probabilities; // [count, 10]
    double score;         // the critic's, mean over the first `compared` images
};

struct evaluation {
    struct wg_device *device;
    const struct wg_eval_settings *settings;
    const struct wg_eval_callbacks *callbacks;
    struct wg_labelled training, held_out;
    struct wg_classifier *classifier;
    struct wg_inference *generator, *critic;
    size_t compared;
    struct seen real, other, generated; // training, held-out and generated images
    struct wg_eval_result result;
};

struct wg_eval_settings wg_eval_settings_default(void)
{
    return (struct wg_eval_settings){.images = 10000, .k = 3, .seed = 1};
}

static void report(const struct evaluation *e, const char *stage, size_t done, size_t total)
{
    if (e->callbacks->progress)
        e->callbacks->progress(e->callbacks->user, stage, (int)done, (int)total);
}

static void warn(void *user, const char *text)
{
    const struct evaluation *e = user;
    if (e->callbacks->warning)
        e->callbacks->warning(e->callbacks->user, text);
}

/* ---- preparation ---- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool check_settings(const struct wg_eval_settings *s)
{
    if (s->images < 1 || s->images > IMAGES_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "%d images: expected 1 to %d", s->images, IMAGES_MAX);
    if (s->k < 1 || s->k > WG_NEIGHBOURS_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "k is %d, expected 1 to %d", s->k, WG_NEIGHBOURS_MAX);
    return true;
}

static bool open_network(struct evaluation *e, const struct wg_checkpoint *checkpoint,
                         enum wg_player player, struct wg_inference **ret_network)
{
    return wg_inference_create(e->device, &wg_widths_default, WG_INFERENCE_BATCH, player,
                               ret_network) &&
           wg_checkpoint_load_network(checkpoint, *ret_network);
}

static bool open_data(struct evaluation *e, const char *data)
{
    if (!wg_split_open(data, e->result.data, &e->training, &e->held_out))
        return false;
    e->compared =
        smaller((size_t)e->settings->images, smaller(e->training.count, e->held_out.count));
    e->result.training_images = (int)e->training.count;
    e->result.held_out_images = (int)e->held_out.count;
    e->result.compared = (int)e->compared;
    if (e->compared > (size_t)e->settings->k)
        return true;
    return wg_fail((size_t)e->settings->images > e->compared ? WG_ERROR_DATA : WG_ERROR_ARGUMENT,
                   "%s: %zu images to compare, of %d generated, %zu training and %zu held-out "
                   "ones; expected more than k = %d",
                   e->result.data, e->compared, e->settings->images, e->training.count,
                   e->held_out.count, e->settings->k);
}

/* Before all else: figures of images that the device gets wrong would be wrong. One batch of them
 * is looked at. */
static bool check_generator(struct evaluation *e, const struct wg_checkpoint *checkpoint)
{
    const size_t count = smaller((size_t)e->settings->images, WG_INFERENCE_BATCH);
    float *images = malloc(count * WG_IMAGE_PIXELS * sizeof *images);
    bool ok = (images || wg_fail_memory("images")) &&
              wg_inference_sample(e->generator, e->settings->seed, 0, count, images) &&
              wg_spot_check(e->device, checkpoint, e->settings->seed, images, count);
    free(images);
    return ok;
}

static bool open_run(struct evaluation *e, const char *source, const char *data)
{
    struct wg_checkpoint *checkpoint;
    if (!wg_folder_find_checkpoint(source, e->result.checkpoint) ||
        !wg_checkpoint_open(e->result.checkpoint, &checkpoint))
        return false;
    const struct wg_checkpoint_info *info = wg_checkpoint_info(checkpoint);
    e->result.step = (int)info->step;
    bool ok = open_data(e, data ? data : info->data_source) &&
              open_network(e, checkpoint, WG_GENERATOR, &e->generator) &&
              check_generator(e, checkpoint) && open_network(e, checkpoint, WG_CRITIC, &e->critic);
    wg_checkpoint_close(checkpoint);
    return ok;
}

static void report_training(void *user, int done, int total)
{
    report(user, "training the classifier, once for this data", (size_t)done, (size_t)total);
}

static bool prepare_classifier(struct evaluation *e)
{
    const struct wg_classifier_callbacks callbacks = {
        .user = e, .warning = warn, .progress = report_training};
    struct wg_judge judge;
    double start = wg_clock_seconds();
    if (!wg_classifier_obtain(e->device, &e->training, &e->held_out,
                              wg_classifier_steps(e->training.count), &callbacks, &judge))
        return false;
    e->classifier = judge.classifier;
    e->result.is_cached = judge.is_cached;
    e->result.accuracy = judge.accuracy;
    e->result.train_seconds = judge.is_cached ? 0 : wg_clock_seconds() - start;
    return true;
}

/* ---- looking ---- */

/* Images first ... first + count - 1 of a set, in [-1, 1]. */
typedef bool fetch_function(struct evaluation *e, size_t first, size_t count, float *ret_images);

static bool fetch_training(struct evaluation *e, size_t first, size_t count, float *ret_images)
{
    wg_labelled_images(&e->training, first, count, ret_images);
    return true;
}

static bool fetch_held_out(struct evaluation *e, size_t first, size_t count, float *ret_images)
{
    wg_labelled_images(&e->held_out, first, count, ret_images);
    return true;
}

static bool fetch_generated(struct evaluation *e, size_t first, size_t count, float *ret_images)
{
    return wg_inference_sample(e->generator, e->settings->seed, first, count, ret_images);
}

/* What has diverged makes images of NaN. */
static bool check_finite(const struct evaluation *e, const float *images, size_t first,
                         size_t count)
{
    for (size_t i = 0; i < count * WG_IMAGE_PIXELS; i++)
        if (!isfinite(images[i]))
            return wg_fail(WG_ERROR_DATA,
                           "%s: image %zu has a pixel that is not finite: has the training "
                           "diverged?",
                           e->result.checkpoint, first + i / WG_IMAGE_PIXELS);
    return true;
}

/* One chunk through classifier and critic. */
static bool look_at_chunk(struct evaluation *e, const float *images, size_t first, size_t count,
                          struct seen *seen)
{
    float scores[CHUNK];
    size_t scored = first < e->compared ? smaller(count, e->compared - first) : 0;
    if (!wg_classifier_run(e->classifier, images, count, seen->features + first * WG_FEATURES,
                           seen->probabilities + first * WG_CLASSES) ||
        !wg_inference_run(e->critic, images, scored, scores))
        return false;
    for (size_t i = 0; i < scored; i++)
        seen->score += (double)scores[i] / (double)e->compared;
    return true;
}

static bool look(struct evaluation *e, const char *stage, fetch_function *fetch, size_t count,
                 struct seen *seen)
{
    float *images = malloc(sizeof *images * CHUNK * WG_IMAGE_PIXELS);
    seen->count = count;
    seen->features = malloc(count * WG_FEATURES * sizeof *seen->features);
    seen->probabilities = malloc(count * WG_CLASSES * sizeof *seen->probabilities);
    bool ok = (images && seen->features && seen->probabilities) ||
              wg_fail_memory("what the classifier says of the images");
    for (size_t first = 0; ok && first < count; first += CHUNK) {
        size_t n = smaller(count - first, CHUNK);
        ok = fetch(e, first, n, images) && check_finite(e, images, first, n) &&
             look_at_chunk(e, images, first, n, seen);
        report(e, stage, first + n, count);
    }
    free(images);
    return ok;
}

static bool look_at_all(struct evaluation *e)
{
    return look(e, "looking at held-out images", fetch_held_out, e->held_out.count, &e->other) &&
           look(e, "looking at training images", fetch_training, e->compared, &e->real) &&
           look(e, "generating images", fetch_generated, (size_t)e->settings->images,
                &e->generated);
}

/* ---- figures ---- */

/* What the training images are to both columns. */
struct standard {
    struct wg_distances *distances;
    struct wg_manifold manifold;
    struct wg_gaussian gaussian;
    double shares[WG_CLASSES];
};

static bool prepare_standard(struct evaluation *e, struct standard *standard)
{
    for (size_t i = 0; i < e->training.count; i++)
        standard->shares[e->training.labels[i]] += 1.0 / (double)e->training.count;
    return wg_distances_create(e->device, WG_FEATURES, &standard->distances) &&
           wg_manifold_create(standard->distances, e->real.features, e->compared, e->settings->k,
                              &standard->manifold) &&
           wg_gaussian_fit(e->real.features, e->compared, WG_FEATURES, &standard->gaussian);
}

static void free_standard(struct standard *standard)
{
    wg_manifold_free(&standard->manifold);
    wg_gaussian_free(&standard->gaussian);
    wg_distances_destroy(standard->distances);
}

static bool compare(struct evaluation *e, const struct standard *standard, const struct seen *seen,
                    struct wg_eval_figures *figures)
{
    struct wg_manifold manifold = {0};
    struct wg_gaussian gaussian = {0};
    bool ok = wg_manifold_create(standard->distances, seen->features, e->compared, e->settings->k,
                                 &manifold) &&
              wg_precision_recall(standard->distances, &standard->manifold, &manifold,
                                  &figures->precision, &figures->recall) &&
              wg_gaussian_fit(seen->features, e->compared, WG_FEATURES, &gaussian) &&
              wg_frechet(&standard->gaussian, &gaussian, &figures->frechet);
    wg_manifold_free(&manifold);
    wg_gaussian_free(&gaussian);
    return ok;
}

static bool judge(struct evaluation *e, const struct standard *standard, const struct seen *seen,
                  size_t count, struct wg_eval_figures *figures)
{
    figures->images = (int)count;
    figures->score = wg_classifier_score(seen->probabilities, count);
    wg_class_shares(seen->probabilities, count, figures->shares);
    figures->missing = wg_missing_modes(figures->shares, standard->shares, figures->is_missing);
    return compare(e, standard, seen, figures);
}

static bool judge_both(struct evaluation *e)
{
    struct standard standard = {0};
    report(e, "comparing images", 0, 2);
    bool ok = prepare_standard(e, &standard) &&
              judge(e, &standard, &e->other, e->compared, &e->result.held_out);
    report(e, "comparing images", 1, 2);
    ok = ok && judge(e, &standard, &e->generated, e->generated.count, &e->result.generated);
    report(e, "comparing images", 2, 2);
    e->result.generated.wasserstein = e->other.score - e->generated.score;
    e->result.held_out.wasserstein = e->real.score - e->other.score;
    free_standard(&standard);
    return ok;
}

/* ---- the whole ---- */

static void free_seen(struct seen *seen)
{
    free(seen->features);
    free(seen->probabilities);
}

static void finish(struct evaluation *e)
{
    wg_classifier_destroy(e->classifier);
    wg_inference_destroy(e->generator);
    wg_inference_destroy(e->critic);
    wg_labelled_free(&e->training);
    wg_labelled_free(&e->held_out);
    free_seen(&e->real);
    free_seen(&e->other);
    free_seen(&e->generated);
}

bool wg_eval(struct wg_device *device, const char *source, const char *data,
             const struct wg_eval_settings *settings, const struct wg_eval_callbacks *callbacks,
             struct wg_eval_result *ret_result)
{
    static const struct wg_eval_callbacks none;
    struct evaluation e = {
        .device = device,
        .settings = settings,
        .callbacks = callbacks ? callbacks : &none,
        .result = {.seed = settings->seed, .k = settings->k},
    };
    snprintf(e.result.device, sizeof e.result.device, "%s", device->info.name);
    bool ok = check_settings(settings) && open_run(&e, source, data) && prepare_classifier(&e) &&
              look_at_all(&e) && judge_both(&e);
    finish(&e);
    if (ok)
        *ret_result = e.result;
    return ok;
}
