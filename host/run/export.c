/*
 * A checkpoint as files of other programs. No device is needed.
 */
#include "host/base/error.h"
#include "host/keras/write.h"
#include "host/run/checkpoint.h"
#include "host/run/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The folder is made if it is not there; its parents are not. */
static bool make_folder(const char *folder)
{
    struct stat status;
    if (stat(folder, &status) == 0)
        return S_ISDIR(status.st_mode) ||
               wg_fail(WG_ERROR_FILE, "%s: exists and is no folder", folder);
    if (lstat(folder, &status) == 0)
        return wg_fail(WG_ERROR_FILE, "%s: a symbolic link to nothing", folder);
    return mkdir(folder, 0777) == 0 ||
           wg_fail(WG_ERROR_FILE, "%s: the folder can't be created: %s", folder, strerror(errno));
}

bool wg_export(const char *source, enum wg_export_format format, const char *folder,
               struct wg_export_result *ret_result)
{
    char path[WG_PATH_MAX];
    struct wg_checkpoint *checkpoint;
    if (format != WG_EXPORT_H5)
        return wg_fail(WG_ERROR_ARGUMENT, "export format %d: expected WG_EXPORT_H5", (int)format);
    if (!wg_folder_find_checkpoint(source, path) || !wg_checkpoint_open(path, &checkpoint))
        return false;
    const struct wg_checkpoint_info *info = wg_checkpoint_info(checkpoint);
    const struct wg_keras_training training = {
        .lr_generator = info->settings.lr_generator,
        .lr_critic = info->settings.lr_critic,
        .generator_updates = info->step,
        .critic_updates = (int64_t)info->step * info->settings.critic_steps * 2,
    };
    bool ok =
        make_folder(folder) && wg_keras_write(folder, wg_checkpoint_tensors(checkpoint), &training);
    if (ok && ret_result)
        ret_result->step = (int)info->step;
    wg_checkpoint_close(checkpoint);
    return ok;
}
