/*
 * JSON, through jansson, which is included nowhere else: build a value, read a value, to and from
 * text and files. Keys keep the order in which they were set.
 *
 * Ownership: one root owns everything below it. wg_json_set and wg_json_append take the child, in
 * case of failure too, so that
 *
 *     ok = wg_json_set(root, "shape", shape) && wg_json_set_integer(root, "step", 7);
 *
 * leaks nothing and only `root` is ever destroyed. What a getter returns belongs to the root and
 * lives as long as it does, or until its key is set again.
 *
 * Text is UTF-8. Errors of the readers name the key, not the file, which only the caller knows.
 */
#ifndef WG_FILES_JSON_H
#define WG_FILES_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wg_json;

/* ---- building; everything fails with WG_ERROR_MEMORY only ---- */

struct wg_json *wg_json_create_object(void);
struct wg_json *wg_json_create_array(void);

/* Bytes that are not UTF-8, as in the names of old devices, become '?'. */
struct wg_json *wg_json_create_string(const char *text);
struct wg_json *wg_json_create_integer(int64_t number);

/* A number up to INT64_MAX; beyond, a string of decimal digits: most readers of JSON, this one
 * included, stop there. */
struct wg_json *wg_json_create_uint64(uint64_t number);

/* JSON has no NaN and no infinities: they become null. */
struct wg_json *wg_json_create_real(double number);

/*
 * A value by a pattern of jansson's json_pack: wg_json_pack("{s: s, s: [i, i]}", "name", name,
 * "strides", 2, 2). `s` is text, `i` an int, `f` a double, `b` a truth, `n` null, `o` a struct
 * wg_json *, which the new value owns then. A child that is NULL is passed on as failure.
 */
struct wg_json *wg_json_pack(const char *pattern, ...);

/* Frees a root with everything below it. NULL is fine. */
void wg_json_destroy(struct wg_json *root);

/* Sets `key` of an object to `child`, replacing what was there. The object owns the child now; a
 * child that is NULL, because its creation failed, is passed on as failure. */
bool wg_json_set(struct wg_json *object, const char *key, struct wg_json *child);
bool wg_json_set_string(struct wg_json *object, const char *key, const char *text);
bool wg_json_set_integer(struct wg_json *object, const char *key, int64_t number);
bool wg_json_set_uint64(struct wg_json *object, const char *key, uint64_t number);
bool wg_json_set_real(struct wg_json *object, const char *key, double number);
bool wg_json_set_bool(struct wg_json *object, const char *key, bool truth);

/* The same at the end of an array. */
bool wg_json_append(struct wg_json *array, struct wg_json *child);

/* ---- reading; a value of another type, or none, is WG_ERROR_DATA ---- */

/* Members of an object or elements of an array; 0 for anything else. */
size_t wg_json_count(const struct wg_json *value);

/* The member `key`, or NULL if there is none; that is no error. */
const struct wg_json *wg_json_find(const struct wg_json *object, const char *key);

/* Element `i` of an array, or NULL beyond its end; that is no error. */
const struct wg_json *wg_json_at(const struct wg_json *array, size_t i);

/* The members of an object in order: `for (struct wg_json_member m = {0}; wg_json_next(o, &m);)` */
struct wg_json_member {
    const char *key;
    const struct wg_json *value;
    void *position; // of the iteration, NULL before the first
};
bool wg_json_next(const struct wg_json *object, struct wg_json_member *member);

bool wg_json_is_object(const struct wg_json *value);
bool wg_json_is_array(const struct wg_json *value);
bool wg_json_as_string(const struct wg_json *value, const char **ret_text);
bool wg_json_as_integer(const struct wg_json *value, int64_t *ret_number);
bool wg_json_as_uint64(const struct wg_json *value, uint64_t *ret_number);
bool wg_json_as_real(const struct wg_json *value, double *ret_number); // integers too; null is NaN
bool wg_json_as_bool(const struct wg_json *value, bool *ret_truth);

bool wg_json_get_object(const struct wg_json *object, const char *key,
                        const struct wg_json **ret_child);
bool wg_json_get_array(const struct wg_json *object, const char *key,
                       const struct wg_json **ret_child);
bool wg_json_get_string(const struct wg_json *object, const char *key, const char **ret_text);
bool wg_json_get_integer(const struct wg_json *object, const char *key, int64_t *ret_number);
bool wg_json_get_uint64(const struct wg_json *object, const char *key, uint64_t *ret_number);
bool wg_json_get_real(const struct wg_json *object, const char *key, double *ret_number);
bool wg_json_get_bool(const struct wg_json *object, const char *key, bool *ret_truth);

/* ---- text and files ---- */

/*
 * Reads `bytes` bytes of text; the root is an object or an array. A key that stands twice in one
 * object is an error, so is a \u0000. Fails with WG_ERROR_DATA: line, column and what.
 */
bool wg_json_parse(const char *text, size_t bytes, struct wg_json **ret_root);

/*
 * The value as text, to be freed with free(): members on lines of their own, `indent` spaces
 * further in than their parent, arrays without objects or arrays in them on one line; indent 0
 * puts everything on one line. Reals have as few digits as still give the same number back.
 * NULL if out of memory.
 */
char *wg_json_text(const struct wg_json *value, int indent);

/* The value as text, indented by 2, as a file. Fails with WG_ERROR_FILE or WG_ERROR_MEMORY. */
bool wg_json_write(const char *path, const struct wg_json *value);

/* Fails with WG_ERROR_FILE, or WG_ERROR_DATA as wg_json_parse does, naming the file. */
bool wg_json_read(const char *path, struct wg_json **ret_root);

#endif
