#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# smime beside openssl and gpgsm, in one run: SMIME_BUILD=build tests/bench/run.sh [--record] [SECTION...]
#
# SECTION: content, mail, memory, recipients, agent; all of them take less than ten minutes. Programs take turns (tests/lib/bench.sh);
# a ratio is the other program's time divided by ours, the median of the rounds. --record writes the tables into
# docs/performance.md. Needs 12 GB in $TMPDIR, and as much memory as keeps 5 GB of files in it, or the disk is what is measured.
# The exit code is 1 when a figure that is to be reached was missed. A build with -Dbuildtype=release is what counts.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
. "$SOURCE/tests/lib/bench.sh"

record=
[ "${1:-}" != --record ] || { record=1 && shift; }
sections=("$@")
[ $# -gt 0 ] || sections=(content mail memory recipients agent)

GIB=1073741824 PEAK_MAX_KIB=16384 FIND_MAX_MS=50 GROWTH_MAX=12

fixture people
agent_start
gpgsm_start
peer=(-recip "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key")
# In this order, since gpgsm gives up at a recipient that it has no key of.
to=(-r "$T/peer-rsa.pem" -r alice@example.org)
made() { "$@" >"$T/out" 2>"$T/err" || bail "this failed: $*: $(tail -n 3 "$T/err")"; } # COMMAND...
octets() { openssl enc -aes-128-ctr -K 00 -iv 00 -nopad -in /dev/zero 2>/dev/null | head -c "$1"; } # NUMBER

# ---- 1 GiB as CMS ----

content_decryption() {
	turn gcm smime decrypt -q --cms -i "$T/gcm" -o /dev/null
	turn gcm.openssl openssl cms -decrypt "${peer[@]}" -inform DER -in "$T/gcm" -out /dev/null
	turn cbc smime decrypt -q --cms -i "$T/cbc" -o /dev/null
	turn cbc.openssl openssl cms -decrypt "${peer[@]}" -inform DER -in "$T/cbc" -out /dev/null
	turn cbc.gpgsm gpgsm --yes --output /dev/null --decrypt "$T/cbc"
}
content_verification() {
	turn opaque smime verify -q --cms -i "$T/opaque" -o /dev/null
	turn opaque.openssl openssl cms -verify -binary -CAfile "$T/ca/root.pem" -inform DER -in "$T/opaque" -out /dev/null
	turn opaque.gpgsm gpgsm --yes --output /dev/null --verify "$T/opaque"
}
content_encryption() {
	turn encrypt.gcm smime encrypt --cms --cipher aes256-gcm "${to[@]}" -i "$T/content" -o /dev/null
	turn encrypt.gcm.openssl openssl cms -encrypt -stream -binary -aes-256-gcm -outform DER -in "$T/content" -out /dev/null "$T/peer-rsa.pem"
	turn encrypt.cbc smime encrypt --cms --cipher aes256-cbc "${to[@]}" -i "$T/content" -o /dev/null
	turn encrypt.cbc.openssl openssl cms -encrypt -stream -binary -aes-256-cbc -outform DER -in "$T/content" -out /dev/null "$T/peer-rsa.pem"
}
content_detached() {
	turn sign smime sign --cms --detached -k alice@example.org -i "$T/content" -o /dev/null
	turn dgst openssl dgst -sha256 "$T/content"
	turn detached smime verify -q --cms --detached-content "$T/content" -i "$T/signature"
}
content_files() {
	turn file.gcm smime decrypt -q --cms -i "$T/gcm" -o "$T/written"
	turn file.opaque smime verify -q --cms -i "$T/opaque" -o "$T/written"
	turn file.copy dd if="$T/content" of="$T/written" bs=1M conv=fsync
}
section_content() {
	octets $GIB >"$T/content"
	made smime encrypt --cms --cipher aes256-gcm "${to[@]}" -i "$T/content" -o "$T/gcm"
	made smime encrypt --cms --cipher aes256-cbc "${to[@]}" -i "$T/content" -o "$T/cbc"
	made smime sign --cms -k alice@example.org -i "$T/content" -o "$T/opaque"
	made smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/signature"
	is 'what is measured decrypts what was encrypted' "$(smime decrypt -q --cms -i "$T/gcm" | openssl dgst -sha256 -r)" \
		"$(openssl dgst -sha256 -r <"$T/content")"
	rounds 20 content_decryption
	rounds 20 content_verification
	rounds 10 content_encryption
	rounds 10 content_detached
	rounds 5 content_files
	speed_table '1 GiB as CMS, output to /dev/null'
	against 'decrypt, AES-256-GCM' gcm gcm.openssl 'openssl cms' 10 $GIB
	against 'decrypt, AES-256-GCM' gcm cbc.gpgsm 'gpgsm, of AES-256-CBC' 10 $GIB
	against 'decrypt, AES-256-CBC' cbc cbc.openssl 'openssl cms' 8 $GIB
	against 'decrypt, AES-256-CBC' cbc cbc.gpgsm gpgsm 8 $GIB
	against 'verify, opaque' opaque opaque.openssl 'openssl cms' 6 $GIB
	against 'verify, opaque' opaque opaque.gpgsm gpgsm 4 $GIB
	against 'encrypt, AES-256-GCM' encrypt.gcm encrypt.gcm.openssl 'openssl cms -stream' 1.5 $GIB
	against 'encrypt, AES-256-CBC' encrypt.cbc encrypt.cbc.openssl 'openssl cms -stream' - $GIB
	against 'sign, detached' sign dgst 'openssl dgst -sha256' 1 $GIB
	against 'verify, detached' detached dgst 'openssl dgst -sha256' 1 $GIB
	speed_table '1 GiB into a file, which is on the disk before it gets its name'
	against 'decrypt, AES-256-GCM' file.gcm file.copy 'dd conv=fsync' - $GIB
	against 'verify, opaque' file.opaque file.copy 'dd conv=fsync' - $GIB
	rm "$T"/{content,gcm,cbc,opaque,signature,written}
}

# ---- A mail with an attachment of 256 MiB ----

mail_decryption() {
	turn mail.gcm smime decrypt -q -i "$T/mail.gcm" -o /dev/null
	turn mail.gcm.openssl openssl cms -decrypt "${peer[@]}" -in "$T/mail.gcm" -out /dev/null
	turn mail.cbc smime decrypt -q -i "$T/mail.cbc" -o /dev/null
	turn mail.cbc.openssl openssl cms -decrypt "${peer[@]}" -in "$T/mail.cbc" -out /dev/null
	turn mail.cbc.gpgsm gpgsm --yes --assume-base64 --output /dev/null --decrypt "$T/mail.cbc.body"
}
mail_verification() {
	turn mail.signed smime verify -q -i "$T/mail.signed" -o /dev/null
	turn mail.signed.openssl openssl cms -verify -CAfile "$T/ca/root.pem" -in "$T/mail.signed" -out /dev/null
	turn mail.both smime decrypt -q --require-signature -i "$T/mail.both" -o /dev/null
}
mail_making() {
	turn mail.sign smime sign -i "$T/mail" -o /dev/null
	turn mail.sign.openssl openssl cms -sign -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -in "$T/mail" -out /dev/null
	turn mail.encrypt smime encrypt --cipher aes256-gcm "${to[@]}" -i "$T/mail" -o /dev/null
	turn mail.encrypt.openssl openssl cms -encrypt -stream -aes-256-gcm -in "$T/mail" -out /dev/null "$T/peer-rsa.pem"
}
attachment() { # OCTETS: a mail with two parts
	mail alice@example.org bob@example.org 'MIME-Version: 1.0' 'Content-Type: multipart/mixed; boundary="a part"' | sed '/^$/q'
	printf '%s\n' '--a part' 'Content-Type: text/plain' '' 'See the attachment.' '--a part' \
		'Content-Type: application/octet-stream' 'Content-Transfer-Encoding: base64' ''
	octets "$1" | base64 -w 76
	printf '%s\n' '--a part--'
}
section_mail() {
	local size
	attachment $((GIB / 4)) >"$T/mail"
	made smime encrypt --cipher aes256-gcm "${to[@]}" -i "$T/mail" -o "$T/mail.gcm"
	made smime encrypt --cipher aes256-cbc "${to[@]}" -i "$T/mail" -o "$T/mail.cbc"
	made smime sign -i "$T/mail" -o "$T/mail.signed"
	made smime encrypt --sign "${to[@]}" -i "$T/mail" -o "$T/mail.both"
	sed '1,/^$/d' "$T/mail.cbc" >"$T/mail.cbc.body"
	size=$(stat -c %s "$T/mail")
	rounds 20 mail_decryption
	rounds 20 mail_verification
	rounds 10 mail_making
	speed_table 'A mail with an attachment of 256 MiB, output to /dev/null; MB/s of what is inside'
	against 'decrypt, AES-256-GCM' mail.gcm mail.gcm.openssl 'openssl cms' 5 "$size"
	against 'decrypt, AES-256-GCM' mail.gcm mail.cbc.gpgsm 'gpgsm, of AES-256-CBC' 5 "$size"
	against 'decrypt, AES-256-CBC' mail.cbc mail.cbc.openssl 'openssl cms' 5 "$size"
	against 'decrypt, AES-256-CBC' mail.cbc mail.cbc.gpgsm gpgsm 5 "$size"
	against 'verify, multipart/signed' mail.signed mail.signed.openssl 'openssl cms' 20 "$size"
	against 'decrypt and verify' mail.both mail.signed.openssl 'openssl cms, verification alone' - "$size"
	against 'sign' mail.sign mail.sign.openssl 'openssl cms' - "$size"
	against 'encrypt, AES-256-GCM' mail.encrypt mail.encrypt.openssl 'openssl cms -stream' - "$size"
	rm "$T"/mail*
}

# ---- Memory ----

peaks() { # SIZE FILE: every operation on a file as CMS
	turn "peak.detached.$1" smime sign --cms --detached -k alice@example.org -i "$2" -o "$T/peak.signature"
	turn "peak.detached-verify.$1" smime verify -q --cms --detached-content "$2" -i "$T/peak.signature"
	# Zeros cost no disk in a file with holes.
	turn "peak.opaque.$1" sh -c 'smime sign --cms -k alice@example.org -i "$1" | dd of="$2" bs=1M iflag=fullblock conv=sparse' - "$2" "$T/peak.opaque"
	turn "peak.opaque-verify.$1" smime verify -q --cms -i "$T/peak.opaque" -o /dev/null
	turn "peak.encrypt.$1" smime encrypt --cms --cipher aes256-gcm "${to[@]}" -i "$2" -o "$T/peak.gcm"
	turn "peak.decrypt.$1" smime decrypt -q --cms -i "$T/peak.gcm" -o /dev/null
	rm "$T"/peak.*
	binary_mail "$2" >"$T/peak.mail"
	turn "peak.mail-sign.$1" smime sign -k alice@example.org -i "$T/peak.mail" -o /dev/null
	binary_signed "$2" >"$T/peak.mail"
	turn "peak.mail-verify.$1" smime verify -q -i "$T/peak.mail" -o /dev/null
	rm "$T/peak.mail"
}
with_holes() { dd bs=1M iflag=fullblock conv=sparse status=none; }
binary_part() { # FILE
	printf '%s\r\n' 'Content-Type: application/octet-stream' 'Content-Transfer-Encoding: binary' ''
	cat "$1"
}
binary_mail() { # FILE
	{ printf '%s\r\n' 'From: alice@example.org' 'MIME-Version: 1.0' && binary_part "$1"; } | with_holes
}
binary_signed() { # FILE: multipart/signed, whose part is signed as it is
	binary_part "$1" | with_holes >"$T/peak.part"
	made smime sign --cms --detached -k alice@example.org -i "$T/peak.part" -o "$T/peak.signature"
	signed_mail alice@example.org pkcs7 "$T/peak.part" "$T/peak.signature" | with_holes
	rm "$T/peak.part" "$T/peak.signature"
}
peak_row() { # WHAT NAME
	local size cells=() peak
	for size in "${peak_sizes[@]}"; do
		peak=$(peak_of "peak.$2.$size")
		reaches "$peak <= $PEAK_MAX_KIB" || missed=$((missed + 1))
		cells+=("$(judged "$peak" "$peak <= $PEAK_MAX_KIB")")
	done
	row "$1" "${cells[@]}"
}
section_memory() {
	local size
	peak_sizes=(1K 1M 1G 8G)
	for size in "${peak_sizes[@]}"; do
		truncate -s "$size" "$T/holes"
		peaks "$size" "$T/holes"
		rm "$T/holes"
	done
	table "Peak resident memory in KiB; to keep: $PEAK_MAX_KIB" 'content of' '1 KiB' '1 MiB' '1 GiB' '8 GiB'
	peak_row 'sign, detached' detached
	peak_row 'verify, detached' detached-verify
	peak_row 'sign, opaque' opaque
	peak_row 'verify, opaque' opaque-verify
	peak_row 'encrypt, AES-256-GCM' encrypt
	peak_row 'decrypt, AES-256-GCM' decrypt
	peak_row 'sign a mail, binary content' mail-sign
	peak_row 'verify a mail, binary content' mail-verify
}

# ---- 10,000 recipients ----

# Certificates that differ in serial number and address; their signatures fit no more, which nobody asks of a recipient's certificate.
strangers() { # CERTIFICATE NUMBER DIRECTORY
	mkdir "$3"
	openssl x509 -in "$1" -outform DER | python3 -c 'import hashlib, sys
der, serial = bytearray(sys.stdin.buffer.read()), bytes.fromhex(sys.argv[1])
at, address = der.index(serial), der.index(b"peer-", der.index(b"@example.org") - 9)
for i in range(int(sys.argv[2])):
    der[address:address + 7] = b"%07d" % i
    der[at + 1:at + len(serial)] = hashlib.sha512(b"%d" % i).digest()[:len(serial) - 1]
    open("%s/%d.der" % (sys.argv[3], i), "wb").write(der)' "$(openssl x509 -in "$1" -noout -serial | cut -d= -f2)" "$2" "$3"
}
recipient_turns() {
	local count
	for count in 1 1000 "$most"; do
		turn "to.$count" smime encrypt --cms --cipher aes256-gcm "${strangers[@]:0:2*count-2}" -r "$T/bob.pem" -i "$T/note" -o "$T/message"
		turn "from.$count" smime decrypt -q --cms -i "$T/message" -o /dev/null
	done
}
growth() { # to|from: from 1,000 to ten times as many, without what it costs to start
	calculate %.1f "($(processor_of "$1.$most") - $(processor_of "$1.1")) / ($(processor_of "$1.1000") - $(processor_of "$1.1") + 0.0005)"
}
recipient_row() { # WHAT
	local find to
	find=$(calculate %.0f "1000 * ($(processor_of "from.$most") - $(processor_of from.1))")
	to=$(growth to)
	reaches "$find < $FIND_MAX_MS" || missed=$((missed + 1))
	reaches "$to <= $GROWTH_MAX" || missed=$((missed + 1))
	row "$1" "$(processor_of to.1) s" "$(processor_of to.1000) s" "$(processor_of "to.$most") s" "$(judged "$to" "$to <= $GROWTH_MAX")" \
		"$(processor_of from.1) s" "$(processor_of from.1000) s" "$(processor_of "from.$most") s" \
		"$(judged "$find ms" "$find < $FIND_MAX_MS")" "$(peak_of "to.$most") KiB" "$(peak_of "from.$most") KiB"
}
recipients() { # WHAT
	rm -f "$T"/runs/{to,from}.*
	rounds 10 recipient_turns
	recipient_row "$1"
}
section_recipients() {
	local kind i
	octets 1000 >"$T/note"
	table 'Recipients, of whom the last decrypts, in processor time; to reach: a growth of 12 at most, where 10 is linear, and 50 ms' \
		'they are' 'encrypt to 1' '1,000' '10,000' 'growth' 'decrypt, of 1' '1,000' '10,000' 'finding one of 10,000' \
		'peak of encrypting' 'of decrypting'
	most=10000
	for kind in rsa ec; do
		strangers "$T/peer-$kind.pem" $((most - 1)) "$T/$kind"
		strangers=()
		for ((i = 0; i < most - 1; i++)); do strangers+=(-r "$T/$kind/$i.der"); done
		recipients "files, $kind"
	done
	# The folder may have 10,000 entries, and two of them are the directories.
	most=9900
	strangers=()
	for ((i = 0; i < most - 1; i++)); do strangers+=(-r "$(printf %07d "$i")@example.org"); done
	rm "$T"/ec/99[0-9][0-9].der
	mkdir -p "$HOME/.config/smime-agent"
	mv "$T/ec" "$HOME/.config/smime-agent/certificates"
	recipients "addresses in the folder, ec; 9,900 for 10,000"
	rm -r "$HOME/.config/smime-agent/certificates"
}

section_agent() {
	local script
	script=$(dirname "$0")/agent.sh
	[ -x "$script" ] || return 0
	printf '\n' >>"$report"
	"$script" | tee -a "$report" || missed=$((missed + 1))
}

record() { # rewrites what stands between the two marks
	local page=$SOURCE/docs/performance.md
	awk -v report="$report" '/^<!-- tests.bench.run.sh: end -->/ { skipped = 0 }
		!skipped { print }
		/^<!-- tests.bench.run.sh: begin -->/ { skipped = 1; while ((getline line < report) > 0) print line; print "" }' "$page" >"$T/page" &&
		cat "$T/page" >"$page"
}
printf '\nMeasured on %s, %s, %s processors, OpenSSL %s, gpgsm %s; %s.\n' "$(uname -m)" \
	"$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(openssl version | cut -d' ' -f2)" \
	"$(gpgsm --version | awk 'NR == 1 { print $3 }')" "$(date -u +%F)" >>"$report"
for section in "${sections[@]}"; do "section_$section"; done
[ -z "$record" ] || record
note '' && sed 's/^/# /' "$report" >&3
note "$((SECONDS / 60)) minutes $((SECONDS % 60)) seconds; $missed figures missed"
agent_stop
exit $((test_failed + missed > 0))
