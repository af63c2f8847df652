#!/bin/sh
# Install cxrview for this user: no administrator, no network. Run again from a newer folder to upgrade; settings, library and
# models stay as they are. CXRVIEW_PREFIX (default ~/.local) says where.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${CXRVIEW_PREFIX:-$HOME/.local}
program=$prefix/lib/cxrview

case $prefix in
    /*) ;;
    *) echo "install.sh: CXRVIEW_PREFIX must begin with / ; it is '$prefix'." >&2; exit 2 ;;
esac
if [ "$here" = "$program" ]; then
    echo "install.sh: this is the installed program. Start install.sh from the unpacked archive." >&2
    exit 2
fi
if [ -e "$program" ] && [ ! -f "$program/uninstall.sh" ]; then
    echo "install.sh: $program is there and is not cxrview. Move it away, or choose another place with CXRVIEW_PREFIX." >&2
    exit 1
fi

mkdir -p "$prefix/lib" "$prefix/bin" "$prefix/share/applications" "$prefix/share/mime/packages"
rm -rf "$program.new" "$program.old"
trap 'rm -rf "$program.new"' EXIT
cp -R "$here" "$program.new"
"$program.new/cxrview" --version >/dev/null || { echo "install.sh: the program does not start on this system." >&2; exit 1; }
if [ -e "$program" ]; then mv "$program" "$program.old"; fi
mv "$program.new" "$program"
rm -rf "$program.old"
trap - EXIT

ln -sfn "$program/cxrview" "$prefix/bin/cxrview"
sed "s|^Exec=cxrview |Exec=\"$prefix/bin/cxrview\" |" "$program/share/applications/cxrview.desktop" >"$prefix/share/applications/cxrview.desktop"
cp "$program/share/mime/packages/cxrview.xml" "$prefix/share/mime/packages/cxrview.xml"
(cd "$program/share" && find icons -type f) | while read -r icon; do
    mkdir -p "$prefix/share/$(dirname "$icon")"
    cp "$program/share/$icon" "$prefix/share/$icon"
done
if command -v update-mime-database >/dev/null; then update-mime-database "$prefix/share/mime" || true; fi
if command -v update-desktop-database >/dev/null; then update-desktop-database "$prefix/share/applications" || true; fi

echo "Installed $("$program/cxrview" --version) in $program."
case :$PATH: in
    *:"$prefix/bin":*) echo "Start it from the menu, or with: cxrview" ;;
    *) echo "Start it from the menu, or with: $prefix/bin/cxrview" ;;
esac
echo "To remove it: $program/uninstall.sh"
