/*
 * wgan-cl: Wasserstein GANs trained entirely through OpenCL.
 *
 * The whole public interface. It has five tiers; each builds on those before it:
 *
 *   1. errors      what went wrong, for people
 *   2. devices     what the OpenCL loader shows, and opening one
 *   3. data        images as bytes: the built-in digits or an IDX file
 *   4. the GAN     test a device, run a training into a folder, sample a checkpoint, exchange it
 *                  with Keras, measure
 *   5. evaluation  judge a checkpoint's images
 *
 * The model, its losses and its update rules are those of Arjovsky, Chintala, Bottou,
 * "Wasserstein GAN" (2017), algorithm 1, in the form of a small Keras program; README.md gives
 * every formula. Functions return true (or a pointer) on success; on failure false (or NULL), the
 * reason is in wg_error_message(), and outputs named ret_... are untouched. The library never
 * prints and never exits. Destroyers accept NULL.
 *
 * No promise of a stable ABI before version 1.0.
 */
#ifndef WGAN_CL_H
#define WGAN_CL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- 1. Errors ------------------------------------------------------------------------------ */

enum wg_status {
    WG_OK = 0,
    WG_ERROR_ARGUMENT,  // a setting out of its range: the caller's mistake
    WG_ERROR_NO_DEVICE, // no OpenCL platform or device at all
    WG_ERROR_DEVICE,    // the device chosen is unknown, ambiguous, unusable, or failed
    WG_ERROR_MEMORY,    // it does not fit, on the host or on the device
    WG_ERROR_FILE,      // the file system said no: missing, unwritable, full
    WG_ERROR_DATA,      // a file was read but is not what it should be
    WG_ERROR_STOPPED,   // a callback asked to stop before there was anything to keep
};

/* Status and text of this thread's last failure. The text is one sentence, except for a kernel
 * that fails to build, where the compiler's log follows on further lines. */
enum wg_status wg_error_status(void);
const char *wg_error_message(void);

/* "0.1.0" */
const char *wg_version(void);

/*
 * For main, before all else: what may crash or hang a driver, or takes long, is done by this very
 * program, started again as a child. There this does the child's work, stores the exit code and
 * returns true; in the program that a user started it returns false. A program that does not ask
 * has no children.
 */
bool wg_child_main(int argc, char **argv, int *ret_code);

/* ---- 2. Devices ----------------------------------------------------------------------------- */

enum wg_device_type { WG_DEVICE_CPU, WG_DEVICE_GPU, WG_DEVICE_ACCELERATOR, WG_DEVICE_OTHER };

struct wg_device_info {
    int index;             // over all platforms, as `--device 0` takes it
    int platform;          // index of the platform
    int index_in_platform; // `--device platform:device`
    char name[256];
    char platform_name[256];
    char vendor[256];
    char driver_version[256];
    char opencl_version[256];   // CL_DEVICE_VERSION
    char opencl_c_version[256]; // CL_DEVICE_OPENCL_C_VERSION
    enum wg_device_type type;
    unsigned compute_units;
    unsigned clock_mhz;      // as the driver claims
    unsigned vector_width;   // native width for float, in elements
    size_t work_group_size;  // largest work group, in work items
    uint64_t global_memory;  // bytes
    uint64_t largest_buffer; // bytes
    uint64_t local_memory;   // bytes
    bool usable;
    char unusable_because[256]; // empty if usable
    bool is_default;            // what is opened when nothing is chosen
};

struct wg_device_list {
    struct wg_device_info *devices;
    int count;
    char (*notes)[512]; // platforms that were skipped, one sentence each
    int note_count;
};

/*
 * Every platform and device the ICD loader shows. A platform without a device, or one whose
 * driver fails, becomes a note and does not spoil the others.
 * Fails with WG_ERROR_NO_DEVICE if there is none; the message has the notes, what was searched and
 * which packages help.
 */
bool wg_device_list_create(struct wg_device_list **ret_list);
void wg_device_list_destroy(struct wg_device_list *list);

/* Leaves only the device that wg_device_open would open for this selector; fails as it does, with
 * the list as it was. */
bool wg_device_list_keep(struct wg_device_list *list, const char *selector);

/* "CPU", "GPU", "accelerator", "other" */
const char *wg_device_type_name(enum wg_device_type type);

/* The list as JSON, indented, to be freed with free(). NULL if out of memory. */
char *wg_device_list_json(const struct wg_device_list *list);

struct wg_device;

/*
 * Opens a device. `selector` is an index ("0"), platform:device ("0:0"), "cpu" or "gpu" (the
 * first usable one of that type), or a part of exactly one device's name, in any case. NULL or ""
 * takes the default. Fails with WG_ERROR_DEVICE, listing what is there, if nothing or more than
 * one device matches, and with WG_ERROR_FILE if the driver, pocl, has no room for its kernels.
 */
bool wg_device_open(const char *selector, struct wg_device **ret_device);
void wg_device_close(struct wg_device *device);
const struct wg_device_info *wg_device_get_info(const struct wg_device *device);

/* One sentence that the user should hear, that the driver keeps no kernels for instance; NULL if
 * there is none. */
const char *wg_device_warning(const struct wg_device *device);

/* ---- 3. Data -------------------------------------------------------------------------------- */

/* Of an image: no other size is taken. */
enum { WG_IMAGE_SIDE = 28, WG_IMAGE_PIXELS = WG_IMAGE_SIDE * WG_IMAGE_SIDE };

/* Grey images, one byte a pixel, 0 black (background) to 255 white (ink). */
struct wg_dataset {
    char name[64];     // "digits", or the file's or folder's name: used for the run folder
    char source[1024]; // what wg_dataset_open takes: "digits", or the absolute path of the file
    size_t count;      // images
    int height;        // pixels
    int width;         // pixels
    uint8_t *pixels;   // [count, height, width]
    uint8_t *labels;   // [count], or NULL where the source has none
};

/*
 * "digits" (or NULL): 60,000 digits drawn by wgan-cl itself, the same on every machine.
 * A file: IDX of unsigned bytes, rank 3, gzipped or not.
 * A folder: its train-images-idx3-ubyte[.gz], else its t10k-images-idx3-ubyte[.gz].
 * Images must be 28x28. Fails with WG_ERROR_FILE or WG_ERROR_DATA.
 */
bool wg_dataset_open(const char *source, struct wg_dataset **ret_dataset);
void wg_dataset_close(struct wg_dataset *dataset);

/* ---- 4. The GAN ----------------------------------------------------------------------------- */

#define WG_LEARNING_RATE_MAX 1.0f

struct wg_train_settings {
    int steps;            // generator updates, >= 1
    int batch;            // images per update, >= 1
    float lr_generator;   // learning rate of RMSprop, > 0, at most WG_LEARNING_RATE_MAX
    float lr_critic;      // the same of the critic
    float clip;           // largest magnitude of a critic weight, > 0
    int critic_steps;     // critic iterations per generator update, >= 1
    int sample_every;     // steps between sample grids, >= 1
    int checkpoint_every; // steps between checkpoints, the first at 0; 0: only one, at the end
    uint64_t seed;        // decides initial weights, batches and noise
};

/* 10000 steps of batch 128, learning rates 5e-5, clip 0.01, 1 critic step, a sample every 200
 * steps, a checkpoint every 1000, seed 1. */
struct wg_train_settings wg_train_settings_default(void);

/* What a running training knows about itself. Losses are those of the newest step. */
struct wg_progress {
    int step;           // done so far
    int steps;          // to do in all
    double d_loss;      // 0.5 * (d_loss_real + d_loss_fake)
    double d_loss_real; // mean(-D(real))
    double d_loss_fake; // mean(D(fake))
    double g_loss;      // mean(-D(G(z)))
    double wasserstein; // newest estimate, mean D(real) - mean D(fake); NaN before the first
    double seconds;     // since the first step of this session
    double steps_per_second;
    double seconds_left;
};

/* Functions may be NULL; `user` is handed back. Called from the thread that trains. */
struct wg_train_callbacks {
    void *user;
    void (*message)(void *user, const char *text);                    // a line, or a table
    void (*building)(void *user, int done, int total);                // kernels
    void (*progress)(void *user, const struct wg_progress *progress); // about 4 times a second
    bool (*stop)(void *user); // asked between steps; true: save and return; and between kernels
                              // being built; true: fail with WG_ERROR_STOPPED
    bool force;               // train even if the device fails its self-test; a message says so
    bool untuned;             // neither measure nor use what was measured (wg_tune), but by the
                              // run itself, which keeps what it began with
};

struct wg_train_result {
    char folder[1024];     // the run folder
    char checkpoint[1200]; // the newest checkpoint
    int steps_done;
    bool stopped; // by the callback, before all steps were done
};

/* One implementation of one op, over all shapes it was tried with. */
struct wg_selftest_row {
    char op[32];             // "conv2d_data"; "training step" is the last one
    char implementation[32]; // "direct", "gemm", "ref"; "all" for the step
    int shapes;              // how many it was tried with
    char worst_shape[64];    // what it computed there: "3 x 14 x 14 x 40"
    double error;            // the largest, in units of what rounding allows: up to 1 is right
    bool passed;
    char failure[4096]; // what was wrong, as wg_error_message would say; empty if it passed
};

struct wg_selftest {
    struct wg_selftest_row *rows;
    int count;
    int failed;      // rows
    int batch;       // of the training whose kernels were tested
    char tuning[20]; // digest of what was measured by wg_tune and used, or "none"
    double seconds;
};

/*
 * Every op of the training graph, by every implementation that can run on the device, and one
 * whole training step of a small model, against plain double-precision formulas on the host. The
 * errors allowed follow from OpenCL's rounding rules, of long sums by what independent roundings
 * come to; host/selftest derives them. A driver's error is a failed row. `batch` is that of the
 * trainings to come; 0: the default, or as much of it as fits the device. What wg_tune measured for
 * it is used, as by a training, unless the callbacks say not to. `quick` takes the implementations
 * a training takes, and no step. Of the callbacks `message`, `untuned` and `building` are used, the
 * last for how many of the tests are done; they may be NULL.
 * Fails only if the test itself can't be done: WG_ERROR_MEMORY if the batch does not fit.
 */
bool wg_selftest_run(struct wg_device *device, int batch, bool quick,
                     const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test);
void wg_selftest_destroy(struct wg_selftest *test);

/* The result as JSON, indented, to be freed with free(). NULL if out of memory. */
char *wg_selftest_json(const struct wg_selftest *test, const struct wg_device *device);

struct wg_tune_settings {
    int batch;      // images per update of the trainings to come, >= 1
    double seconds; // that it may take, >= 1
};

/* Batch 128, two minutes. */
struct wg_tune_settings wg_tune_settings_default(void);

/* Equal nodes of a step, and the fastest way found to compute them. */
struct wg_tune_row {
    char node[192];        // "conv2d 128x14x14x128 of 128x28x28x64, 4x4x64x128; stride 2 pad 1"
    char before[64];       // implementation, and values of its knobs, by heuristics
    char after[64];        // that was chosen
    int runs;              // in a step
    double seconds_before; // of one run; 0: not measured
    double seconds_after;
    int tried;    // ways to compute it
    int rejected; // of them: wrong, crashed or hung
};

/* One kind of fault of one implementation, with a count and the first case. */
struct wg_tune_rejection {
    char way[64];      // "conv2d by winograd"
    const char *fault; // "wrong numbers", "error", "crash", "no answer in time"
    int count;
    char first[512]; // at which node, and what it said
};

struct wg_tune_result {
    char device[256];
    int batch;
    struct wg_tune_row *rows; // the longest in a step first
    int count;
    int missing;        // nodes of a step that were not reached
    double step_before; // seconds of a step: the sum over what was measured
    double step_after;
    char blas_before[16]; // parameters of CLBlast, by the name of their tile
    char blas_after[16];
    int tried;
    int rejected;
    struct wg_tune_rejection *rejections; // of those, in the order they were met
    int rejection_count;
    double seconds;  // it took
    bool complete;   // false: the time was up, or it was stopped, before all was tried
    char digest[20]; // of what was chosen; "none": heuristics are as good
    char path[1024]; // where it is remembered; empty: nowhere, a message said so
};

/* How far it is; seconds_left is a guess and never beyond the time allowed. */
struct wg_tune_progress {
    int done; // ways to compute a node
    int total;
    double seconds_left;
    const char *node; // being measured
};

/* All may be NULL. */
struct wg_tune_callbacks {
    void *user;
    void (*message)(void *user, const char *text);
    void (*progress)(void *user, const struct wg_tune_progress *progress);
    bool (*stop)(void *user); // asked several times a second; true: leave what is being measured,
                              // keep what is known and return
};

/*
 * Measures, for every node of a training of the default model, the implementations that can run it,
 * the values of their knobs and the parameters of CLBlast. They run in a child process, since
 * drivers crash and hang, another one after each that does, and must agree with what the heuristics
 * take, which is checked against plain formulas. What is fastest is remembered in the user's cache
 * for this device, driver, program, CLBlast and batch, and the device follows it from now on;
 * wg_train, wg_bench and wg_selftest_run find it there. Fails with WG_ERROR_FILE or WG_ERROR_DEVICE
 * if there is no child (wg_child_main), and WG_ERROR_ARGUMENT if main did not ask.
 */
bool wg_tune(struct wg_device *device, const struct wg_tune_settings *settings,
             const struct wg_tune_callbacks *callbacks, struct wg_tune_result *ret_result);
void wg_tune_finish(struct wg_tune_result *result);

/*
 * Trains and writes the run folder: run.json, log.csv, generator_loss.npy,
 * discriminator_loss.npy, imgs/, training.gif, loss.png, checkpoints/ and Keras' model files
 * Generator.h5, Discriminator.h5, Adversarial.h5; README.md describes each. `folder` must not
 * exist yet, or be empty; NULL takes runs/NNNNN-NAME with the next number.
 * What wg_tune measured is used. A device other than a CPU for which it did not run yet is tuned
 * for some ten seconds first, if there are children (wg_child_main). A device that the user's cache
 * does not know is self-tested then, the quick way, and refused with WG_ERROR_DEVICE if it fails;
 * that it passed is remembered for this driver, batch, tuning and these kernels.
 */
bool wg_train(struct wg_device *device, const struct wg_dataset *dataset,
              const struct wg_train_settings *settings, const char *folder,
              const struct wg_train_callbacks *callbacks, struct wg_train_result *ret_result);

/*
 * Goes on with a run from its newest checkpoint, up to `steps` steps in all (0: as many as it was
 * started for). On the same device the result is bit for bit that of a run never interrupted: a
 * tuning stays the one that the run began with.
 * The data set is opened again from where run.json says; `data` overrides the place (NULL: keep),
 * its content must be the same.
 */
bool wg_resume(struct wg_device *device, const char *folder, const char *data, int steps,
               const struct wg_train_callbacks *callbacks, struct wg_train_result *ret_result);

/*
 * Images from a trained generator, in inference mode. `source` is a run folder (its newest
 * checkpoint) or a checkpoint file. images [count, 28, 28] in (-1, 1), to be freed with free().
 * Image i depends on the seed and i alone, not on `count`. Up to eight of them, the first and the
 * last among them, are drawn on the host as well, in double precision; WG_ERROR_DEVICE if the
 * device has drawn others.
 */
bool wg_sample(struct wg_device *device, const char *source, size_t count, uint64_t seed,
               float **ret_images);

/* Writes such images: to PATH.png as a grid, `columns` wide (0: as square as it gets), to PATH.npy
 * as float32 [count, 28, 28] in [0, 1]. Fails with WG_ERROR_ARGUMENT for another ending. */
bool wg_images_write(const char *path, const float *images, size_t count, int columns);

enum wg_export_format {
    WG_EXPORT_H5, // Keras: Generator.h5, Discriminator.h5, Adversarial.h5
};

struct wg_export_result {
    int step; // of the checkpoint that was exported
};

/*
 * Writes a checkpoint as files of another program into `folder`, which is made if it is not there.
 * `source` is a run folder (its newest checkpoint) or a checkpoint file. The files of
 * WG_EXPORT_H5 are those of tf.keras 2.15 and open in Keras 3 as well; RMSprop's accumulators and
 * settings are in them. Each file appears whole or not at all. ret_result may be NULL.
 */
bool wg_export(const char *source, enum wg_export_format format, const char *folder,
               struct wg_export_result *ret_result);

struct wg_import_result {
    char folder[1024];     // the run folder
    char checkpoint[1200]; // the checkpoint in it
    int step;              // steps done, as RMSprop counted them
    float lr_generator;    // that a resumed run will use
    float lr_critic;
    bool has_generator_rmsprop; // false: its accumulators begin at 0
    bool has_critic_rmsprop;
};

/*
 * Makes a run folder, from which wg_resume and wg_sample go on, of Generator.h5, Discriminator.h5
 * and, if it is there, Adversarial.h5 in the folder `source`, as wg_export, tf.keras 2.15 or
 * Keras 3 wrote them. What the files do not say comes from `dataset` and `settings`, in which a
 * learning rate of 0 means that of the file, or the default where it has none. `folder` as for
 * wg_train. The steps done are the updates of the generator's RMSprop, else those of the critic's
 * by 2 * critic_steps. Fails with WG_ERROR_DATA, naming layer, shape or type, for other models, if
 * the weights in Adversarial.h5 are not those of the other two files, and if a learning rate that
 * is to be that of a file follows a schedule there or is above WG_LEARNING_RATE_MAX.
 */
bool wg_import(const char *source, const struct wg_dataset *dataset,
               const struct wg_train_settings *settings, const char *folder,
               struct wg_import_result *ret_result);

/* A row of a profile: the tasks of a step that do the same, taken together. */
struct wg_bench_node {
    char op[32];             // "conv2d"
    char implementation[16]; // "winograd"
    char output[64];         // "128x14x14x256"
    int calls;               // per step
    int launches;            // kernels per step
    double seconds;          // per step, by the device's own clock
    double gflop;            // per step, of the direct form; 0 where nobody counts
    double gbytes;           // per step, 10^9 bytes: inputs read once, results written once
};

struct wg_bench_result {
    char device[256];
    char tuning[20]; // digest of what was measured by wg_tune and used, or "none"
    int batch;
    int critic_steps;        // 0: of a file that does not say
    int widths;              // the layers' widths, as multiple of the model's
    int steps;               // measured
    double seconds_per_step; // median
    double seconds_per_step_min;
    double seconds_per_step_max;
    double seconds_to_first_step; // from nothing: plan, kernels, memory, one step
    double gflop_per_step;        // additions and multiplications of the direct forms
    double gflops;                // gflop_per_step / seconds_per_step
    double peak_gflops;           // the device's own, by a kernel of multiply-adds
    double peak_share;            // gflops / peak_gflops
    uint64_t device_bytes;        // all buffers
    int kernel_launches;          // per step
    double peak_gbytes;           // memory: GB/s read and written by a copying kernel; or 0
    struct wg_bench_node *nodes;  // the profile, the longest first; or NULL
    int node_count;
};

/*
 * Measures the training step on the built-in digits. Only batch, critic_steps and seed of the
 * settings matter. Every layer is `widths` times as wide as the model's: 1 for the model itself,
 * others for how time and memory grow. What wg_tune measured is used unless the callbacks say not
 * to. With `profile` three more steps are taken kernel by kernel; peak_gbytes and nodes are filled
 * in then.
 */
bool wg_bench(struct wg_device *device, const struct wg_train_settings *settings, int widths,
              int steps, bool profile, const struct wg_train_callbacks *callbacks,
              struct wg_bench_result *ret_result);

/* Frees what a result owns. */
void wg_bench_finish(struct wg_bench_result *result);

/* Reads a result from a file of wg_bench_json's text. Fails with WG_ERROR_FILE, WG_ERROR_DATA. */
bool wg_bench_read(const char *path, struct wg_bench_result *ret_result);

/* Whether a result is of the same work as a bench of these: batch, critic steps, widths. Fails with
 * WG_ERROR_ARGUMENT, which names both. */
bool wg_bench_check_same(const struct wg_bench_result *result,
                         const struct wg_train_settings *settings, int widths);

/* The result as JSON, indented, to be freed with free(). NULL if out of memory. */
char *wg_bench_json(const struct wg_bench_result *result);

/* ---- 5. Evaluation -------------------------------------------------------------------------- */

struct wg_eval_settings {
    int images;    // to generate, >= 1
    int k;         // which nearest neighbour bounds a ball of precision and recall, 1 to 100
    uint64_t seed; // which images are generated: those of wg_sample
};

/* 10000 images, k = 3, seed 1. */
struct wg_eval_settings wg_eval_settings_default(void);

enum { WG_EVAL_CLASSES = 10 };

/* What a set of images is worth, judged by the classifier. README.md defines each figure. */
struct wg_eval_figures {
    int images;                       // judged for the score and the shares
    double score;                     // classifier score, 1 to 10
    double frechet;                   // squared Frechet distance of features to training images
    double precision;                 // 0 to 1
    double recall;                    // 0 to 1
    double wasserstein;               // mean critic score: held-out minus generated images;
                                      // in the ceiling, training minus held-out images
    double shares[WG_EVAL_CLASSES];   // of the images the classifier puts in each class
    bool is_missing[WG_EVAL_CLASSES]; // share below a tenth of that among the training images
    int missing;                      // how many are
};

struct wg_eval_result {
    char device[256];
    char checkpoint[1024];
    char data[1024];
    int step; // of the checkpoint
    uint64_t seed;
    int k;
    int training_images;  // that the classifier learned from
    int held_out_images;  // that it did not
    bool is_cached;       // the classifier was trained before
    double train_seconds; // else this took so long
    double accuracy;      // share of the held-out images it gets right
    int compared;         // images of each set, for distances, precision, recall, wasserstein
    struct wg_eval_figures generated;
    struct wg_eval_figures held_out; // real images in the place of the generated: the ceiling
};

/* All may be NULL. */
struct wg_eval_callbacks {
    void *user;
    void (*warning)(void *user, const char *text);
    void (*progress)(void *user, const char *stage, int done, int total);
};

/*
 * Judges a run's (its newest checkpoint's) or a checkpoint's images by a classifier of the ten
 * classes of `data`, as wg_dataset_open takes it, with labels; NULL: what the run was trained on.
 * The classifier is trained on the device and cached, see README.md. Fails with WG_ERROR_DEVICE if
 * the device draws other images than formulas do, as wg_sample.
 */
bool wg_eval(struct wg_device *device, const char *source, const char *data,
             const struct wg_eval_settings *settings, const struct wg_eval_callbacks *callbacks,
             struct wg_eval_result *ret_result);

/* The result as JSON, indented, to be freed with free(). NULL if out of memory. */
char *wg_eval_json(const struct wg_eval_result *result);

#ifdef __cplusplus
}
#endif

#endif
