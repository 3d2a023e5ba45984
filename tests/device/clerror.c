/*
 * Names of OpenCL status codes, and what a failed call leaves in the error record.
 */
#include "host/device/clerror.h"

#include "host/base/error.h"
#include "tests/testlib.h"

START_TEST(codes_have_their_names)
{
    ck_assert_str_eq(wg_cl_error_name(CL_SUCCESS), "CL_SUCCESS");
    ck_assert_str_eq(wg_cl_error_name(-5), "CL_OUT_OF_RESOURCES");
    ck_assert_str_eq(wg_cl_error_name(-11), "CL_BUILD_PROGRAM_FAILURE");
    ck_assert_str_eq(wg_cl_error_name(-54), "CL_INVALID_WORK_GROUP_SIZE");
    ck_assert_str_eq(wg_cl_error_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    ck_assert_str_eq(wg_cl_error_name(-9999), "unknown OpenCL error");
    ck_assert_str_eq(wg_cl_error_name(1), "unknown OpenCL error");
}
END_TEST

/* The standard of 1.2 has the codes 0 to -19 and -30 to -68, without a gap. */
START_TEST(no_code_of_the_standard_is_unknown)
{
    for (cl_int code = 0; code >= -68; code--)
        if (code >= -19 || code <= -30)
            ck_assert_msg(wg_cl_error_name(code)[0] == 'C', "%d has no name", (int)code);
}
END_TEST

START_TEST(success_leaves_the_record_alone)
{
    wg_fail(WG_ERROR_DATA, "as before");
    ck_assert(wg_cl_check(CL_SUCCESS, "clFinish(queue)"));
    ck_assert_str_eq(wg_error_message(), "as before");
}
END_TEST

START_TEST(a_failure_names_call_and_code)
{
    ck_assert(!wg_cl_check(CL_OUT_OF_RESOURCES, "clFinish(queue)"));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DEVICE);
    ck_assert_str_eq(wg_error_message(), "OpenCL: clFinish failed: CL_OUT_OF_RESOURCES (-5)");
    ck_assert(!CL_CREATED(CL_INVALID_CONTEXT, "clCreateBuffer"));
    ck_assert_str_eq(wg_error_message(), "OpenCL: clCreateBuffer failed: CL_INVALID_CONTEXT (-34)");
}
END_TEST

START_TEST(lack_of_memory_is_its_own_status)
{
    ck_assert(!wg_cl_check(CL_MEM_OBJECT_ALLOCATION_FAILURE, "clCreateBuffer(...)"));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
    ck_assert(!wg_cl_check(CL_OUT_OF_HOST_MEMORY, "clCreateBuffer(...)"));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
}
END_TEST

START_TEST(calls_are_quoted)
{
    ck_assert(!CL_OK(clReleaseMemObject(NULL)));
    ck_assert_str_eq(wg_error_message(),
                     "OpenCL: clReleaseMemObject failed: CL_INVALID_MEM_OBJECT (-38)");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("clerror");
    tcase_add_test(tests, codes_have_their_names);
    tcase_add_test(tests, no_code_of_the_standard_is_unknown);
    tcase_add_test(tests, success_leaves_the_record_alone);
    tcase_add_test(tests, a_failure_names_call_and_code);
    tcase_add_test(tests, lack_of_memory_is_its_own_status);
    tcase_add_test(tests, calls_are_quoted);

    Suite *suite = suite_create("clerror");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
