#!/bin/sh
# Make a disk image of the frozen application: make_dmg.sh cxrview.app LICENCES IMAGE.dmg . Not yet run on macOS.
# Signing and notarisation need an account with Apple: set CXRVIEW_SIGN_IDENTITY and CXRVIEW_NOTARY_PROFILE to have them done. Without,
# the application is signed for nobody in particular, which Apple's processors ask for, and the first start takes a right click and "Open".
set -eu
application=$1
licences=$2
image=$3
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp -R "$application" "$scratch/cxrview.app"
ln -s /Applications "$scratch/Applications"
# The notices are written after PyInstaller has made and signed the application: they go in, and it is signed anew.
cp -R "$licences" "$scratch/cxrview.app/Contents/Resources/licences"
if [ -n "${CXRVIEW_SIGN_IDENTITY:-}" ]; then
    codesign --deep --force --options runtime --timestamp --entitlements "$here/entitlements.plist" \
        --sign "$CXRVIEW_SIGN_IDENTITY" "$scratch/cxrview.app"
else
    codesign --deep --force --sign - "$scratch/cxrview.app"
fi
codesign --verify --deep --strict "$scratch/cxrview.app"
rm -f "$image"
hdiutil create -volname cxrview -srcfolder "$scratch" -fs HFS+ -format UDZO "$image"
if [ -n "${CXRVIEW_NOTARY_PROFILE:-}" ]; then
    xcrun notarytool submit "$image" --keychain-profile "$CXRVIEW_NOTARY_PROFILE" --wait
    xcrun stapler staple "$image"
fi
