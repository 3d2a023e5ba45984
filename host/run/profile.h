/*
 * The profile of a training step: where its time goes, by what is computed.
 */
#ifndef WG_RUN_PROFILE_H
#define WG_RUN_PROFILE_H

#include "host/files/json.h"
#include "host/gan/trainer.h"

/* Takes some steps kernel by kernel; fills in nodes and node_count, means per step. */
bool wg_profile(struct wg_trainer *trainer, struct wg_bench_result *result);

/* The nodes as "nodes" of a JSON object, and from there. */
bool wg_profile_set_json(struct wg_json *json, const struct wg_bench_result *result);
bool wg_profile_get_json(const struct wg_json *json, struct wg_bench_result *result);

#endif
