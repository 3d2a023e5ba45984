/*
 * The emulation itself, run with it: what it claims is reported, what is beyond it is refused, and
 * memory that nothing was computed in is no number.
 */
#include "host/device/device.h"
#include "tests/testlib.h"

#include <math.h>

enum { GROUP = 16, LOCAL = 1024, BUFFER = 65536, ALIGN = 512 }; // as in meson.build

static cl_kernel create_kernel(const char *source)
{
    struct wg_device *device = test_device();
    cl_program program = clCreateProgramWithSource(device->context, 1, &source, NULL, NULL);
    ck_assert_int_eq(clBuildProgram(program, 1, &device->id, "", NULL, NULL), CL_SUCCESS);
    cl_kernel kernel = clCreateKernel(program, "k", NULL);
    ck_assert_ptr_nonnull(kernel);
    clReleaseProgram(program);
    return kernel;
}

/* The status of `items` work items of one group. */
static cl_int run(cl_kernel kernel, size_t items)
{
    cl_command_queue queue = test_device()->queue;
    cl_int code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &items, 0, NULL, NULL);
    return code == CL_SUCCESS ? clFinish(queue) : code;
}

START_TEST(the_limits_are_reported)
{
    const struct wg_device *device = test_device();
    ck_assert_int_eq(device->info.type, WG_DEVICE_GPU);
    ck_assert_uint_eq(device->info.work_group_size, GROUP);
    ck_assert_uint_eq(device->work_item_sizes[0], GROUP);
    ck_assert_uint_eq(device->info.local_memory, LOCAL);
    ck_assert_uint_eq(device->info.largest_buffer, BUFFER);
    ck_assert_uint_eq(device->buffer_alignment, ALIGN);
    ck_assert_uint_eq(device->info.vector_width, 2);
    ck_assert_uint_eq(device->info.compute_units, 132);
    ck_assert(device->has_local_memory);
    ck_assert_int_eq(device->compute_capability, 75);
}
END_TEST

START_TEST(larger_groups_are_refused)
{
    size_t largest = 0;
    cl_kernel kernel = create_kernel("kernel void k(void) {}");
    ck_assert_int_eq(clGetKernelWorkGroupInfo(kernel, test_device()->id, CL_KERNEL_WORK_GROUP_SIZE,
                                              sizeof largest, &largest, NULL),
                     CL_SUCCESS);
    ck_assert_uint_eq(largest, GROUP);
    ck_assert_int_eq(run(kernel, GROUP), CL_SUCCESS);
    ck_assert_int_eq(run(kernel, GROUP + 1), CL_INVALID_WORK_GROUP_SIZE);
    clReleaseKernel(kernel);
}
END_TEST

START_TEST(more_local_memory_is_refused)
{
    cl_kernel kernel = create_kernel("kernel void k(local float *memory) { memory[0] = 0; }");
    ck_assert_int_eq(clSetKernelArg(kernel, 0, LOCAL / 2, NULL), CL_SUCCESS);
    ck_assert_int_eq(run(kernel, 1), CL_SUCCESS);
    ck_assert_int_eq(clSetKernelArg(kernel, 0, 2 * LOCAL, NULL), CL_SUCCESS);
    ck_assert_int_eq(run(kernel, 1), CL_OUT_OF_RESOURCES);
    clReleaseKernel(kernel);
}
END_TEST

START_TEST(larger_buffers_and_unaligned_parts_are_refused)
{
    cl_context context = test_device()->context;
    cl_int code;
    ck_assert_ptr_null(clCreateBuffer(context, CL_MEM_READ_WRITE, BUFFER + 1, NULL, &code));
    ck_assert_int_eq(code, CL_INVALID_BUFFER_SIZE);
    cl_mem bank = clCreateBuffer(context, CL_MEM_READ_WRITE, BUFFER, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    const cl_buffer_region unaligned = {.origin = ALIGN / 2, .size = ALIGN};
    ck_assert_ptr_null(clCreateSubBuffer(bank, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                         &unaligned, &code));
    ck_assert_int_eq(code, CL_MISALIGNED_SUB_BUFFER_OFFSET);
    clReleaseMemObject(bank);
}
END_TEST

START_TEST(what_parts_are_made_of_is_no_number)
{
    struct wg_device *device = test_device();
    const cl_buffer_region region = {.origin = ALIGN, .size = sizeof(float)};
    const float zero = 0;
    float value = 0;
    cl_int code;
    cl_mem bank = clCreateBuffer(device->context, CL_MEM_READ_WRITE, BUFFER, NULL, &code);
    ck_assert_int_eq(
        clEnqueueFillBuffer(device->queue, bank, &zero, sizeof zero, 0, BUFFER, 0, NULL, NULL),
        CL_SUCCESS);
    for (int i = 0; i < 2; i++) {
        cl_mem part = clCreateSubBuffer(bank, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                        &region, &code);
        ck_assert_int_eq(code, CL_SUCCESS);
        clEnqueueReadBuffer(device->queue, part, CL_TRUE, 0, sizeof value, &value, 0, NULL, NULL);
        ck_assert_int_eq(isnan(value) != 0, i == 0); // once: the second part keeps what is there
        clEnqueueWriteBuffer(device->queue, part, CL_TRUE, 0, sizeof zero, &zero, 0, NULL, NULL);
        clReleaseMemObject(part);
    }
    clReleaseMemObject(bank);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("limits");
    tcase_add_test(tests, the_limits_are_reported);
    tcase_add_test(tests, larger_groups_are_refused);
    tcase_add_test(tests, more_local_memory_is_refused);
    tcase_add_test(tests, larger_buffers_and_unaligned_parts_are_refused);
    tcase_add_test(tests, what_parts_are_made_of_is_no_number);

    Suite *suite = suite_create("limits");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
