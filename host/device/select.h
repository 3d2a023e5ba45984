/*
 * Which device a selector means. Pure text work over a list, so that it is tested without OpenCL.
 */
#ifndef WG_DEVICE_SELECT_H
#define WG_DEVICE_SELECT_H

#include "include/wgan_cl.h"

/*
 * The device of `list` that `selector` names (see wg_device_open for the forms); NULL with a
 * message that lists the devices if it names none, several, or an unusable one.
 */
const struct wg_device_info *wg_device_select(const struct wg_device_list *list,
                                              const char *selector);

/* Marks the default of the list: usable, a GPU before an accelerator before a CPU, then the one
 * with more compute units x clock, then the first. */
void wg_device_mark_default(struct wg_device_list *list);

#endif
