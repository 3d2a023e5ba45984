#include "host/run/leftovers.h"

#include "host/files/output.h"
#include "host/run/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a run's folders, and of the files in them that are written anew; # is a step. */
static const struct {
    const char *folder, *names[12];
} places[] = {
    {".",
     {"run.json", "tuning.json", "log.csv", "loss.png", "training.gif", "discriminator_loss.npy",
      "generator_loss.npy", "Generator.h5", "Discriminator.h5", "Adversarial.h5"}},
    {"imgs", {"real.png", "#.png"}},
    {"checkpoints", {"#.safetensors"}},
};

static bool matches(const char *name, size_t length, const char *pattern)
{
    if (pattern[0] == '#') {
        size_t digits = strspn(name, "0123456789");
        if (digits < 6 || digits > length)
            return false;
        name += digits;
        length -= digits;
        pattern++;
    }
    return length == strlen(pattern) && memcmp(name, pattern, length) == 0;
}

/* This process has written nothing here yet: what bears its number is another's, as in a container,
 * where all numbers are small. */
static bool is_running(pid_t process)
{
    return process != getpid() && (kill(process, 0) == 0 || errno != ESRCH);
}

static bool is_left(const char *name, const char *const *names)
{
    size_t length;
    pid_t process;
    if (!wg_output_parse_temporary(name, &length, &process) || is_running(process))
        return false;
    for (; *names; names++)
        if (matches(name, length, *names))
            return true;
    return false;
}

int wg_leftovers_remove(const char *folder)
{
    int removed = 0;
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++) {
        char path[WG_PATH_MAX];
        struct stat status;
        DIR *directory =
            wg_folder_path(path, folder, "%s", places[p].folder) ? opendir(path) : NULL;
        for (struct dirent *entry; directory && (entry = readdir(directory));)
            if (is_left(entry->d_name, places[p].names) &&
                fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(status.st_mode))
                removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
        if (directory)
            closedir(directory);
    }
    return removed;
}
