#include "tests/data/temporary.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS = 8, PATH_SIZE = 512, STORED = 65535 };

static char folder[64];

void temporary_create(void)
{
    strcpy(folder, "/tmp/wgan-cl-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_tree(const char *path)
{
    DIR *entries = opendir(path);
    if (!entries) {
        unlink(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char inner[2 * PATH_SIZE];
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        remove_tree(inner);
    }
    closedir(entries);
    rmdir(path);
}

void temporary_remove(void)
{
    remove_tree(folder);
}

const char *temporary_path(const char *name)
{
    static char paths[PATHS][PATH_SIZE];
    static int next;
    char *path = paths[next++ % PATHS];
    int length = snprintf(path, PATH_SIZE, *name ? "%s/%s" : "%s%s", folder, name);
    ck_assert_int_lt(length, PATH_SIZE);
    return path;
}

const char *temporary_make_folder(const char *name)
{
    const char *path = temporary_path(name);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    return path;
}

const char *temporary_write(const char *name, const void *bytes, size_t size)
{
    const char *path = temporary_path(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static uint8_t *put_le(uint8_t *at, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes; i++)
        *at++ = (uint8_t)(value >> 8 * i);
    return at;
}

uint8_t *temporary_gzip(const void *bytes, size_t size, size_t *ret_size)
{
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    size_t blocks = size / STORED + 1;
    uint8_t *zipped = malloc(sizeof header + size + 5 * blocks + 8);
    ck_assert_ptr_nonnull(zipped);
    memcpy(zipped, header, sizeof header);
    uint8_t *at = zipped + sizeof header;
    const uint8_t *from = bytes;
    for (size_t i = 0; i < blocks; i++) {
        size_t length = i + 1 < blocks ? STORED : size % STORED;
        *at++ = i + 1 == blocks;
        at = put_le(at, 2, (uint32_t)length);
        at = put_le(at, 2, ~(uint32_t)length);
        memcpy(at, from + i * STORED, length);
        at += length;
    }
    at = put_le(at, 4, crc32_of(bytes, size));
    at = put_le(at, 4, (uint32_t)size);
    *ret_size = (size_t)(at - zipped);
    return zipped;
}

const char *temporary_write_gzip(const char *name, const void *bytes, size_t size)
{
    size_t zipped_size;
    uint8_t *zipped = temporary_gzip(bytes, size, &zipped_size);
    const char *path = temporary_write(name, zipped, zipped_size);
    free(zipped);
    return path;
}
