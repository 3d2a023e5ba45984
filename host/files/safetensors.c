#include "host/files/safetensors.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/error.h"
#include "host/files/input.h"
#include "host/files/json.h"
#include "host/files/output.h"

#define METADATA      "__metadata__"
#define LENGTH_BYTES  8 // of the header's length
#define ALIGNMENT     8 // of the data within the file
#define ELEMENT_BYTES 4

/* Bytes of a tensor, false if no memory could hold them. */
static bool measure(const struct wg_safetensor *tensor, size_t *ret_bytes)
{
    size_t bytes = ELEMENT_BYTES;
    for (int d = 0; d < tensor->rank; d++) {
        const size_t size = tensor->shape[d];
        if (size > PTRDIFF_MAX || (size != 0 && bytes > PTRDIFF_MAX / size))
            return false;
        bytes *= size;
    }
    *ret_bytes = bytes;
    return true;
}

/* ---- writing ---- */

/* The header's member for one tensor, whose data starts at *begin; moves *begin behind it. */
static bool describe(const struct wg_safetensor *tensor, size_t *begin, struct wg_json *header)
{
    size_t bytes = 0;
    if (tensor->rank < 0 || tensor->rank > WG_SAFETENSORS_RANK_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "tensor '%s' has rank %d, expected 0 to %d", tensor->name,
                       tensor->rank, WG_SAFETENSORS_RANK_MAX);
    if (!measure(tensor, &bytes) || bytes > PTRDIFF_MAX - *begin)
        return wg_fail(WG_ERROR_ARGUMENT, "tensor '%s' is larger than memory", tensor->name);
    if (strcmp(tensor->name, METADATA) == 0 || wg_json_find(header, tensor->name))
        return wg_fail(WG_ERROR_ARGUMENT, "tensor name '%s' is already taken", tensor->name);

    struct wg_json *entry = wg_json_create_object();
    if (!wg_json_set(header, tensor->name, entry) || !wg_json_set_string(entry, "dtype", "F32"))
        return false;
    struct wg_json *shape = wg_json_create_array();
    if (!wg_json_set(entry, "shape", shape))
        return false;
    struct wg_json *offsets = wg_json_create_array();
    if (!wg_json_set(entry, "data_offsets", offsets))
        return false;
    bool ok = wg_json_append(offsets, wg_json_create_uint64(*begin)) &&
              wg_json_append(offsets, wg_json_create_uint64(*begin + bytes));
    for (int d = 0; ok && d < tensor->rank; d++)
        ok = wg_json_append(shape, wg_json_create_uint64(tensor->shape[d]));
    *begin += bytes;
    return ok;
}

static bool build_header(const struct wg_safetensor *tensors, size_t count,
                         const struct wg_safetensors_note *notes, size_t note_count,
                         struct wg_json *header)
{
    size_t begin = 0;
    bool ok = true;
    if (note_count > 0) {
        struct wg_json *metadata = wg_json_create_object();
        ok = wg_json_set(header, METADATA, metadata);
        for (size_t i = 0; ok && i < note_count; i++)
            ok = wg_json_set_string(metadata, notes[i].key, notes[i].value);
    }
    for (size_t i = 0; ok && i < count; i++)
        ok = describe(&tensors[i], &begin, header);
    return ok;
}

/* Length, text and padding. */
static bool put_header(struct wg_output *output, const char *text)
{
    const size_t bytes = strlen(text);
    const size_t padding = (ALIGNMENT - bytes % ALIGNMENT) % ALIGNMENT;
    const uint64_t length = bytes + padding;
    uint8_t little[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        little[i] = (uint8_t)(length >> 8 * i);
    return wg_output_write(output, little, sizeof little) && wg_output_write(output, text, bytes) &&
           wg_output_write(output, "        ", padding);
}

static bool put_floats(struct wg_output *output, const struct wg_safetensor *tensor)
{
    uint8_t block[4096];
    size_t used = 0;
    size_t bytes = 0;
    measure(tensor, &bytes);
    for (size_t i = 0; i < bytes / ELEMENT_BYTES; i++) {
        uint32_t bits;
        memcpy(&bits, &tensor->data[i], sizeof bits);
        for (int b = 0; b < ELEMENT_BYTES; b++)
            block[used++] = (uint8_t)(bits >> 8 * b);
        if (used < sizeof block)
            continue;
        if (!wg_output_write(output, block, used))
            return false;
        used = 0;
    }
    return wg_output_write(output, block, used);
}

static bool save(const char *path, const char *header, const struct wg_safetensor *tensors,
                 size_t count)
{
    struct wg_output *output;
    if (!wg_output_open(path, &output))
        return false;
    bool ok = put_header(output, header);
    for (size_t i = 0; ok && i < count; i++)
        ok = put_floats(output, &tensors[i]);
    if (!ok) {
        wg_output_discard(output);
        return false;
    }
    return wg_output_commit(output);
}

bool wg_safetensors_write(const char *path, const struct wg_safetensor *tensors, size_t count,
                          const struct wg_safetensors_note *notes, size_t note_count)
{
    char *text = NULL;
    struct wg_json *header = wg_json_create_object();
    if (header && build_header(tensors, count, notes, note_count, header))
        text = wg_json_text(header, 0);
    const bool ok = text ? save(path, text, tensors, count)
                         : wg_fail(wg_error_status(), "%s: %s", path, wg_error_message());
    free(text);
    wg_json_destroy(header);
    return ok;
}

/* ---- reading ---- */

struct entry {
    struct wg_safetensor tensor;
    size_t begin; // bytes from the start of the data
    size_t end;
};

struct wg_safetensors {
    char *path;             // for messages
    uint8_t *bytes;         // the file; once it is checked, its data as floats of this machine
    size_t size;            // bytes of the file
    size_t data_start;      // where the data begins in the file
    struct wg_json *header; // owns all names and notes
    struct entry *entries;  // [count], in the order of their data
    size_t count;
};

static bool read_header(struct wg_safetensors *file)
{
    if (file->size < LENGTH_BYTES)
        return wg_fail(WG_ERROR_DATA,
                       "%s: not a safetensors file: it has %zu bytes, expected %d or more",
                       file->path, file->size, LENGTH_BYTES);
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)file->bytes[i] << 8 * i;
    if (length > file->size - LENGTH_BYTES)
        return wg_fail(WG_ERROR_DATA,
                       "%s: not a safetensors file: header says %" PRIu64
                       " bytes, the file has %zu",
                       file->path, length, file->size);
    const char *text = (const char *)file->bytes + LENGTH_BYTES;
    if (!wg_json_parse(text, (size_t)length, &file->header))
        return wg_fail(WG_ERROR_DATA, "%s: not a safetensors file: header: %s", file->path,
                       wg_error_message());
    if (!wg_json_is_object(file->header))
        return wg_fail(WG_ERROR_DATA, "%s: not a safetensors file: header is no JSON object",
                       file->path);
    file->data_start = LENGTH_BYTES + (size_t)length;
    return true;
}

static bool read_notes(const struct wg_json *metadata)
{
    const char *text;
    if (!wg_json_is_object(metadata))
        return wg_fail(WG_ERROR_DATA, "not an object");
    for (struct wg_json_member m = {0}; wg_json_next(metadata, &m);)
        if (!wg_json_as_string(m.value, &text))
            return wg_fail(WG_ERROR_DATA, "'%s': %s", m.key, wg_error_message());
    return true;
}

static bool read_size(const struct wg_json *array, size_t i, size_t *ret_size)
{
    int64_t number = 0;
    if (!wg_json_as_integer(wg_json_at(array, i), &number))
        return false;
    if (number < 0 || number > PTRDIFF_MAX)
        return wg_fail(WG_ERROR_DATA, "%" PRId64 " is not a size in memory", number);
    *ret_size = (size_t)number;
    return true;
}

static bool read_shape(const struct wg_json *value, struct wg_safetensor *tensor)
{
    const struct wg_json *shape;
    if (!wg_json_get_array(value, "shape", &shape))
        return false;
    if (wg_json_count(shape) > WG_SAFETENSORS_RANK_MAX)
        return wg_fail(WG_ERROR_DATA, "rank %zu, expected at most %d", wg_json_count(shape),
                       WG_SAFETENSORS_RANK_MAX);
    tensor->rank = (int)wg_json_count(shape);
    for (int d = 0; d < tensor->rank; d++)
        if (!read_size(shape, (size_t)d, &tensor->shape[d]))
            return wg_fail(WG_ERROR_DATA, "'shape': %s", wg_error_message());
    return true;
}

static bool read_offsets(const struct wg_json *value, struct entry *entry)
{
    const struct wg_json *offsets;
    size_t bytes = 0;
    if (!wg_json_get_array(value, "data_offsets", &offsets))
        return false;
    if (wg_json_count(offsets) != 2)
        return wg_fail(WG_ERROR_DATA, "%zu data_offsets, expected 2", wg_json_count(offsets));
    if (!read_size(offsets, 0, &entry->begin) || !read_size(offsets, 1, &entry->end))
        return wg_fail(WG_ERROR_DATA, "'data_offsets': %s", wg_error_message());
    if (entry->end < entry->begin)
        return wg_fail(WG_ERROR_DATA, "ends at byte %zu of the data, before its start at %zu",
                       entry->end, entry->begin);
    if (!measure(&entry->tensor, &bytes) || bytes != entry->end - entry->begin)
        return wg_fail(WG_ERROR_DATA, "its data has %zu bytes, its shape says otherwise",
                       entry->end - entry->begin);
    return true;
}

static bool read_entry(const struct wg_json *value, struct entry *entry)
{
    const char *type;
    if (!wg_json_is_object(value))
        return wg_fail(WG_ERROR_DATA, "not an object");
    if (!wg_json_get_string(value, "dtype", &type))
        return false;
    if (strcmp(type, "F32") != 0)
        return wg_fail(WG_ERROR_DATA, "type %s, expected F32", type);
    return read_shape(value, &entry->tensor) && read_offsets(value, entry);
}

static bool read_entries(struct wg_safetensors *file)
{
    file->entries = calloc(wg_json_count(file->header) + 1, sizeof *file->entries);
    if (!file->entries)
        return wg_fail_memory("a list of tensors");
    for (struct wg_json_member m = {0}; wg_json_next(file->header, &m);) {
        if (strcmp(m.key, METADATA) == 0) {
            if (!read_notes(m.value))
                return wg_fail(WG_ERROR_DATA, "%s: %s: %s", file->path, METADATA,
                               wg_error_message());
            continue;
        }
        struct entry *entry = &file->entries[file->count++];
        entry->tensor.name = m.key;
        if (!read_entry(m.value, entry))
            return wg_fail(WG_ERROR_DATA, "%s: tensor '%s': %s", file->path, m.key,
                           wg_error_message());
    }
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    // An empty tensor stands before the one that starts at the same place.
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors, one after the other, must fill the data. */
static bool check_layout(struct wg_safetensors *file)
{
    const size_t data_bytes = file->size - file->data_start;
    size_t at = 0;
    qsort(file->entries, file->count, sizeof *file->entries, compare_entries);
    for (size_t i = 0; i < file->count; i++) {
        const struct entry *entry = &file->entries[i];
        if (entry->end > data_bytes)
            return wg_fail(
                WG_ERROR_DATA, "%s: truncated: tensor '%s' ends at byte %zu, the file at %zu",
                file->path, entry->tensor.name, file->data_start + entry->end, file->size);
        if (entry->begin != at)
            return wg_fail(WG_ERROR_DATA,
                           "%s: tensor '%s' starts at byte %zu of the data, expected %zu",
                           file->path, entry->tensor.name, entry->begin, at);
        at = entry->end;
    }
    if (at != data_bytes)
        return wg_fail(WG_ERROR_DATA, "%s: the last tensor ends at byte %zu, the file at %zu",
                       file->path, file->data_start + at, file->size);
    return true;
}

/* Moves the data to the start of the memory, where floats may stand, in this machine's order. */
static void decode(struct wg_safetensors *file)
{
    const uint8_t *from = file->bytes + file->data_start;
    uint8_t *to = file->bytes;
    for (size_t i = 0; i < file->size - file->data_start; i += ELEMENT_BYTES) {
        uint32_t bits = 0;
        for (int b = 0; b < ELEMENT_BYTES; b++)
            bits |= (uint32_t)from[i + (size_t)b] << 8 * b;
        memcpy(to + i, &bits, sizeof bits);
    }
    for (size_t i = 0; i < file->count; i++)
        file->entries[i].tensor.data = (const float *)(const void *)(to + file->entries[i].begin);
}

bool wg_safetensors_open(const char *path, struct wg_safetensors **ret_file)
{
    struct wg_safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return wg_fail_memory("a safetensors file");
    file->path = malloc(strlen(path) + 1);
    if (!file->path) {
        wg_safetensors_close(file);
        return wg_fail_memory("a file name");
    }
    memcpy(file->path, path, strlen(path) + 1);
    if (!wg_input_read(path, &file->bytes, &file->size) || !read_header(file) ||
        !read_entries(file) || !check_layout(file)) {
        wg_safetensors_close(file);
        return false;
    }
    decode(file);
    *ret_file = file;
    return true;
}

void wg_safetensors_close(struct wg_safetensors *file)
{
    if (!file)
        return;
    wg_json_destroy(file->header);
    free(file->entries);
    free(file->bytes);
    free(file->path);
    free(file);
}

size_t wg_safetensors_count(const struct wg_safetensors *file)
{
    return file->count;
}

const struct wg_safetensor *wg_safetensors_at(const struct wg_safetensors *file, size_t i)
{
    return i < file->count ? &file->entries[i].tensor : NULL;
}

const struct wg_safetensor *wg_safetensors_find(const struct wg_safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].tensor.name, name) == 0)
            return &file->entries[i].tensor;
    return wg_fail_null(WG_ERROR_DATA, "%s: there is no tensor '%s'", file->path, name);
}

const char *wg_safetensors_note(const struct wg_safetensors *file, const char *key)
{
    const char *text;
    const struct wg_json *note = wg_json_find(wg_json_find(file->header, METADATA), key);
    return note && wg_json_as_string(note, &text) ? text : NULL;
}
