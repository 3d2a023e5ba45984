/*
 * OpenCL status codes: checked, named and reported in one place.
 *
 *     if (!CL_OK(clFinish(queue)))
 *         return false;
 *
 * records "OpenCL: clFinish failed: CL_OUT_OF_RESOURCES (-5)".
 */
#ifndef WG_DEVICE_CLERROR_H
#define WG_DEVICE_CLERROR_H

#include <CL/cl.h>

#include <stdbool.h>

/* Of the ICD loader, not of the standard: there is no platform. */
enum { WG_CL_PLATFORM_NOT_FOUND = -1001 };

/* "CL_OUT_OF_RESOURCES", or "unknown OpenCL error" for a code not in the standard. */
const char *wg_cl_error_name(cl_int code);

/* Whether the code says that there was no memory. */
bool wg_cl_is_memory(cl_int code);

/* True for CL_SUCCESS; else records the failure of `call` and returns false. */
bool wg_cl_check(cl_int code, const char *call);

#define CL_OK(call) wg_cl_check(call, #call)

/* For calls that return an object and put their status into `code`. */
#define CL_CREATED(code, call) wg_cl_check(code, call)

#endif
