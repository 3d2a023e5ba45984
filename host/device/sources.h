/*
 * The .cl files as text, generated at build time by tools/embed.py from the list in
 * cl/meson.build. Lines, not one literal: C11 promises only 4,095 characters of those.
 */
#ifndef WG_DEVICE_SOURCES_H
#define WG_DEVICE_SOURCES_H

struct wg_source {
    const char *name;         // file name without .cl; NULL ends the table
    const char *const *lines; // each with its newline; NULL ends the list
};

extern const struct wg_source wg_sources[];

#endif
