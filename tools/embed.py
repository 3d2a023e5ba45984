#!/usr/bin/env python3
"""embed.py OUTPUT.c FILE.cl ... : writes OpenCL sources as C arrays of lines (sources.h)."""
import pathlib
import sys

output, files = sys.argv[1], [pathlib.Path(f) for f in sys.argv[2:]]
with open(output, "w", encoding="ascii") as out:
    out.write('#include "host/device/sources.h"\n\n#include <stddef.h>\n\n')
    for file in files:
        out.write(f"static const char *const {file.stem}_lines[] = {{\n")
        for line in file.read_text(encoding="ascii").splitlines():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            out.write(f'    "{escaped}\\n",\n')
        out.write("    NULL,\n};\n\n")
    out.write("const struct wg_source wg_sources[] = {\n")
    for file in files:
        out.write(f'    {{"{file.stem}", {file.stem}_lines}},\n')
    out.write("    {NULL, NULL},\n};\n")
