#include "host/device/select.h"

#include "host/base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int type_rank(enum wg_device_type type)
{
    switch (type) {
    case WG_DEVICE_GPU:
        return 3;
    case WG_DEVICE_ACCELERATOR:
        return 2;
    case WG_DEVICE_CPU:
        return 1;
    default:
        return 0;
    }
}

static bool is_preferred(const struct wg_device_info *a, const struct wg_device_info *b)
{
    if (type_rank(a->type) != type_rank(b->type))
        return type_rank(a->type) > type_rank(b->type);
    return (uint64_t)a->compute_units * a->clock_mhz > (uint64_t)b->compute_units * b->clock_mhz;
}

void wg_device_mark_default(struct wg_device_list *list)
{
    struct wg_device_info *best = NULL;
    for (int i = 0; i < list->count; i++) {
        struct wg_device_info *device = &list->devices[i];
        device->is_default = false;
        if (device->usable && (!best || is_preferred(device, best)))
            best = device;
    }
    if (best)
        best->is_default = true;
}

static bool contains_ignoring_case(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

static bool equal_ignoring_case(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && contains_ignoring_case(a, b);
}

/* "12" or "0:1". Returns how many numbers the selector holds, 0 if it is not of this form. */
static int parse_numbers(const char *selector, long number[2])
{
    int count = 0;
    const char *at = selector;
    while (count < 2) {
        if (!isdigit((unsigned char)*at) || strlen(at) > 9)
            return 0;
        char *end;
        number[count++] = strtol(at, &end, 10);
        if (*end == '\0')
            return count;
        if (*end != ':')
            return 0;
        at = end + 1;
    }
    return 0;
}

static bool is_match(const struct wg_device_info *device, const char *selector)
{
    long number[2];
    switch (parse_numbers(selector, number)) {
    case 1:
        return device->index == number[0];
    case 2:
        return device->platform == number[0] && device->index_in_platform == number[1];
    }
    return contains_ignoring_case(device->name, selector);
}

static const struct wg_device_info *select_type(const struct wg_device_list *list,
                                                enum wg_device_type type)
{
    const struct wg_device_info *best = NULL;
    for (int i = 0; i < list->count; i++) {
        const struct wg_device_info *device = &list->devices[i];
        if (device->type == type && device->usable && (!best || is_preferred(device, best)))
            best = device;
    }
    return best;
}

/* "0: NAME, 1: NAME" of all devices, or of those that match. */
static void list_names(const struct wg_device_list *list, const char *selector, char *text,
                       size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < list->count && used + 1 < size; i++) {
        const struct wg_device_info *device = &list->devices[i];
        if (selector && !is_match(device, selector))
            continue;
        int length = snprintf(text + used, size - used, "%s%d: %s", used ? ", " : "", device->index,
                              device->name);
        used += length > 0 ? (size_t)length : 0;
    }
}

static const struct wg_device_info *select_default(const struct wg_device_list *list)
{
    for (int i = 0; i < list->count; i++)
        if (list->devices[i].is_default)
            return &list->devices[i];
    return wg_fail_null(WG_ERROR_DEVICE, "none of the %d OpenCL devices can be used: %s",
                        list->count, list->devices[0].unusable_because);
}

const struct wg_device_info *wg_device_select(const struct wg_device_list *list,
                                              const char *selector)
{
    char names[2048];
    if (!selector || !*selector)
        return select_default(list);

    const struct wg_device_info *found = NULL;
    int matches = 0;
    bool is_gpu = equal_ignoring_case(selector, "gpu");
    if (is_gpu || equal_ignoring_case(selector, "cpu")) {
        found = select_type(list, is_gpu ? WG_DEVICE_GPU : WG_DEVICE_CPU);
        matches = found ? 1 : 0;
    } else {
        for (int i = 0; i < list->count; i++) {
            if (is_match(&list->devices[i], selector)) {
                found = &list->devices[i];
                matches++;
            }
        }
    }
    if (matches > 1) {
        list_names(list, selector, names, sizeof names);
        return wg_fail_null(WG_ERROR_DEVICE, "device '%s' is ambiguous, it matches %s", selector,
                            names);
    }
    if (matches == 0) {
        list_names(list, NULL, names, sizeof names);
        return wg_fail_null(WG_ERROR_DEVICE, "no usable device '%s'; there is %s", selector, names);
    }
    if (!found->usable)
        return wg_fail_null(WG_ERROR_DEVICE, "device %d (%s) cannot be used: %s", found->index,
                            found->name, found->unusable_because);
    return found;
}

bool wg_device_list_keep(struct wg_device_list *list, const char *selector)
{
    const struct wg_device_info *device = wg_device_select(list, selector);
    if (!device)
        return false;
    list->devices[0] = *device;
    list->count = 1;
    list->note_count = 0; // of platforms that are not its own
    return true;
}
