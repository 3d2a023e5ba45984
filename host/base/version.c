#include "include/wgan_cl.h"

const char *wg_version(void)
{
    return WG_VERSION; // of the project, in meson.build
}
