#!/bin/sh
# Remove cxrview from this user's account. Asks whether settings, library, models and runs go too; `--keep-data` and `--delete-data`
# answer beforehand, and without a terminal they are kept.
set -eu
program=$(cd "$(dirname "$0")" && pwd)
prefix=$(dirname "$(dirname "$program")")
answer=${1:-ask}

case $answer in
    ask | --keep-data | --delete-data) ;;
    *) echo "uninstall.sh: knows --keep-data and --delete-data." >&2; exit 2 ;;
esac
if [ "$program" != "$prefix/lib/cxrview" ] || [ ! -x "$program/cxrview" ]; then
    echo "uninstall.sh: start it where cxrview is installed, most often ~/.local/lib/cxrview/uninstall.sh ." >&2
    exit 2
fi

config=${XDG_CONFIG_HOME:-$HOME/.config}/cxrview
data=${XDG_DATA_HOME:-$HOME/.local/share}/cxrview
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cxrview
state=${XDG_STATE_HOME:-$HOME/.local/state}/cxrview
if [ "$answer" = ask ] && [ -t 0 ]; then
    printf 'Settings, the library, added models and training runs lie in\n  %s\n  %s\nDelete them too? [y/N] ' "$config" "$data"
    read -r typed || typed=
    case $typed in [yY]*) answer=--delete-data ;; esac
fi

(cd "$program/share" && find icons -type f) | while read -r icon; do rm -f "$prefix/share/$icon"; done
rm -f "$prefix/share/applications/cxrview.desktop" "$prefix/share/mime/packages/cxrview.xml"
if [ "$(readlink "$prefix/bin/cxrview" || true)" = "$program/cxrview" ]; then rm -f "$prefix/bin/cxrview"; fi
cd /
rm -rf "$program" "$cache"
if command -v update-mime-database >/dev/null; then update-mime-database "$prefix/share/mime" || true; fi
if command -v update-desktop-database >/dev/null; then update-desktop-database "$prefix/share/applications" || true; fi

if [ "$answer" = --delete-data ]; then
    rm -rf "$config" "$data" "$state"
    echo "Removed cxrview and everything it kept."
else
    echo "Removed cxrview. Kept: $config and $data ; delete them yourself if they are not wanted."
fi
