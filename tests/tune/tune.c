/*
 * The tuner on a driver that works, and on drivers that crash, hang, or compute nothing: those are
 * the children's only (tests/emulate), so this process lives to tell.
 */
#include "host/base/child.h"
#include "host/base/clock.h"
#include "host/device/tuning.h"
#include "host/gan/trainer.h"
#include "host/graph/choices.h"
#include "host/tune/nodes.h"
#include "host/tune/store.h"
#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 2 };

/* Enough for a few ways on a machine with other work; tests stop when they have seen enough. */
static const struct wg_tune_settings settings = {.batch = BATCH, .seconds = 60};

struct watch {
    int enough; // ways; the next one is begun
    int done;
    char message[1024];
};

static void note_progress(void *user, const struct wg_tune_progress *now)
{
    struct watch *watch = user;
    watch->done = now->done;
    ck_assert_int_le(now->done, now->total);
    ck_assert_double_le(now->seconds_left, settings.seconds);
}

static void note_message(void *user, const char *text)
{
    struct watch *watch = user;
    snprintf(watch->message, sizeof watch->message, "%s", text);
}

static bool seen_enough(void *user)
{
    const struct watch *watch = user;
    return watch->done > watch->enough;
}

static struct watch watch;
static struct wg_tune_result result;

/* Tunes until some ways are done, in children whose driver has this fault; NULL: none. */
static void tune(const char *fault, int ways)
{
    const struct wg_tune_callbacks callbacks = {
        .user = &watch, .message = note_message, .progress = note_progress, .stop = seen_enough};
    watch = (struct watch){.enough = ways};
    if (fault) {
        setenv("LD_PRELOAD", getenv("WG_EMULATE"), 1);
        setenv("EMULATE", fault, 1);
    }
    bool ok = wg_tune(test_device(), &settings, &callbacks, &result);
    unsetenv("LD_PRELOAD");
    unsetenv("EMULATE");
    ck_assert_msg(ok, "%s", wg_error_message());
    ck_assert_int_gt(result.tried, 0);
}

static void finish(void)
{
    wg_tune_finish(&result);
    ck_assert(wg_device_tune(test_device(), NULL));
}

/* How many rows were chosen to be computed this way. */
static int count_after(const char *way)
{
    int count = 0;
    for (int i = 0; i < result.count; i++)
        count += strcmp(result.rows[i].after, way) == 0;
    return count;
}

/* How many nodes computed this way, " by direct", were rejected for a fault. */
static int count_rejected(const char *way, const char *fault)
{
    int count = 0;
    for (int i = 0; i < result.rejection_count; i++)
        if (strstr(result.rejections[i].way, way) && strcmp(result.rejections[i].fault, fault) == 0)
            count += result.rejections[i].count;
    return count;
}

/* But for what a slow machine does not build in time. */
START_TEST(nothing_is_rejected_where_all_is_well)
{
    tune(NULL, 6);
    for (int i = 0; i < result.rejection_count; i++)
        ck_assert_msg(strcmp(result.rejections[i].fault, "no answer in time") == 0, "rejected: %s",
                      result.rejections[i].first);
    ck_assert_int_ge(result.tried, 6);
    ck_assert(!result.complete); // it was stopped
    for (int i = 0; i < result.count; i++) {
        const struct wg_tune_row *row = &result.rows[i];
        ck_assert_double_gt(row->seconds_before, 0);
        ck_assert_double_le(row->seconds_after, row->seconds_before);
        ck_assert_int_gt(row->tried, 0);
    }
    ck_assert_double_gt(result.step_before, 0);
    ck_assert_int_gt(result.missing, 0);
    finish();
}
END_TEST

/* To a training the device is as new as before. */
START_TEST(a_stop_before_anything_is_found_leaves_nothing)
{
    bool is_damaged;
    tune(NULL, 0); // the heuristics' way for one node
    ck_assert_str_eq(result.digest, "none");
    ck_assert_str_eq(result.path, "");
    ck_assert_ptr_nonnull(strstr(watch.message, "nothing is remembered"));
    ck_assert_ptr_null(wg_tuning_find_cached(test_device(), BATCH, &is_damaged));
    ck_assert(!is_damaged);
    finish();
}
END_TEST

/* The heuristics' own choice, so that no node is left without: another takes its place. */
START_TEST(a_way_that_crashes_is_left)
{
    tune("crash=conv2d_winograd", 6);
    ck_assert_int_gt(count_rejected(" by winograd", "crash"), 0);
    ck_assert_int_gt(result.tried, result.rejected);
    ck_assert_int_gt(count_after("direct") + count_after("gemm"), 0);
    ck_assert_str_ne(result.digest, "none");
    ck_assert_str_eq(result.digest, wg_tuning_name(test_device()));
    struct wg_tuning *kept;
    ck_assert(wg_tuning_read(result.path, test_device(), BATCH, &kept));
    wg_tuning_destroy(kept);
    finish();
}
END_TEST

/* As if it had been measured: every convolution by "direct" where that suits. Returns how many. */
static int keep_direct(void)
{
    static struct wg_tuned_node rows[64];
    char path[WG_CACHE_PATH_MAX];
    struct wg_tune_nodes nodes;
    int count = 0;
    ck_assert(wg_tune_nodes_init(&nodes, test_device(), BATCH));
    for (int i = 0; i < nodes.count && count < 64; i++) {
        const struct wg_node *node = nodes.nodes[i].alone.node;
        const struct wg_implementation *direct = wg_op_find(node->op, "direct");
        if (!direct || !wg_suits(direct, node, test_device()))
            continue;
        strcpy(rows[count].key, nodes.nodes[i].key);
        strcpy(rows[count++].implementation, "direct");
    }
    wg_tune_nodes_finish(&nodes);
    struct wg_tuning *tuning = wg_tuning_create(rows, count, "");
    ck_assert(tuning && wg_tuning_path(test_device(), BATCH, path));
    ck_assert_msg(wg_tuning_write(path, test_device(), BATCH, tuning), "%s", wg_error_message());
    wg_tuning_destroy(tuning);
    return count;
}

START_TEST(what_is_not_measured_stays)
{
    int kept = keep_direct();
    ck_assert_int_ge(kept, 4);
    tune(NULL, 1); // and one more: what heuristics choose for the first node, and what is kept
    ck_assert_int_eq(result.tried, 2);
    ck_assert_int_eq(result.count, 1);
    ck_assert_int_ge(test_device()->tuning->count, kept - 1);
    finish();
}
END_TEST

START_TEST(what_is_wrong_by_now_does_not_stay)
{
    int kept = keep_direct();
    tune("skip=conv2d_direct,poison", 1);
    ck_assert_int_eq(result.rejected, 1);
    ck_assert_int_eq(test_device()->tuning->count, kept - 1);
    finish();
}
END_TEST

/* Memory is poisoned, so that what was not computed is no number. */
START_TEST(a_way_that_is_wrong_is_left)
{
    tune("skip=conv2d_winograd,poison", 6);
    ck_assert_int_gt(count_rejected(" by winograd", "wrong numbers"), 0);
    ck_assert_int_gt(result.tried, result.rejected);
    ck_assert_int_gt(count_after("direct") + count_after("gemm"), 0);
    finish();
}
END_TEST

START_TEST(a_way_that_is_wrong_by_a_right_yardstick_is_left)
{
    tune("skip=conv2d_direct,poison", 6);
    ck_assert_int_gt(count_rejected(" by direct", "wrong numbers"), 0);
    ck_assert_int_eq(count_after("direct"), 0);
    finish();
}
END_TEST

START_TEST(a_way_that_hangs_is_left)
{
    tune("hang=conv2d_direct", 4);
    ck_assert_int_gt(count_rejected(" by direct", "no answer in time"), 0);
    ck_assert_double_le(result.seconds, settings.seconds + 10);
    ck_assert_int_eq(count_after("direct"), 0);
    finish();
}
END_TEST

static double asked_at; // for a stop, the first time after something was measured

static bool stop_while_it_hangs(void *user)
{
    const struct watch *stopped = user;
    if (stopped->done > 0 && asked_at == 0)
        asked_at = wg_clock_seconds();
    return asked_at > 0 && wg_clock_seconds() > asked_at + 1;
}

/* The first way hangs until the child is killed, the second one until it is told to stop. */
START_TEST(a_stop_does_not_wait_for_a_way_that_hangs)
{
    const struct wg_tune_callbacks callbacks = {
        .user = &watch, .progress = note_progress, .stop = stop_while_it_hangs};
    const struct wg_tune_settings brief = {.batch = BATCH, .seconds = 40};
    watch = (struct watch){.done = 0};
    asked_at = 0;
    setenv("LD_PRELOAD", getenv("WG_EMULATE"), 1);
    setenv("EMULATE", "hang=conv2d_winograd", 1);
    bool ok = wg_tune(test_device(), &brief, &callbacks, &result);
    double end = wg_clock_seconds();
    unsetenv("LD_PRELOAD");
    unsetenv("EMULATE");
    ck_assert_msg(ok, "%s", wg_error_message());
    ck_assert(!result.complete);
    ck_assert_int_eq(result.rejected, 1);   // what was stopped is not to blame
    ck_assert_double_lt(end - asked_at, 6); // a way that hangs is killed after ten seconds
    finish();
}
END_TEST

START_TEST(without_a_cache_it_lives_as_long_as_the_device)
{
    setenv("XDG_CACHE_HOME", temporary_write("file", "", 0), 1);
    tune("crash=conv2d_winograd", 4);
    ck_assert_str_eq(result.path, "");
    ck_assert_ptr_nonnull(strstr(watch.message, "no cache"));
    ck_assert_str_eq(result.digest, wg_tuning_name(test_device()));
    finish();
}
END_TEST

START_TEST(settings_are_checked)
{
    const struct wg_tune_settings wrong[] = {{.batch = 0, .seconds = 5}, {.batch = 2}};
    for (int i = 0; i < 2; i++) {
        ck_assert(!wg_tune(test_device(), &wrong[i], NULL, &result));
        ck_assert_int_eq(wg_error_status(), WG_ERROR_ARGUMENT);
    }
}
END_TEST

/* ---- a training follows it ---- */

static const struct wg_widths narrow = {
    .noise = 20, .base = 16, .up1 = 16, .up2 = 32, .down1 = 32, .down2 = 16, .down3 = 16};

struct setup {
    struct wg_train_settings settings;
    struct wg_dataset dataset;
    struct wg_trainer_params params;
};

static struct setup *set_training(struct setup *s)
{
    static uint8_t pixels[4 * 28 * 28];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i);
    s->settings = wg_train_settings_default();
    s->settings.batch = 3;
    s->dataset = (struct wg_dataset){.count = 4, .height = 28, .width = 28, .pixels = pixels};
    s->params = (struct wg_trainer_params){
        .settings = &s->settings, .dataset = &s->dataset, .widths = &narrow};
    return s;
}

static struct wg_tuned_node row_list[64];
static int row_count;

/* Every convolution by "direct" where that suits, by "ref" where not. */
static bool note_convolution(void *user, const struct wg_task *task, int runs)
{
    struct wg_tuned_node *row = &row_list[row_count];
    const struct wg_node *node = task->node;
    (void)user;
    (void)runs;
    if (node->op != &wg_op_conv2d && node->op != &wg_op_conv2d_data &&
        node->op != &wg_op_conv2d_filter)
        return true;
    ck_assert_int_lt(row_count, 64);
    wg_node_key(node, row->key);
    const struct wg_implementation *direct = wg_op_find(node->op, "direct");
    bool suits = direct->suits(node, test_device());
    strcpy(row->implementation, suits ? "direct" : "ref");
    row_count++;
    return true;
}

static struct wg_losses losses_of_a_step(const struct setup *setup)
{
    struct wg_trainer *trainer;
    struct wg_losses losses;
    ck_assert_msg(wg_trainer_create(test_device(), &setup->params, &trainer) &&
                      wg_trainer_step(trainer, false) && wg_trainer_step(trainer, false) &&
                      wg_trainer_read_losses(trainer, 1, 1, &losses),
                  "%s", wg_error_message());
    wg_trainer_destroy(trainer);
    return losses;
}

static bool follows(void *user, const struct wg_task *task, int runs)
{
    char key[WG_NODE_KEY_MAX];
    (void)runs;
    wg_node_key(task->node, key);
    const struct wg_tuned_node *row = wg_tuning_find(test_device()->tuning, key);
    if (row) {
        ck_assert_str_eq(task->implementation->name, row->implementation);
        (*(int *)user)++;
    }
    return true;
}

START_TEST(a_training_follows_it_and_repeats_itself)
{
    struct setup setup;
    int followed = 0;
    ck_assert(wg_device_tune(test_device(), NULL));
    ck_assert(wg_trainer_visit_tasks(test_device(), &set_training(&setup)->params, note_convolution,
                                     NULL));
    ck_assert_int_gt(row_count, 0);
    ck_assert(wg_device_tune(test_device(), wg_tuning_create(row_list, row_count, "")));
    ck_assert(wg_trainer_visit_tasks(test_device(), &setup.params, follows, &followed));
    ck_assert_int_gt(followed, 0);
    struct wg_losses first = losses_of_a_step(&setup), second = losses_of_a_step(&setup);
    ck_assert_mem_eq(&first.d_real, &second.d_real, sizeof first.d_real);
    ck_assert_mem_eq(&first.d_fake, &second.d_fake, sizeof first.d_fake);
    ck_assert_mem_eq(&first.generator, &second.generator, sizeof first.generator);
    ck_assert(wg_device_tune(test_device(), NULL));
}
END_TEST

static void set_up(void)
{
    temporary_create();
    setenv("XDG_CACHE_HOME", temporary_path(""), 1);
}

/* pocl keeps its kernels where they are: they cost minutes. */
static void keep_kernels(void)
{
    char path[1024];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    snprintf(path, sizeof path, "%s%s/pocl/kcache",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache");
    setenv("POCL_CACHE_DIR", path, 0);
}

int main(int argc, char **argv)
{
    int code;
    if (wg_child_main(argc, argv, &code))
        return code;
    keep_kernels();
    TCase *tests = tcase_create("tune");
    tcase_add_checked_fixture(tests, set_up, temporary_remove);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, nothing_is_rejected_where_all_is_well);
    tcase_add_test(tests, a_stop_before_anything_is_found_leaves_nothing);
    tcase_add_test(tests, a_way_that_crashes_is_left);
    tcase_add_test(tests, what_is_not_measured_stays);
    tcase_add_test(tests, what_is_wrong_by_now_does_not_stay);
    tcase_add_test(tests, a_way_that_is_wrong_is_left);
    tcase_add_test(tests, a_way_that_is_wrong_by_a_right_yardstick_is_left);
    tcase_add_test(tests, a_way_that_hangs_is_left);
    tcase_add_test(tests, a_stop_does_not_wait_for_a_way_that_hangs);
    tcase_add_test(tests, without_a_cache_it_lives_as_long_as_the_device);
    tcase_add_test(tests, settings_are_checked);
    tcase_add_test(tests, a_training_follows_it_and_repeats_itself);
    Suite *suite = suite_create("tune");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
