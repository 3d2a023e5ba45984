# Sourced by parity and bench-peers: a Python environment with the frameworks to compare with, and
# the modules beside this file on Python's path.
name=$(basename "$0")
code=$(dirname "$0")/$name.d
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wgan-cl
PYTHONPATH=$(dirname "$0")/python.d
export PYTHONPATH

# TensorFlow 2.15 exists for no newer Python than 3.11, the pinned packages for none before 3.10.
find_python() {
    for candidate in python3.11 python3.10 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "$name: needs Python 3.10 or 3.11: TensorFlow 2.15 exists for no newer one" >&2
    exit 1
}

# environment NAME LIST: makes it in the user's cache if it is not there, and sets `python`. The list
# is copied last: an environment without it, or of another list, is not whole.
environment() {
    python=$cache/$1/bin/python
    cmp -s "$code/$2" "$cache/$1/$2" && return
    chosen=$(find_python)
    echo "$name: installing what $code/$2 lists into $cache/$1" >&2
    rm -rf "${cache:?}/$1"
    mkdir -p "$cache"
    "$chosen" -m venv "$cache/$1" || {
        echo "$name: no environment could be made (Debian has it in python3-venv)" >&2
        exit 1
    }
    "$cache/$1/bin/pip" install -q --disable-pip-version-check -r "$code/$2"
    cp "$code/$2" "$cache/$1/$2"
}
