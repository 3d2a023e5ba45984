/*
 * Device buffers.
 */
#ifndef WG_DEVICE_MEMORY_H
#define WG_DEVICE_MEMORY_H

#include "host/device/device.h"

/*
 * A buffer to be read and written, to be released with clReleaseMemObject. All its bytes are `byte`
 * once the queue has come so far: many drivers allocate at first use, so it is touched now. On CPUs
 * a large one lies in huge pages where the system has them: a kernel that strides through hundreds
 * of megabytes otherwise spends much of its time on looking up pages. Fails with WG_ERROR_MEMORY.
 */
bool wg_device_create_buffer(struct wg_device *device, size_t bytes, uint8_t byte,
                             cl_mem *ret_buffer);

/*
 * The same with what is in `memory`, of wg_pages_allocate. On a CPU a large buffer is that memory
 * itself, so that nothing is copied: until it is released nobody else may touch it, and afterwards
 * anything may be in there.
 */
bool wg_device_lend_buffer(struct wg_device *device, size_t bytes, void *memory,
                           cl_mem *ret_buffer);

#endif
