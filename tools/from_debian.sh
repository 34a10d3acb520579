#!/bin/sh
# Bring programs of Debian into a folder without root, for tests: tools/from_debian.sh FOLDER PACKAGE...
# FOLDER/bin has a script for each program. Where apt-get is missing or fails, one line says so, and the tests say what
# did not run for it.
set -u
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift

# apt-get with lists and downloads of its own: neither the machine's state nor its locks are touched.
apt() {
    apt-get -qq -o Dir::State="$folder/state" -o Dir::Cache="$folder/cache" -o Debug::NoLocking=1 \
        -o APT::Sandbox::User=root "$@"
}

unpack() {
    rm -rf "$folder/root" "$folder/bin"
    mkdir -p "$folder/bin"
    for package in "$folder"/cache/archives/*.deb; do
        dpkg -x "$package" "$folder/root" || return
    done
    for program in "$folder"/root/usr/bin/* "$folder"/root/usr/sbin/*; do
        [ -e "$program" ] || continue
        {
            echo '#!/bin/sh'
            echo 'root=$(dirname "$0")/../root'
            echo 'export LD_LIBRARY_PATH="$(echo "$root"/lib/*-linux-gnu* "$root"/usr/lib/*-linux-gnu* | tr " " ":")"'
            echo "exec \"\$root/${program#"$folder/root/"}\" \"\$@\""
        } >"$folder/bin/${program##*/}"
    done
    chmod +x "$folder"/bin/*
}

bring() {
    command -v apt-get || return
    mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial"
    apt update || return
    apt -y --no-install-recommends --download-only install "$@" || return
    unpack || return
    rm -rf "$folder/state" "$folder/cache"
}

echo "Bringing $* from Debian ..."
if bring "$@" >"$folder/log" 2>&1; then
    touch "$folder/.done"
else
    echo "It failed: ${folder##*/}/log says why."
fi
