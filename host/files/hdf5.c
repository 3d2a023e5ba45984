#include "host/files/hdf5.h"

#include "host/base/error.h"
#include "host/files/input.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts in one list, and dimensions in one shape, that a reader takes; Keras stays far below. */
enum { TEXTS_MAX = 10000, RANK_MAX = 8 };

struct wg_hdf5 {
    hid_t id;
    char *path;
    H5E_auto2_t print; // how HDF5 reported errors before: while a file is open it is silent
    void *print_data;
};

/* ---- files ---- */

/* A file that lives in memory: empty, or with the content of `image`. Its name is one that no file
 * on the disk may have, and no other in memory: HDF5 asks. */
static hid_t open_in_memory(const struct wg_hdf5 *file, uint8_t *image, size_t size)
{
    enum { GROW_BY = 1 << 20 };
    char name[64];
    snprintf(name, sizeof name, ".wgan-cl-in-memory-%p", (const void *)file);
    hid_t id = H5I_INVALID_HID, access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0)
        return id;
    if (H5Pset_fapl_core(access, GROW_BY, false) >= 0) {
        if (!image)
            id = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
        else if (H5Pset_file_image(access, image, size) >= 0)
            id = H5Fopen(name, H5F_ACC_RDONLY, access);
    }
    H5Pclose(access);
    return id;
}

static struct wg_hdf5 *make(const char *path)
{
    struct wg_hdf5 *file = malloc(sizeof *file);
    char *copy = malloc(strlen(path) + 1);
    if (!file || !copy) {
        free(file);
        free(copy);
        return wg_fail_memory_null("an HDF5 file");
    }
    strcpy(copy, path);
    *file = (struct wg_hdf5){.id = H5I_INVALID_HID, .path = copy};
    H5Eget_auto2(H5E_DEFAULT, &file->print, &file->print_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return file;
}

bool wg_hdf5_create(const char *path, struct wg_hdf5 **ret_file)
{
    struct wg_hdf5 *file = make(path);
    if (!file)
        return false;
    file->id = open_in_memory(file, NULL, 0);
    if (file->id < 0) {
        wg_hdf5_close(file);
        return wg_fail_memory("an HDF5 file");
    }
    *ret_file = file;
    return true;
}

bool wg_hdf5_open(const char *path, struct wg_hdf5 **ret_file)
{
    uint8_t *image;
    size_t size;
    if (!wg_input_read(path, &image, &size))
        return false;
    struct wg_hdf5 *file = make(path);
    if (file && size > 0)
        file->id = open_in_memory(file, image, size);
    free(image); // HDF5 keeps a copy
    if (!file)
        return false;
    if (file->id < 0) {
        wg_hdf5_close(file);
        return wg_fail(WG_ERROR_DATA, "%s: not an HDF5 file, or a truncated or damaged one", path);
    }
    *ret_file = file;
    return true;
}

void wg_hdf5_close(struct wg_hdf5 *file)
{
    if (!file)
        return;
    if (file->id >= 0)
        H5Fclose(file->id);
    H5Eset_auto2(H5E_DEFAULT, file->print, file->print_data);
    free(file->path);
    free(file);
}

const char *wg_hdf5_path(const struct wg_hdf5 *file)
{
    return file->path;
}

static bool write_image(const char *path, const void *image, size_t size,
                        struct wg_output **ret_output)
{
    struct wg_output *output;
    if (!wg_output_open(path, &output))
        return false;
    if (!wg_output_write(output, image, size)) {
        wg_output_discard(output);
        return false;
    }
    *ret_output = output;
    return true;
}

bool wg_hdf5_output(struct wg_hdf5 *file, struct wg_output **ret_output)
{
    ssize_t size =
        H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0 ? -1 : H5Fget_file_image(file->id, NULL, 0);
    void *image = size > 0 ? malloc((size_t)size) : NULL;
    bool ok = image && H5Fget_file_image(file->id, image, (size_t)size) == size;
    ok = ok ? write_image(file->path, image, (size_t)size, ret_output)
            : wg_fail_memory("an HDF5 file");
    free(image);
    wg_hdf5_close(file);
    return ok;
}

/* ---- writing ---- */

/* In memory nothing but memory can be lacking; paths and names are the program's own. */
static bool fail_adding(const struct wg_hdf5 *file, const char *path)
{
    return wg_fail(WG_ERROR_MEMORY, "%s: HDF5 could not add '%s'", file->path, path);
}

/* Property list for new links: groups on the way are made. */
static hid_t with_parents(void)
{
    hid_t list = H5Pcreate(H5P_LINK_CREATE);
    if (list >= 0)
        H5Pset_create_intermediate_group(list, 1);
    return list;
}

bool wg_hdf5_write_group(struct wg_hdf5 *file, const char *path)
{
    hid_t parents = with_parents();
    hid_t group = H5Gcreate2(file->id, path, parents, H5P_DEFAULT, H5P_DEFAULT);
    H5Pclose(parents);
    if (group < 0)
        return fail_adding(file, path);
    H5Gclose(group);
    return true;
}

/* Text of any length, zero-terminated. */
static hid_t text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0)
        H5Tset_size(type, H5T_VARIABLE);
    return type;
}

static bool write_attribute(struct wg_hdf5 *file, const char *group, const char *name, hid_t space,
                            const char *const *texts)
{
    hid_t type = text_type();
    hid_t attribute = H5Acreate_by_name(file->id, group, name, type, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attribute >= 0 && (!texts || H5Awrite(attribute, type, texts) >= 0);
    H5Aclose(attribute);
    H5Tclose(type);
    H5Sclose(space);
    return ok || fail_adding(file, name);
}

bool wg_hdf5_write_text(struct wg_hdf5 *file, const char *group, const char *name, const char *text)
{
    return write_attribute(file, group, name, H5Screate(H5S_SCALAR), &text);
}

bool wg_hdf5_write_texts(struct wg_hdf5 *file, const char *group, const char *name,
                         const char *const *texts, size_t count)
{
    const hsize_t dims[1] = {count};
    return write_attribute(file, group, name, H5Screate_simple(1, dims, NULL),
                           count > 0 ? texts : NULL);
}

static bool write_data(struct wg_hdf5 *file, const char *path, hid_t space, hid_t stored_type,
                       hid_t type, const void *data)
{
    hid_t parents = with_parents(), properties = H5Pcreate(H5P_DATASET_CREATE);
    if (properties >= 0)
        H5Pset_obj_track_times(properties, false);
    hid_t set = H5Dcreate2(file->id, path, stored_type, space, parents, properties, H5P_DEFAULT);
    bool ok = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    H5Dclose(set);
    H5Pclose(properties);
    H5Pclose(parents);
    H5Sclose(space);
    return ok || fail_adding(file, path);
}

bool wg_hdf5_write_floats(struct wg_hdf5 *file, const char *path, int rank, const size_t *shape,
                          const float *data)
{
    hsize_t dims[RANK_MAX];
    if (rank < 0 || rank > RANK_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "%s: '%s' has rank %d, expected 0 to %d", file->path,
                       path, rank, RANK_MAX);
    for (int d = 0; d < rank; d++)
        dims[d] = shape[d];
    hid_t space = rank > 0 ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    return write_data(file, path, space, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, data);
}

bool wg_hdf5_write_integer(struct wg_hdf5 *file, const char *path, int64_t number)
{
    return write_data(file, path, H5Screate(H5S_SCALAR), H5T_STD_I64LE, H5T_NATIVE_INT64, &number);
}

/* ---- reading: objects ---- */

/* Whether every link of the path is there and leads somewhere. */
static bool path_leads(hid_t id, const char *path)
{
    char part[1024];
    if (strlen(path) >= sizeof part)
        return false;
    for (const char *end = path; *end; end++) {
        size_t length = (size_t)(end - path);
        memcpy(part, path, length);
        part[length] = '\0';
        if (*end == '/' && length > 0 && H5Lexists(id, part, H5P_DEFAULT) <= 0)
            return false;
    }
    return strcmp(path, "/") == 0 ||
           (H5Lexists(id, path, H5P_DEFAULT) > 0 && H5Oexists_by_name(id, path, H5P_DEFAULT) > 0);
}

bool wg_hdf5_has(const struct wg_hdf5 *file, const char *path)
{
    return path_leads(file->id, path);
}

bool wg_hdf5_has_attribute(const struct wg_hdf5 *file, const char *group, const char *name)
{
    return path_leads(file->id, group) && H5Aexists_by_name(file->id, group, name, H5P_DEFAULT) > 0;
}

/* "float64", "int32", "a text": what a message calls a type. */
static void describe_type(hid_t type, char text[32])
{
    size_t bits = 8 * H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        snprintf(text, 32, "float%zu", bits);
        break;
    case H5T_INTEGER:
        snprintf(text, 32, "%s%zu", H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int", bits);
        break;
    case H5T_STRING:
        strcpy(text, "text");
        break;
    default:
        strcpy(text, "neither numbers nor text");
    }
}

static void describe_shape(int rank, const hsize_t *dims, char text[160])
{
    size_t length = 0;
    text[0] = '\0';
    for (int d = 0; d < rank; d++)
        length += (size_t)snprintf(text + length, 160 - length, "%s%llu", d ? ", " : "",
                                   (unsigned long long)dims[d]);
}

/* ---- reading: attributes ---- */

void wg_hdf5_texts_free(struct wg_hdf5_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct wg_hdf5_texts){0};
}

/* `count` texts that lie in the attribute as pointers. */
static bool read_variable(hid_t attribute, hid_t type, hid_t space, struct wg_hdf5_texts *texts)
{
    char **read = calloc(texts->count, sizeof *read);
    bool ok = read && H5Aread(attribute, type, read) >= 0;
    for (size_t i = 0; ok && i < texts->count; i++)
        ok = (texts->items[i] = strdup(read[i] ? read[i] : "")) != NULL;
    if (read)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, read);
    free(read);
    return ok;
}

/* `count` texts of `size` bytes each, filled up with zeros or blanks, which HDF5 turns to zeros. */
static bool read_fixed(hid_t attribute, hid_t stored_type, struct wg_hdf5_texts *texts)
{
    size_t size = H5Tget_size(stored_type) + 1;
    hid_t type = H5Tcopy(stored_type);
    char *read = calloc(texts->count, size);
    bool ok = read && H5Tset_size(type, size) >= 0 && H5Tset_strpad(type, H5T_STR_NULLTERM) >= 0 &&
              H5Aread(attribute, type, read) >= 0;
    for (size_t i = 0; ok && i < texts->count; i++)
        ok = (texts->items[i] = strdup(read + i * size)) != NULL;
    free(read);
    H5Tclose(type);
    return ok;
}

/* The texts of an attribute; false without a message if it holds something else. */
static bool read_texts(hid_t attribute, struct wg_hdf5_texts *texts)
{
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    bool ok = type >= 0 && count >= 0 && count <= TEXTS_MAX &&
              (count == 0 || H5Tget_class(type) == H5T_STRING);
    if (ok && count > 0) {
        texts->items = calloc((size_t)count, sizeof *texts->items);
        texts->count = texts->items ? (size_t)count : 0;
        ok = texts->items &&
             (H5Tis_variable_str(type) > 0 ? read_variable(attribute, type, space, texts)
                                           : read_fixed(attribute, type, texts));
    }
    H5Sclose(space);
    H5Tclose(type);
    return ok;
}

bool wg_hdf5_read_texts(const struct wg_hdf5 *file, const char *group, const char *name,
                        struct wg_hdf5_texts *ret_texts)
{
    struct wg_hdf5_texts texts = {0};
    if (!path_leads(file->id, group))
        return wg_fail(WG_ERROR_DATA, "%s: the group '%s' is missing", file->path, group);
    if (!wg_hdf5_has_attribute(file, group, name))
        return wg_fail(WG_ERROR_DATA, "%s: the attribute '%s' of '%s' is missing", file->path, name,
                       group);
    hid_t attribute = H5Aopen_by_name(file->id, group, name, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attribute >= 0 && read_texts(attribute, &texts);
    H5Aclose(attribute);
    if (!ok) {
        wg_hdf5_texts_free(&texts);
        return wg_fail(WG_ERROR_DATA, "%s: the attribute '%s' of '%s' is damaged or no text",
                       file->path, name, group);
    }
    *ret_texts = texts;
    return true;
}

bool wg_hdf5_read_text(const struct wg_hdf5 *file, const char *group, const char *name,
                       char **ret_text)
{
    struct wg_hdf5_texts texts;
    if (!wg_hdf5_read_texts(file, group, name, &texts))
        return false;
    bool ok = texts.count == 1;
    if (ok) {
        *ret_text = texts.items[0];
        texts.items[0] = NULL;
    } else {
        wg_fail(WG_ERROR_DATA, "%s: the attribute '%s' of '%s' holds %zu texts, expected one",
                file->path, name, group, texts.count);
    }
    wg_hdf5_texts_free(&texts);
    return ok;
}

/* ---- reading: data sets ---- */

struct set {
    hid_t id;
    hid_t type;
    int rank;
    hsize_t dims[H5S_MAX_RANK];
};

static void close_set(struct set *set)
{
    H5Tclose(set->type);
    H5Dclose(set->id);
}

static bool open_set(const struct wg_hdf5 *file, const char *path, struct set *ret_set)
{
    struct set set;
    if (!path_leads(file->id, path))
        return wg_fail(WG_ERROR_DATA, "%s: '%s' is missing", file->path, path);
    set.id = H5Dopen2(file->id, path, H5P_DEFAULT);
    if (set.id < 0)
        return wg_fail(WG_ERROR_DATA, "%s: '%s' is damaged or no data set", file->path, path);
    set.type = H5Dget_type(set.id);
    hid_t space = H5Dget_space(set.id);
    set.rank = H5Sget_simple_extent_dims(space, set.dims, NULL);
    H5Sclose(space);
    if (set.type < 0 || set.rank < 0) {
        close_set(&set);
        return wg_fail(WG_ERROR_DATA, "%s: '%s' is damaged", file->path, path);
    }
    *ret_set = set;
    return true;
}

static bool check_type(const struct wg_hdf5 *file, const char *path, const struct set *set,
                       H5T_class_t class, size_t least, size_t most, const char *expected)
{
    char got[32];
    size_t bytes = H5Tget_size(set->type);
    if (H5Tget_class(set->type) == class && bytes >= least && bytes <= most)
        return true;
    describe_type(set->type, got);
    return wg_fail(WG_ERROR_DATA, "%s: '%s' is %s, expected %s", file->path, path, got, expected);
}

static bool check_shape(const struct wg_hdf5 *file, const char *path, const struct set *set,
                        int rank, const size_t *shape)
{
    char got[160], expected[160];
    hsize_t wanted[H5S_MAX_RANK];
    bool same = set->rank == rank;
    for (int d = 0; d < rank; d++) {
        wanted[d] = shape[d];
        same = same && set->dims[d] == wanted[d];
    }
    if (same)
        return true;
    describe_shape(set->rank > RANK_MAX ? RANK_MAX : set->rank, set->dims, got);
    describe_shape(rank, wanted, expected);
    return wg_fail(WG_ERROR_DATA, "%s: '%s' has shape [%s], expected [%s]", file->path, path, got,
                   expected);
}

/* `ok`: the checks so far. Reads a set of the shape that was checked, and closes it. */
static bool take(const struct wg_hdf5 *file, const char *path, struct set *set, bool ok,
                 hid_t memory_type, void *data)
{
    if (ok && H5Dread(set->id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        ok = wg_fail(WG_ERROR_DATA, "%s: '%s' can't be read: damaged, or of a kind unknown here",
                     file->path, path);
    close_set(set);
    return ok;
}

bool wg_hdf5_read_rank(const struct wg_hdf5 *file, const char *path, int *ret_rank)
{
    struct set set;
    if (!open_set(file, path, &set))
        return false;
    *ret_rank = set.rank;
    close_set(&set);
    return true;
}

bool wg_hdf5_read_floats(const struct wg_hdf5 *file, const char *path, int rank,
                         const size_t *shape, float *ret_data)
{
    struct set set;
    if (!open_set(file, path, &set))
        return false;
    bool ok = check_shape(file, path, &set, rank, shape) &&
              check_type(file, path, &set, H5T_FLOAT, 4, 4, "float32");
    return take(file, path, &set, ok, H5T_NATIVE_FLOAT, ret_data);
}

bool wg_hdf5_read_integer(const struct wg_hdf5 *file, const char *path, int64_t *ret_number)
{
    struct set set;
    int64_t number;
    if (!open_set(file, path, &set))
        return false;
    bool ok = check_shape(file, path, &set, 0, NULL) &&
              check_type(file, path, &set, H5T_INTEGER, 4, 8, "int64 or int32");
    if (!take(file, path, &set, ok, H5T_NATIVE_INT64, &number))
        return false;
    *ret_number = number;
    return true;
}
