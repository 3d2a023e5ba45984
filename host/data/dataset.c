/*
 * Opening a data set by the name a user gives. The bytes come from digits.c or idx.c; what is
 * decided here is where to look, what fits the model, and what to call it.
 */
#include "host/base/error.h"
#include "host/data/digits.h"
#include "host/data/idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIGITS_COUNT = 60000, SIDE = WG_IMAGE_SIDE };

/* Part of what "digits" means: another seed would be another data set. */
static const uint64_t digits_seed = 1998;

/* In the order in which a folder is searched. */
static const char *const image_files[] = {
    "train-images-idx3-ubyte",
    "train-images-idx3-ubyte.gz",
    "t10k-images-idx3-ubyte",
    "t10k-images-idx3-ubyte.gz",
};
enum { IMAGE_FILE_COUNT = sizeof image_files / sizeof image_files[0] };

static const char images_suffix[] = "-images-idx3-ubyte";
static const char labels_suffix[] = "-labels-idx1-ubyte";

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

/* The text a, b, c in new memory; NULL without memory. */
static char *join(const char *a, size_t a_length, const char *b, const char *c)
{
    size_t size = a_length + strlen(b) + strlen(c) + 1;
    char *text = malloc(size);
    if (!text)
        return wg_fail_memory_null("a path");
    memcpy(text, a, a_length);
    snprintf(text + a_length, size - a_length, "%s%s", b, c);
    return text;
}

static size_t length_without_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

static bool ends_in(const char *text, size_t length, const char *suffix)
{
    size_t n = strlen(suffix);
    return length > n && memcmp(text + length - n, suffix, n) == 0;
}

/* What a run folder may be called after: no separators, no spaces, never hidden. */
static void set_name(const char *source, struct wg_dataset *dataset)
{
    size_t end = length_without_slashes(source);
    if (ends_in(source, end, ".gz"))
        end -= strlen(".gz");
    if (ends_in(source, end, images_suffix))
        end -= strlen(images_suffix);
    size_t start = end;
    while (start > 0 && source[start - 1] != '/')
        start--;

    size_t length = end - start;
    if (length >= sizeof dataset->name)
        length = sizeof dataset->name - 1;
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    for (size_t i = 0; i < length; i++) {
        char c = source[start + i];
        dataset->name[i] = c != '\0' && strchr(allowed, c) && (i > 0 || c != '.') ? c : '-';
    }
    dataset->name[length] = '\0';
    if (strspn(dataset->name, ".-") == length)
        strcpy(dataset->name, "data");
}

/* Absolute, so that a run can be resumed from another folder. */
static bool set_source(const char *path, struct wg_dataset *dataset)
{
    char *absolute = realpath(path, NULL);
    if (!absolute)
        return wg_fail(WG_ERROR_FILE, "%s: %s", path, strerror(errno));
    bool fits = strlen(absolute) < sizeof dataset->source;
    if (fits)
        strcpy(dataset->source, absolute);
    else
        wg_fail(WG_ERROR_FILE, "%s: its absolute path is longer than %zu bytes", path,
                sizeof dataset->source - 1);
    free(absolute);
    return fits;
}

/* The path of the labels that belong to a file of images, NULL if there are none. */
static bool find_labels(const char *images, char **ret_path)
{
    *ret_path = NULL;
    size_t end = strlen(images);
    bool zipped = ends_in(images, end, ".gz");
    if (zipped)
        end -= strlen(".gz");
    if (!ends_in(images, end, images_suffix))
        return true;
    end -= strlen(images_suffix);

    // The labels of the same kind first, should both lie there.
    for (int i = 0; i < 2; i++) {
        char *path = join(images, end, labels_suffix, zipped == (i == 0) ? ".gz" : "");
        if (!path)
            return false;
        if (is_file(path)) {
            *ret_path = path;
            return true;
        }
        free(path);
    }
    return true;
}

static bool read_labels(const char *images, struct wg_dataset *dataset)
{
    char *path;
    if (!find_labels(images, &path))
        return false;
    if (!path)
        return true;
    size_t count;
    bool ok = wg_idx_read_labels(path, &count, &dataset->labels);
    if (ok && count != dataset->count)
        ok = wg_fail(WG_ERROR_DATA, "%s: %zu labels, expected %zu as there are images in %s", path,
                     count, dataset->count, images);
    free(path);
    return ok;
}

static bool read_file(const char *path, struct wg_dataset *dataset)
{
    struct wg_idx_shape shape;
    if (!wg_idx_read_images(path, &shape, &dataset->pixels))
        return false;
    if (shape.height != SIDE || shape.width != SIDE)
        return wg_fail(WG_ERROR_DATA, "%s: images are %zux%zu, this version trains on %dx%d", path,
                       shape.height, shape.width, SIDE, SIDE);
    dataset->count = shape.count;
    return set_source(path, dataset) && read_labels(path, dataset);
}

static bool read_folder(const char *folder, struct wg_dataset *dataset)
{
    size_t length = length_without_slashes(folder);
    for (int i = 0; i < IMAGE_FILE_COUNT; i++) {
        char *path = join(folder, length, folder[length - 1] == '/' ? "" : "/", image_files[i]);
        if (!path)
            return false;
        bool found = is_file(path);
        bool ok = found && read_file(path, dataset);
        free(path);
        if (found)
            return ok;
    }
    return wg_fail(WG_ERROR_FILE, "%s: no images in this folder, looked for %s, %s, %s and %s",
                   folder, image_files[0], image_files[1], image_files[2], image_files[3]);
}

static bool draw_digits(struct wg_dataset *dataset)
{
    dataset->count = DIGITS_COUNT;
    dataset->pixels = malloc((size_t)DIGITS_COUNT * SIDE * SIDE);
    dataset->labels = malloc(DIGITS_COUNT);
    if (!dataset->pixels || !dataset->labels)
        return wg_fail_memory("the pixels of the digits");
    strcpy(dataset->name, "digits");
    strcpy(dataset->source, "digits");
    return wg_digits_draw(digits_seed, dataset->count, dataset->pixels, dataset->labels);
}

static bool read_path(const char *source, struct wg_dataset *dataset)
{
    struct stat status;
    if (stat(source, &status) != 0)
        return wg_fail(WG_ERROR_FILE,
                       "%s: %s; expected a folder, an IDX file, or \"digits\" for the built-in "
                       "ones",
                       *source ? source : "the empty name", strerror(errno));
    set_name(source, dataset);
    return S_ISDIR(status.st_mode) ? read_folder(source, dataset) : read_file(source, dataset);
}

bool wg_dataset_open(const char *source, struct wg_dataset **ret_dataset)
{
    struct wg_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return wg_fail_memory("a data set");
    dataset->height = SIDE;
    dataset->width = SIDE;
    bool is_digits = !source || strcmp(source, "digits") == 0;
    if (!(is_digits ? draw_digits(dataset) : read_path(source, dataset))) {
        wg_dataset_close(dataset);
        return false;
    }
    *ret_dataset = dataset;
    return true;
}

void wg_dataset_close(struct wg_dataset *dataset)
{
    if (!dataset)
        return;
    free(dataset->pixels);
    free(dataset->labels);
    free(dataset);
}
