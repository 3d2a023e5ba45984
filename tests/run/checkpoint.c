/* Checkpoints: the whole state of a run comes back, and nothing else is taken for one. */
#include "host/run/checkpoint.h"

#include "host/base/hash.h"
#include "host/files/safetensors.h"
#include "tests/run/runlib.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 16, PIXELS = 28 * 28 };

static const struct wg_widths tiny = {
    .noise = 8, .base = 4, .up1 = 4, .up2 = 8, .down1 = 8, .down2 = 4, .down3 = 4};

static const struct wg_checkpoint_info info = {
    .step = 3,
    .settings = {.steps = 9,
                 .batch = 2,
                 .lr_generator = 1e-3f,
                 .lr_critic = 5e-4f,
                 .clip = 0.02f,
                 .critic_steps = 2,
                 .sample_every = 4,
                 .checkpoint_every = 0,
                 .seed = 77},
    .data_source = "/data/\"quoted\"/train-images-idx3-ubyte.gz",
    .data_hash = UINT64_C(0xfedcba9876543210),
};

static struct wg_trainer *make_trainer(const struct wg_widths *widths, uint64_t seed)
{
    static uint8_t pixels[IMAGES * PIXELS];
    struct wg_trainer *trainer;
    struct wg_train_settings settings = info.settings;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37 % 251);
    const struct wg_dataset dataset = {
        .count = IMAGES, .height = 28, .width = 28, .pixels = pixels};
    settings.seed = seed;
    const struct wg_trainer_params params = {
        .settings = &settings, .dataset = &dataset, .widths = widths};
    ck_assert_msg(wg_trainer_create(test_device(), &params, &trainer), "%s", wg_error_message());
    return trainer;
}

static void step(struct wg_trainer *trainer, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert(wg_trainer_step(trainer, false));
}

static struct wg_checkpoint *open_checkpoint(const char *path)
{
    struct wg_checkpoint *checkpoint;
    ck_assert_msg(wg_checkpoint_open(path, &checkpoint), "%s", wg_error_message());
    return checkpoint;
}

static void load(const char *path, struct wg_trainer *trainer)
{
    struct wg_checkpoint *checkpoint = open_checkpoint(path);
    ck_assert_msg(wg_checkpoint_load_trainer(checkpoint, trainer), "%s", wg_error_message());
    wg_checkpoint_close(checkpoint);
}

static void write_state(const char *path, struct wg_trainer *trainer, uint32_t steps)
{
    struct wg_checkpoint_info now = info;
    now.step = steps;
    ck_assert_msg(wg_checkpoint_write(path, trainer, &now), "%s", wg_error_message());
}

/* A checkpoint after three steps. */
static const char *write_good(void)
{
    struct wg_trainer *trainer = make_trainer(&tiny, info.settings.seed);
    const char *path = temporary_path("good.safetensors");
    step(trainer, 3);
    write_state(path, trainer, 3);
    wg_trainer_destroy(trainer);
    return path;
}

/* ---- round trips ---- */

START_TEST(information_comes_back)
{
    struct wg_checkpoint *checkpoint = open_checkpoint(write_good());
    const struct wg_checkpoint_info *got = wg_checkpoint_info(checkpoint);
    ck_assert_uint_eq(got->step, info.step);
    ck_assert_str_eq(got->data_source, info.data_source);
    ck_assert(got->data_hash == info.data_hash);
    ck_assert_int_eq(got->settings.steps, info.settings.steps);
    ck_assert_int_eq(got->settings.batch, info.settings.batch);
    ck_assert_float_eq(got->settings.lr_generator, info.settings.lr_generator);
    ck_assert_float_eq(got->settings.clip, info.settings.clip);
    ck_assert(got->settings.seed == info.settings.seed);
    wg_checkpoint_close(checkpoint);
}
END_TEST

/* A path may be anything, metadata is UTF-8. */
START_TEST(a_source_that_is_not_utf8_spoils_nothing)
{
    struct wg_trainer *trainer = make_trainer(&tiny, 1);
    struct wg_checkpoint_info now = info;
    const char *path = temporary_path("latin1.safetensors");
    strcpy(now.data_source, "/data/Z\xfcrich");
    ck_assert_msg(wg_checkpoint_write(path, trainer, &now), "%s", wg_error_message());
    wg_trainer_destroy(trainer);
    struct wg_checkpoint *checkpoint = open_checkpoint(path);
    ck_assert_str_eq(wg_checkpoint_info(checkpoint)->data_source, "/data/Z?rich");
    wg_checkpoint_close(checkpoint);
}
END_TEST

START_TEST(state_comes_back_to_the_byte)
{
    const char *path = write_good(), *copy = temporary_path("copy.safetensors");
    struct wg_trainer *other = make_trainer(&tiny, 5); // other weights until it is loaded
    write_state(copy, other, 3);
    ck_assert(!files_are_equal(path, copy));
    load(path, other);
    write_state(copy, other, 3);
    ck_assert(files_are_equal(path, copy));
    wg_trainer_destroy(other);
}
END_TEST

START_TEST(a_run_goes_on_as_if_never_stopped)
{
    const char *straight = temporary_path("straight"), *resumed = temporary_path("resumed");
    const char *middle = write_good();
    struct wg_trainer *trainer = make_trainer(&tiny, info.settings.seed);
    step(trainer, 7);
    write_state(straight, trainer, 7);
    wg_trainer_destroy(trainer);

    trainer = make_trainer(&tiny, info.settings.seed);
    load(middle, trainer);
    ck_assert_uint_eq(wg_trainer_steps_done(trainer), 3);
    step(trainer, 4);
    write_state(resumed, trainer, 7);
    wg_trainer_destroy(trainer);
    ck_assert(files_are_equal(straight, resumed));
}
END_TEST

START_TEST(a_generator_alone_draws_what_the_trainer_draws)
{
    enum { COUNT = WG_SAMPLE_BATCH };
    float noise[COUNT * 8], *expected = malloc(COUNT * PIXELS * sizeof *expected);
    float *got = malloc(COUNT * PIXELS * sizeof *got);
    ck_assert(expected && got);
    struct wg_trainer *trainer = make_trainer(&tiny, info.settings.seed);
    struct wg_inference *generator;
    load(write_good(), trainer);
    struct wg_checkpoint *checkpoint = open_checkpoint(temporary_path("good.safetensors"));
    ck_assert(wg_inference_create(test_device(), &tiny, COUNT, WG_GENERATOR, &generator));
    ck_assert(wg_checkpoint_load_network(checkpoint, generator));
    wg_sample_noise(3, 0, COUNT, 8, noise);
    ck_assert(wg_trainer_sample(trainer, noise, expected));
    ck_assert(wg_inference_run(generator, noise, COUNT, got));
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        ck_assert_float_eq_tol(got[i], expected[i], 1e-5f);
    wg_inference_destroy(generator);
    wg_checkpoint_close(checkpoint);
    wg_trainer_destroy(trainer);
    free(expected);
    free(got);
}
END_TEST

START_TEST(a_critic_alone_scores_as_that_of_the_trainer)
{
    static float images[3 * PIXELS];
    float expected[3], got[3];
    struct wg_trainer *trainer = make_trainer(&tiny, info.settings.seed);
    struct wg_inference *by_hand, *loaded;
    load(write_good(), trainer);
    struct wg_checkpoint *checkpoint = open_checkpoint(temporary_path("good.safetensors"));
    ck_assert(wg_inference_create(test_device(), &tiny, 2, WG_CRITIC, &by_hand));
    ck_assert(wg_inference_create(test_device(), &tiny, 2, WG_CRITIC, &loaded));
    ck_assert(wg_checkpoint_load_network(checkpoint, loaded));
    const struct wg_network *from = &wg_trainer_model(trainer)->critic;
    const struct wg_network *to = wg_inference_network(by_hand);
    for (int i = 0; i < from->count; i++) {
        float *values = malloc(wg_node_bytes(from->weights[i].node));
        ck_assert_ptr_nonnull(values);
        ck_assert(wg_trainer_read(trainer, from->weights[i].node, values));
        ck_assert(wg_inference_write(by_hand, to->weights[i].node, values));
        free(values);
    }
    test_fill(images, 3 * PIXELS, 1);
    ck_assert(wg_inference_run(by_hand, images, 3, expected));
    ck_assert(wg_inference_run(loaded, images, 3, got));
    ck_assert_mem_eq(got, expected, sizeof got);
    ck_assert_float_ne(got[0], got[1]);
    wg_inference_destroy(by_hand);
    wg_inference_destroy(loaded);
    wg_checkpoint_close(checkpoint);
    wg_trainer_destroy(trainer);
}
END_TEST

/* A loss shows only at the next step that an update made an infinity. */
START_TEST(a_diverged_state_is_not_written)
{
    struct wg_trainer *trainer = make_trainer(&tiny, 1);
    const struct wg_node *kernel = wg_trainer_model(trainer)->generator.weights[0].node;
    float *values = malloc(wg_node_bytes(kernel));
    ck_assert(values && wg_trainer_read(trainer, kernel, values));
    values[7] = INFINITY;
    ck_assert(wg_trainer_write(trainer, kernel, values));
    ck_assert(!wg_checkpoint_write(temporary_path("diverged"), trainer, &info));
    check_error(WG_ERROR_DATA, "training diverged: element 7 of generator.dense.kernel is inf");
    ck_assert(!file_exists(temporary_path("diverged")));
    free(values);
    wg_trainer_destroy(trainer);
}
END_TEST

START_TEST(writing_fails_without_its_folder)
{
    struct wg_trainer *trainer = make_trainer(&tiny, 1);
    ck_assert(!wg_checkpoint_write(temporary_path("nowhere/x.safetensors"), trainer, &info));
    check_error(WG_ERROR_FILE, "nowhere/x.safetensors");
    wg_trainer_destroy(trainer);
}
END_TEST

/* ---- damage ---- */

static void check_not_opened(const char *path, enum wg_status status, const char *reason)
{
    struct wg_checkpoint *checkpoint = NULL;
    ck_assert_msg(!wg_checkpoint_open(path, &checkpoint), "taken, though: %s", reason);
    ck_assert_ptr_null(checkpoint);
    check_error(status, path);
    check_error(status, reason);
}

START_TEST(every_truncation_is_noticed)
{
    size_t size;
    char *bytes = read_bytes(write_good(), &size);
    const size_t lengths[] = {0, 1, 7, 8, 9, 100, 5000, size / 2, size - 4, size - 1};
    for (size_t i = 0; i < countof(lengths); i++)
        check_not_opened(temporary_write("short", bytes, lengths[i]), WG_ERROR_DATA, "");
    free(bytes);
}
END_TEST

START_TEST(bytes_too_many_are_noticed)
{
    size_t size;
    char *bytes = read_bytes(write_good(), &size);
    check_not_opened(temporary_write("long", bytes, size + 1), WG_ERROR_DATA, "");
    free(bytes);
}
END_TEST

/* Flips the lowest bit of every byte of the header, and of some in each tensor: the hash covers
 * the metadata as well, or a run would go on at another step. */
START_TEST(every_flipped_bit_is_noticed)
{
    size_t size, header = 8;
    const char *path = write_good();
    char *bytes = read_bytes(path, &size);
    for (int i = 0; i < 8; i++)
        header += (size_t)(uint8_t)bytes[i] << 8 * i;
    ck_assert_uint_lt(header, size);
    for (size_t i = 0; i < size; i += i < header ? 1 : 61) {
        bytes[i] ^= 1;
        const char *damaged = temporary_write("damaged", bytes, size);
        struct wg_checkpoint *checkpoint;
        ck_assert_msg(!wg_checkpoint_open(damaged, &checkpoint), "byte %zu of %zu", i, size);
        check_error(WG_ERROR_DATA, damaged);
        bytes[i] ^= 1;
    }
    free(bytes);
}
END_TEST

/* ---- files of another kind ---- */

START_TEST(other_files_are_refused)
{
    struct wg_checkpoint *checkpoint;
    check_not_opened(write_text("text", "This is not a checkpoint, but long enough to be one.\n"),
                     WG_ERROR_DATA, "");
    check_not_opened(temporary_path("nowhere"), WG_ERROR_FILE, "No such file");
    ck_assert(!wg_checkpoint_open(temporary_path(""), &checkpoint));
    check_error(WG_ERROR_FILE, temporary_path(""));
}
END_TEST

START_TEST(safetensors_of_other_programs_are_refused)
{
    static const float data[4] = {1, 2, 3, 4};
    const struct wg_safetensor tensor = {.name = "weight", .rank = 1, .shape = {4}, .data = data};
    const struct wg_safetensors_note notes[] = {{"format", "pt"}};
    const char *path = temporary_path("foreign.safetensors");
    ck_assert(wg_safetensors_write(path, &tensor, 1, NULL, 0));
    check_not_opened(path, WG_ERROR_DATA, "not a checkpoint of wgan-cl");
    ck_assert(wg_safetensors_write(path, &tensor, 1, notes, 1));
    check_not_opened(path, WG_ERROR_DATA, "'format' is 'pt', expected 'wgan-cl checkpoint'");
}
END_TEST

/* ---- forgeries: well-formed, with the hash they should have, but wrong ---- */

struct forgery {
    const char *note, *value;   // this note has another value; NULL: it is missing
    const char *without_tensor; // this tensor is missing
    const char *renamed_to;     // or has another name
    bool flattened;             // it has rank 1
};

enum { NOTES = 7, TENSORS_MAX = 128 };

static uint64_t hash_forged(const struct wg_safetensors_note *notes, int note_count,
                            const struct wg_safetensor *tensors, size_t count)
{
    uint64_t hash = WG_HASH_START;
    for (int i = 0; i < note_count; i++)
        hash = wg_hash(hash, notes[i].value, strlen(notes[i].value) + 1);
    for (size_t i = 0; i < count; i++) {
        size_t elements = 1;
        for (int d = 0; d < tensors[i].rank; d++)
            elements *= tensors[i].shape[d];
        hash = wg_hash(hash, tensors[i].name, strlen(tensors[i].name));
        hash = wg_hash(hash, tensors[i].data, elements * sizeof(float));
    }
    return hash;
}

static int forge_notes(const struct wg_safetensors *file, const struct forgery *f,
                       struct wg_safetensors_note notes[NOTES])
{
    static const char *const keys[NOTES] = {"format",   "version", "program",  "step",
                                            "settings", "data",    "data_hash"};
    int count = 0;
    for (int i = 0; i < NOTES; i++) {
        const char *value = wg_safetensors_note(file, keys[i]);
        ck_assert_ptr_nonnull(value);
        if (f->note && strcmp(f->note, keys[i]) == 0)
            value = f->value;
        if (value)
            notes[count++] = (struct wg_safetensors_note){keys[i], value};
    }
    return count;
}

static size_t forge_tensors(const struct wg_safetensors *file, const struct forgery *f,
                            struct wg_safetensor tensors[TENSORS_MAX])
{
    size_t count = 0;
    ck_assert_uint_lt(wg_safetensors_count(file), TENSORS_MAX);
    for (size_t i = 0; i < wg_safetensors_count(file); i++) {
        struct wg_safetensor tensor = *wg_safetensors_at(file, i);
        if (f->without_tensor && strcmp(f->without_tensor, tensor.name) == 0) {
            if (f->flattened) {
                for (int d = 1; d < tensor.rank; d++)
                    tensor.shape[0] *= tensor.shape[d];
                tensor.rank = 1;
            } else if (f->renamed_to) {
                tensor.name = f->renamed_to;
            } else {
                continue;
            }
        }
        tensors[count++] = tensor;
    }
    return count;
}

/* The path of a checkpoint that differs from a good one only in what `f` says. */
static const char *forge(const struct forgery *f)
{
    struct wg_safetensors *file;
    struct wg_safetensors_note notes[NOTES + 1];
    struct wg_safetensor tensors[TENSORS_MAX];
    char hash[32];
    ck_assert(wg_safetensors_open(write_good(), &file));
    int note_count = forge_notes(file, f, notes);
    size_t count = forge_tensors(file, f, tensors);
    snprintf(hash, sizeof hash, "%016" PRIx64, hash_forged(notes, note_count, tensors, count));
    notes[note_count++] = (struct wg_safetensors_note){"hash", hash};
    const char *path = temporary_path("forged.safetensors");
    ck_assert(wg_safetensors_write(path, tensors, count, notes, (size_t)note_count));
    wg_safetensors_close(file);
    return path;
}

START_TEST(a_forgery_without_a_mistake_is_taken)
{
    ck_assert(files_are_equal(forge(&(struct forgery){.note = NULL}),
                              temporary_path("good.safetensors")));
}
END_TEST

START_TEST(newer_versions_are_refused)
{
    check_not_opened(forge(&(struct forgery){.note = "version", .value = "2"}), WG_ERROR_DATA,
                     "a checkpoint of version '2', this program reads 1");
}
END_TEST

START_TEST(wrong_metadata_is_named)
{
    static const struct {
        const char *note, *value, *reason;
    } cases[] = {
        {"version", NULL, "version ''"},
        {"program", NULL, "'program'"},
        {"step", NULL, "'step'"},
        {"step", "", "'step' is ''"},
        {"step", "three", "'step' is 'three', expected a number"},
        {"step", "3 ", "'step'"},
        {"step", "-3", "'step'"},
        {"step", "99999999999", "'step' is 99999999999, out of range"},
        {"data", NULL, "'data'"},
        {"data_hash", NULL, "'data_hash'"},
        {"data_hash", "xyz", "'data_hash'"},
        {"settings", NULL, "'settings'"},
        {"settings", "", "'settings'"},
        {"settings", "[]", "'settings'"},
        {"settings", "{\"steps\": 1}", "'settings'"},
    };
    for (size_t i = 0; i < countof(cases); i++)
        check_not_opened(forge(&(struct forgery){.note = cases[i].note, .value = cases[i].value}),
                         WG_ERROR_DATA, cases[i].reason);
}
END_TEST

/* Opened, for nothing is damaged, but neither a trainer nor a generator alone takes it. */
static void check_not_loaded(const char *path, const struct wg_widths *widths, const char *tensor,
                             const char *reason, bool alone)
{
    struct wg_checkpoint *checkpoint = open_checkpoint(path);
    struct wg_trainer *trainer = make_trainer(widths, 1);
    ck_assert(!wg_checkpoint_load_trainer(checkpoint, trainer));
    check_error(WG_ERROR_DATA, path);
    check_error(WG_ERROR_DATA, tensor);
    check_error(WG_ERROR_DATA, reason);
    wg_trainer_destroy(trainer);

    struct wg_inference *generator;
    ck_assert(wg_inference_create(test_device(), widths, 4, WG_GENERATOR, &generator));
    ck_assert(wg_checkpoint_load_network(checkpoint, generator) == !alone);
    if (alone)
        check_error(WG_ERROR_DATA, reason);
    wg_inference_destroy(generator);
    wg_checkpoint_close(checkpoint);
}

static const char *tensor_name(bool of_generator)
{
    static char name[192];
    struct wg_trainer *trainer = make_trainer(&tiny, 1);
    const struct wg_model *model = wg_trainer_model(trainer);
    const struct wg_network *network = of_generator ? &model->generator : &model->critic;
    snprintf(name, sizeof name, "%s", network->weights[0].node->name);
    wg_trainer_destroy(trainer);
    return name;
}

START_TEST(a_missing_tensor_is_named)
{
    const char *name = tensor_name(true);
    check_not_loaded(forge(&(struct forgery){.without_tensor = name}), &tiny, name, "is missing",
                     true);
    check_not_loaded(forge(&(struct forgery){.without_tensor = name, .renamed_to = "other"}), &tiny,
                     name, "is missing", true);
}
END_TEST

START_TEST(a_generator_alone_needs_no_critic)
{
    const char *name = tensor_name(false);
    check_not_loaded(forge(&(struct forgery){.without_tensor = name}), &tiny, name, "is missing",
                     false);
}
END_TEST

START_TEST(a_tensor_of_another_shape_is_named)
{
    struct wg_widths wider = tiny;
    const char *name = tensor_name(true);
    check_not_loaded(forge(&(struct forgery){.without_tensor = name, .flattened = true}), &tiny,
                     name, "has shape [", true);
    wider.up1 = 8;
    check_not_loaded(write_good(), &wider, "has shape [", "expected [", true);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        information_comes_back,
        a_source_that_is_not_utf8_spoils_nothing,
        state_comes_back_to_the_byte,
        a_run_goes_on_as_if_never_stopped,
        a_generator_alone_draws_what_the_trainer_draws,
        a_critic_alone_scores_as_that_of_the_trainer,
        a_diverged_state_is_not_written,
        writing_fails_without_its_folder,
        every_truncation_is_noticed,
        bytes_too_many_are_noticed,
        every_flipped_bit_is_noticed,
        other_files_are_refused,
        safetensors_of_other_programs_are_refused,
        a_forgery_without_a_mistake_is_taken,
        newer_versions_are_refused,
        wrong_metadata_is_named,
        a_missing_tensor_is_named,
        a_generator_alone_needs_no_critic,
        a_tensor_of_another_shape_is_named,
    };
    return run_tests("checkpoint", tests, countof(tests));
}
