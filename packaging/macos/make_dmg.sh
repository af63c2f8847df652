#!/bin/sh
# Make a disk image of the frozen application: make_dmg.sh cxrview.app IMAGE.dmg . Not yet run on macOS.
# Signing and notarisation need an account with Apple: set CXRVIEW_SIGN_IDENTITY and CXRVIEW_NOTARY_PROFILE to have them done.
set -eu
application=$1
image=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp -R "$application" "$scratch/cxrview.app"
ln -s /Applications "$scratch/Applications"
if [ -n "${CXRVIEW_SIGN_IDENTITY:-}" ]; then
    codesign --deep --force --options runtime --timestamp --sign "$CXRVIEW_SIGN_IDENTITY" "$scratch/cxrview.app"
fi
rm -f "$image"
hdiutil create -volname cxrview -srcfolder "$scratch" -fs HFS+ -format UDZO "$image"
if [ -n "${CXRVIEW_NOTARY_PROFILE:-}" ]; then
    xcrun notarytool submit "$image" --keychain-profile "$CXRVIEW_NOTARY_PROFILE" --wait
    xcrun stapler staple "$image"
fi
