/*
 * What was measured on a device: for each kind of node the fastest way to compute it, and the
 * fastest parameters of CLBlast. Plain rows; the graph gives them their meaning
 * (host/graph/choices.h), host/tune makes, keeps and finds them.
 */
#ifndef WG_DEVICE_TUNING_H
#define WG_DEVICE_TUNING_H

#include "host/device/device.h"

enum { WG_TUNED_KNOBS = 4, WG_TUNED_KEY_MAX = 192 };

struct wg_tuned_node {
    char key[WG_TUNED_KEY_MAX]; // wg_node_key
    char implementation[16];
    int knob[WG_TUNED_KNOBS]; // in the implementation's order; 0: its heuristic
};

struct wg_tuning {
    struct wg_tuned_node *nodes;
    int count;
    char blas[16];   // a name of wg_blas_sets; empty: the default
    char digest[20]; // of all this, in hexadecimal
};

/* The row with this key; NULL if there is none. */
const struct wg_tuned_node *wg_tuning_find(const struct wg_tuning *tuning, const char *key);

/*
 * From now on plans for the device follow the tuning, which it owns then; NULL: they follow
 * heuristics. CLBlast gets its parameters, so what was planned before must not run any more. Fails
 * with WG_ERROR_DEVICE if CLBlast refuses them; then the device has no tuning.
 */
bool wg_device_tune(struct wg_device *device, struct wg_tuning *tuning);

/* Frees it. NULL is fine. */
void wg_tuning_destroy(struct wg_tuning *tuning);

#endif
