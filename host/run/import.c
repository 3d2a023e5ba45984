/*
 * A run from files of another program: a folder with a checkpoint and a log, where a training can
 * go on. No device is needed.
 */
#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/keras/probe.h"
#include "host/keras/read.h"
#include "host/run/checkpoint.h"
#include "host/run/folder.h"
#include "host/run/history.h"
#include "host/run/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Most steps a file may claim: every one gets a row in the log. */
enum { STEPS_MAX = 10000000 };

/* ---- what the files say ---- */

/* The generator's updates are the steps. Without them the critic's tell, of which each of its
 * iterations takes two. */
static bool steps_done(const char *source, const struct wg_keras_state *state, int critic_steps,
                       uint32_t *ret_step)
{
    int64_t steps = state->generator.updates;
    if (steps == 0)
        steps = state->critic.updates / 2 / critic_steps;
    if (steps > STEPS_MAX)
        return wg_fail(WG_ERROR_DATA, "%s: RMSprop counts %lld steps, expected at most %d", source,
                       (long long)steps, STEPS_MAX);
    *ret_step = (uint32_t)steps;
    return true;
}

/* A learning rate of 0 is to come from the file, or else from the defaults. */
static bool fill_rate(float *rate, const struct wg_keras_rate *of_file, float standard,
                      const char *source, const char *file, const char *option)
{
    if (*rate != 0)
        return true;
    if (of_file->schedule[0])
        return wg_fail(WG_ERROR_DATA,
                       "%s/%s: the learning rate follows the schedule %s, expected a number; --%s "
                       "takes one to go on with",
                       source, file, of_file->schedule, option);
    if (of_file->value > WG_LEARNING_RATE_MAX)
        return wg_fail(WG_ERROR_DATA,
                       "%s/%s: the learning rate is %g, expected at most %g; --%s takes another",
                       source, file, (double)of_file->value, (double)WG_LEARNING_RATE_MAX, option);
    *rate = of_file->value > 0 ? of_file->value : standard;
    return true;
}

static bool fill_settings(const char *source, const struct wg_keras_state *state,
                          struct wg_train_settings *settings)
{
    const struct wg_train_settings standard = wg_train_settings_default();
    return fill_rate(&settings->lr_generator, &state->generator.rate, standard.lr_generator, source,
                     "Adversarial.h5", "lr-generator") &&
           fill_rate(&settings->lr_critic, &state->critic.rate, standard.lr_critic, source,
                     "Discriminator.h5", "lr-critic") &&
           wg_settings_check(settings);
}

/* ---- the run folder ---- */

/* A row for every step that was done elsewhere: its losses are not known. */
static bool write_log(const char *folder, uint32_t steps)
{
    char path[WG_PATH_MAX];
    struct wg_history history;
    if (!wg_folder_path(path, folder, "log.csv") || !wg_history_create(&history, path))
        return false;
    bool ok = true;
    for (uint32_t step = 1; ok && step <= steps; step++)
        ok = wg_history_add(&history, &(struct wg_history_row){.step = step,
                                                               .d_loss = NAN,
                                                               .d_loss_real = NAN,
                                                               .d_loss_fake = NAN,
                                                               .g_loss = NAN,
                                                               .wasserstein = NAN});
    wg_history_finish(&history);
    return ok;
}

/* What an import that failed has made: new files, and the folder unless it was there. */
static void remove_run(const char *folder, bool was_there)
{
    static const char *const parts[] = {"log.csv", "checkpoints", "imgs"};
    char path[WG_PATH_MAX];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (wg_folder_path(path, folder, "%s", parts[i]))
            remove(path);
    if (!was_there)
        rmdir(folder);
}

/* The checkpoint last: it is what makes the folder a run. */
static bool fill_folder(const char *folder, const struct wg_keras_state *state,
                        const struct wg_checkpoint_info *info, char checkpoint[WG_PATH_MAX])
{
    return write_log(folder, info->step) &&
           wg_folder_checkpoint_path(checkpoint, folder, info->step) &&
           wg_checkpoint_write_tensors(checkpoint, state->tensors, state->count, info);
}

static bool make_run(const char *source, const struct wg_keras_state *state,
                     const struct wg_dataset *dataset, const struct wg_train_settings *settings,
                     const char *folder, struct wg_import_result *ret_result)
{
    char made[WG_PATH_MAX], checkpoint[WG_PATH_MAX];
    const bool was_there = folder && access(folder, F_OK) == 0;
    struct wg_checkpoint_info info = {
        .settings = *settings,
        .data_hash = wg_hash(WG_HASH_START, dataset->pixels,
                             dataset->count * (size_t)dataset->height * (size_t)dataset->width),
    };
    snprintf(info.data_source, sizeof info.data_source, "%s", dataset->source);
    if (!fill_settings(source, state, &info.settings) ||
        !steps_done(source, state, info.settings.critic_steps, &info.step) ||
        !wg_folder_create(folder, dataset->name, made))
        return false;
    if (!fill_folder(made, state, &info, checkpoint)) {
        remove_run(made, was_there);
        return false;
    }
    *ret_result = (struct wg_import_result){
        .step = (int)info.step,
        .lr_generator = info.settings.lr_generator,
        .lr_critic = info.settings.lr_critic,
        .has_generator_rmsprop = state->generator.is_there,
        .has_critic_rmsprop = state->critic.is_there,
    };
    snprintf(ret_result->folder, sizeof ret_result->folder, "%s", made);
    snprintf(ret_result->checkpoint, sizeof ret_result->checkpoint, "%s", checkpoint);
    return true;
}

bool wg_import(const char *source, const struct wg_dataset *dataset,
               const struct wg_train_settings *settings, const char *folder,
               struct wg_import_result *ret_result)
{
    struct wg_keras_state state;
    if (!wg_folder_check(folder) || !wg_keras_probe(source) || !wg_keras_read(source, NULL, &state))
        return false;
    bool ok = make_run(source, &state, dataset, settings, folder, ret_result);
    wg_keras_state_free(&state);
    return ok;
}
