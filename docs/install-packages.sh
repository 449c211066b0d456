#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs the Debian packages that a purpose needs and that are missing: install-packages.sh PURPOSE...
#
#   build   to compile and to run smime-agent
#   demo    for docs/quickstart.sh: a software token and the tools to fill it
#   tests   for tests/run.sh, beside the other two
#
# Asks apt for nothing when nothing is missing. Needs root or sudo only when something is.

set -eu

build=(ca-certificates gcc libc6-dev meson ninja-build pkgconf libssl-dev libsystemd-dev libcyaml-dev libyaml-dev libp11-dev libp11-kit-dev
	libassuan-dev libgpg-error-dev libjansson-dev libgmime-3.0-dev libpcsclite-dev libseccomp-dev zlib1g-dev pinentry-curses scdoc)
demo=(openssl softhsm2 opensc)
tests=(libengine-pkcs11-openssl pcscd vsmartcard-vpcd opensc-pkcs11 clang libclang-rt-14-dev valgrind libcmocka-dev python3 procps gdb gnupg gpgsm gpg-agent scdaemon
	python3-cryptography python3-asn1crypto libnss3 libnss3-tools gnutls-bin libbcmail-java default-jdk-headless systemd time util-linux shellcheck clang-format udev umockdev
	strace dbus-daemon python3-dbusmock git mutt neomutt tmux man-db groff-base bash-completion zsh fish libtpm2-pkcs11-1 swtpm tpm2-abrmd libtss2-tcti-swtpm0
	libtss2-tcti-tabrmd0 xvfb xdotool pinentry-gtk2 pinentry-qt pinentry-gnome3 ykcs11 opencryptoki p11-kit p11-kit-modules openssh-client openssh-server)

wanted=()
for purpose in "$@"; do
	case $purpose in
	build) wanted+=("${build[@]}") ;;
	demo) wanted+=("${demo[@]}") ;;
	tests) wanted+=("${tests[@]}") ;;
	*) printf 'install-packages.sh: unknown purpose %s; use build, demo or tests\n' "$purpose" >&2 && exit 2 ;;
	esac
done

missing=()
for package in "${wanted[@]}"; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
	installed) ;;
	*) missing+=("$package") ;;
	esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { printf 'These packages are missing, and there is no sudo to install them: %s\n' "${missing[*]}" >&2; exit 1; }
	as_root=(sudo)
fi
printf 'Installing %d packages: %s\n' "${#missing[@]}" "${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	printf 'install-packages.sh: apt-get failed; its last lines are above\n' >&2
	exit 1
fi
