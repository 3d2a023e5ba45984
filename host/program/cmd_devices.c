/*
 * wgan-cl devices: what the OpenCL loader shows.
 */
#include "program.h"

#include <stdlib.h>

static void print_device(const struct wg_device_info *device)
{
    printf("%c %d  %s\n", device->is_default ? '*' : ' ', device->index, device->name);
    printf("     %s, %s, %u compute units, %u MHz\n", wg_device_type_name(device->type),
           device->vendor, device->compute_units, device->clock_mhz);
    printf("     memory %.2f GiB, largest buffer %.2f GiB, local %.0f KiB, groups of up to %zu\n",
           (double)device->global_memory / 0x1p30, (double)device->largest_buffer / 0x1p30,
           (double)device->local_memory / 0x1p10, device->work_group_size);
    printf("     %s, driver %s\n", device->opencl_version, device->driver_version);
    printf("     platform %d: %s (--device %d:%d)\n", device->platform, device->platform_name,
           device->platform, device->index_in_platform);
    if (!device->usable)
        printf("     can't be used: %s\n", device->unusable_because);
}

static int print_list(const struct wg_device_list *list)
{
    bool has_default = false;
    for (int i = 0; i < list->count; i++) {
        print_device(&list->devices[i]);
        has_default = has_default || list->devices[i].is_default;
    }
    for (int i = 0; i < list->note_count; i++)
        printf("note: %s\n", list->notes[i]);
    if (has_default)
        printf("* is the default; wgan-cl --device SEL takes another, SEL being an index, "
               "gpu, cpu or a part of a name\n");
    return EXIT_OK;
}

static int print_json(const struct wg_device_list *list)
{
    char *text = wg_device_list_json(list);
    if (!text)
        return report_failure();
    puts(text);
    free(text);
    return EXIT_OK;
}

int command_devices(int argc, const char **argv, const char *device)
{
    bool json = false;
    const char *operands[1];
    struct option options[] = {
        OPTION_JSON(json),
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "devices [--json]",
        .text = "Lists every OpenCL platform and device, with --device only the one that it means\n"
                "to other commands. The default is a GPU before a CPU, then the one with more\n"
                "compute units times clock.\n",
        .options = options,
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    struct wg_device_list *list;
    if (!wg_device_list_create(&list))
        return report_failure();
    if (device && !wg_device_list_keep(list, device))
        code = report_failure();
    else if (json)
        code = print_json(list);
    else
        code = print_list(list);
    wg_device_list_destroy(list);
    return code;
}
