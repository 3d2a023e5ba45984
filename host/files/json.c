/*
 * A struct wg_json is a json_t under another name; it is never defined. The text is composed here
 * and not by json_dumps, which has no shortest reals and no arrays on one line.
 */
#include "host/files/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/error.h"
#include "host/files/input.h"
#include "host/files/output.h"

static json_t *unwrap(const struct wg_json *value)
{
    return (json_t *)value;
}

static struct wg_json *wrap(json_t *value)
{
    return (struct wg_json *)value;
}

/* ---- building ---- */

static struct wg_json *created(json_t *value)
{
    return value ? wrap(value)
                 : wg_fail_null(WG_ERROR_MEMORY, "out of memory on the host, building JSON");
}

struct wg_json *wg_json_create_object(void)
{
    return created(json_object());
}

struct wg_json *wg_json_create_array(void)
{
    return created(json_array());
}

/* A copy with '?' for every byte that is not ASCII, to be freed. NULL if out of memory. */
static char *to_ascii(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *ascii = malloc(bytes);
    for (size_t i = 0; ascii && i < bytes; i++)
        ascii[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    return ascii;
}

struct wg_json *wg_json_create_string(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return wrap(string);
    char *ascii = to_ascii(text);
    string = ascii ? json_string(ascii) : NULL;
    free(ascii);
    return created(string);
}

struct wg_json *wg_json_create_integer(int64_t number)
{
    return created(json_integer(number));
}

struct wg_json *wg_json_create_uint64(uint64_t number)
{
    char digits[24];
    if (number <= INT64_MAX)
        return wg_json_create_integer((int64_t)number);
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    return wg_json_create_string(digits);
}

struct wg_json *wg_json_create_real(double number)
{
    return created(isfinite(number) ? json_real(number) : json_null());
}

static struct wg_json *create_bool(bool truth)
{
    return created(json_boolean(truth));
}

struct wg_json *wg_json_pack(const char *pattern, ...)
{
    va_list arguments;
    va_start(arguments, pattern);
    json_t *value = json_vpack_ex(NULL, 0, pattern, arguments);
    va_end(arguments);
    return created(value);
}

void wg_json_destroy(struct wg_json *root)
{
    json_decref(unwrap(root));
}

bool wg_json_set(struct wg_json *object, const char *key, struct wg_json *child)
{
    if (!child)
        return false;
    return json_object_set_new(unwrap(object), key, unwrap(child)) == 0 ||
           wg_fail_memory("a member of a JSON object");
}

bool wg_json_set_string(struct wg_json *object, const char *key, const char *text)
{
    return wg_json_set(object, key, wg_json_create_string(text));
}

bool wg_json_set_integer(struct wg_json *object, const char *key, int64_t number)
{
    return wg_json_set(object, key, wg_json_create_integer(number));
}

bool wg_json_set_uint64(struct wg_json *object, const char *key, uint64_t number)
{
    return wg_json_set(object, key, wg_json_create_uint64(number));
}

bool wg_json_set_real(struct wg_json *object, const char *key, double number)
{
    return wg_json_set(object, key, wg_json_create_real(number));
}

bool wg_json_set_bool(struct wg_json *object, const char *key, bool truth)
{
    return wg_json_set(object, key, create_bool(truth));
}

bool wg_json_append(struct wg_json *array, struct wg_json *child)
{
    if (!child)
        return false;
    return json_array_append_new(unwrap(array), unwrap(child)) == 0 ||
           wg_fail_memory("an element of a JSON array");
}

/* ---- reading ---- */

static const char *type_name(const struct wg_json *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null",
    };
    return value ? names[json_typeof(unwrap(value))] : "nothing";
}

size_t wg_json_count(const struct wg_json *value)
{
    return json_is_array(unwrap(value)) ? json_array_size(unwrap(value))
                                        : json_object_size(unwrap(value));
}

const struct wg_json *wg_json_find(const struct wg_json *object, const char *key)
{
    return wrap(json_object_get(unwrap(object), key));
}

const struct wg_json *wg_json_at(const struct wg_json *array, size_t i)
{
    return wrap(json_array_get(unwrap(array), i));
}

bool wg_json_next(const struct wg_json *object, struct wg_json_member *member)
{
    member->position = member->position ? json_object_iter_next(unwrap(object), member->position)
                                        : json_object_iter(unwrap(object));
    if (!member->position)
        return false;
    member->key = json_object_iter_key(member->position);
    member->value = wrap(json_object_iter_value(member->position));
    return true;
}

bool wg_json_is_object(const struct wg_json *value)
{
    return json_is_object(unwrap(value));
}

bool wg_json_is_array(const struct wg_json *value)
{
    return json_is_array(unwrap(value));
}

static bool fail_type(const struct wg_json *value, const char *expected)
{
    return wg_fail(WG_ERROR_DATA, "%s, expected %s", type_name(value), expected);
}

bool wg_json_as_string(const struct wg_json *value, const char **ret_text)
{
    if (!json_is_string(unwrap(value)))
        return fail_type(value, "a string");
    *ret_text = json_string_value(unwrap(value));
    return true;
}

bool wg_json_as_integer(const struct wg_json *value, int64_t *ret_number)
{
    if (!json_is_integer(unwrap(value)))
        return fail_type(value, "an integer");
    *ret_number = json_integer_value(unwrap(value));
    return true;
}

/* Decimal digits and nothing else, up to UINT64_MAX. */
static bool parse_digits(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        const uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9' || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

bool wg_json_as_uint64(const struct wg_json *value, uint64_t *ret_number)
{
    const json_t *json = unwrap(value);
    if (json_is_string(json) && parse_digits(json_string_value(json), ret_number))
        return true;
    if (!json_is_integer(json))
        return fail_type(value, "an integer from 0 to 2^64 - 1");
    if (json_integer_value(json) < 0)
        return wg_fail(WG_ERROR_DATA, "%" JSON_INTEGER_FORMAT ", expected an integer from 0",
                       json_integer_value(json));
    *ret_number = (uint64_t)json_integer_value(json);
    return true;
}

bool wg_json_as_real(const struct wg_json *value, double *ret_number)
{
    const json_t *json = unwrap(value);
    if (!json_is_number(json) && !json_is_null(json))
        return fail_type(value, "a number");
    *ret_number = json_is_null(json) ? NAN : json_number_value(json);
    return true;
}

bool wg_json_as_bool(const struct wg_json *value, bool *ret_truth)
{
    if (!json_is_boolean(unwrap(value)))
        return fail_type(value, "true or false");
    *ret_truth = json_is_true(unwrap(value));
    return true;
}

/* The value was not what it should be; the record says in which way. */
static bool fail_member(const char *key)
{
    return wg_fail(WG_ERROR_DATA, "'%s': %s", key, wg_error_message());
}

bool wg_json_get_object(const struct wg_json *object, const char *key,
                        const struct wg_json **ret_child)
{
    const struct wg_json *child = wg_json_find(object, key);
    if (!wg_json_is_object(child))
        return fail_type(child, "an object") || fail_member(key);
    *ret_child = child;
    return true;
}

bool wg_json_get_array(const struct wg_json *object, const char *key,
                       const struct wg_json **ret_child)
{
    const struct wg_json *child = wg_json_find(object, key);
    if (!wg_json_is_array(child))
        return fail_type(child, "an array") || fail_member(key);
    *ret_child = child;
    return true;
}

bool wg_json_get_string(const struct wg_json *object, const char *key, const char **ret_text)
{
    return wg_json_as_string(wg_json_find(object, key), ret_text) || fail_member(key);
}

bool wg_json_get_integer(const struct wg_json *object, const char *key, int64_t *ret_number)
{
    return wg_json_as_integer(wg_json_find(object, key), ret_number) || fail_member(key);
}

bool wg_json_get_uint64(const struct wg_json *object, const char *key, uint64_t *ret_number)
{
    return wg_json_as_uint64(wg_json_find(object, key), ret_number) || fail_member(key);
}

bool wg_json_get_real(const struct wg_json *object, const char *key, double *ret_number)
{
    return wg_json_as_real(wg_json_find(object, key), ret_number) || fail_member(key);
}

bool wg_json_get_bool(const struct wg_json *object, const char *key, bool *ret_truth)
{
    return wg_json_as_bool(wg_json_find(object, key), ret_truth) || fail_member(key);
}

/* ---- text and files ---- */

bool wg_json_parse(const char *text, size_t bytes, struct wg_json **ret_root)
{
    json_error_t error;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        // It quotes the text, which may hold anything; a message is one line.
        for (char *c = error.text; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 0x7f)
                *c = '?';
        return wg_fail(WG_ERROR_DATA, "line %d, column %d: %s", error.line, error.column,
                       error.text);
    }
    *ret_root = wrap(root);
    return true;
}

/* The fewest digits, at least 15, that give the same number back. Its own functions print and
 * parse here, since printf would follow the locale. */
static char *shortest_real(const json_t *real)
{
    for (size_t digits = 15; digits < 17; digits++) {
        char *text = json_dumps(real, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        json_t *back = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        const bool same = json_number_value(back) == json_real_value(real);
        json_decref(back);
        if (same)
            return text;
        free(text);
    }
    return json_dumps(real, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
}

static bool put_scalar(FILE *stream, const json_t *value)
{
    char *text = json_is_real(value) ? shortest_real(value) : json_dumps(value, JSON_ENCODE_ANY);
    const bool ok = text && fputs(text, stream) >= 0;
    free(text);
    return ok;
}

static bool put_key(FILE *stream, const char *key)
{
    json_t *string = json_string(key);
    const bool ok = string && put_scalar(stream, string) && fputs(": ", stream) >= 0;
    json_decref(string);
    return ok;
}

static bool put_break(FILE *stream, bool one_line, int column)
{
    return one_line || fprintf(stream, "\n%*s", column, "") > 0;
}

static bool has_children(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *element = json_array_get(array, i);
        if (json_is_object(element) || json_is_array(element))
            return true;
    }
    return false;
}

static bool put_value(FILE *stream, json_t *value, int indent, int column);

static bool put_array(FILE *stream, json_t *array, int indent, int column)
{
    const bool one_line = indent == 0 || !has_children(array);
    bool ok = fputc('[', stream) != EOF;
    for (size_t i = 0; ok && i < json_array_size(array); i++)
        ok = (i == 0 || fputs(one_line ? ", " : ",", stream) >= 0) &&
             put_break(stream, one_line, column + indent) &&
             put_value(stream, json_array_get(array, i), indent, column + indent);
    return ok && put_break(stream, one_line, column) && fputc(']', stream) != EOF;
}

static bool put_object(FILE *stream, json_t *object, int indent, int column)
{
    const bool one_line = indent == 0 || json_object_size(object) == 0;
    bool ok = fputc('{', stream) != EOF;
    void *first = json_object_iter(object);
    for (void *i = first; ok && i; i = json_object_iter_next(object, i))
        ok = (i == first || fputs(one_line ? ", " : ",", stream) >= 0) &&
             put_break(stream, one_line, column + indent) &&
             put_key(stream, json_object_iter_key(i)) &&
             put_value(stream, json_object_iter_value(i), indent, column + indent);
    return ok && put_break(stream, one_line, column) && fputc('}', stream) != EOF;
}

static bool put_value(FILE *stream, json_t *value, int indent, int column)
{
    if (json_is_array(value))
        return put_array(stream, value, indent, column);
    if (json_is_object(value))
        return put_object(stream, value, indent, column);
    return put_scalar(stream, value);
}

char *wg_json_text(const struct wg_json *value, int indent)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    bool ok = stream && put_value(stream, unwrap(value), indent, 0);
    if (stream && fclose(stream) != 0)
        ok = false;
    if (ok)
        return text;
    free(text);
    return wg_fail_null(WG_ERROR_MEMORY, "out of memory on the host, composing JSON");
}

bool wg_json_write(const char *path, const struct wg_json *value)
{
    char *text = wg_json_text(value, 2);
    struct wg_output *output = NULL;
    bool ok = text && wg_output_open(path, &output) &&
              wg_output_write(output, text, strlen(text)) && wg_output_write(output, "\n", 1);
    free(text);
    if (!ok) {
        wg_output_discard(output);
        return false;
    }
    return wg_output_commit(output);
}

bool wg_json_read(const char *path, struct wg_json **ret_root)
{
    uint8_t *bytes;
    size_t size;
    if (!wg_input_read(path, &bytes, &size))
        return false;
    const bool ok = wg_json_parse((const char *)bytes, size, ret_root) ||
                    wg_fail(WG_ERROR_DATA, "%s: %s", path, wg_error_message());
    free(bytes);
    return ok;
}
