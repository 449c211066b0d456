#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Some of the runs of tests/faults/alloc.sh: an allocation or an OpenSSL call fails.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/nth-call.sh"

# Functions of libcrypto that only free, look at something that is there or name a constant, by their names' patterns.
harmless='_(it|free|pop_free|clear_free|secure_free|cleanse|length|num|value|type|cmp|get0_\w+|is_zero|num_bits|s_mem|bits|size|base_id|name|type_name|it|up_ref|is_a)$
^EVP_(aes|des|chacha20|sha|md5)\w*$
^CRYPTO_(free|memcmp|secure_(actual_size|allocated|clear_free|free|malloc_initialized))$
^OPENSSL_sk_(delete|free|num|pop|set_cmp_func|shift|sort|value)$
^ASN1_(BIT_STRING_get_bit|ENUMERATED_get|STRING_\w+|TYPE_(cmp|set)|get_object|object_size|put_object|OCTET_STRING_cmp|INTEGER_cmp)$
^OBJ_(cmp|get0_data|length|nid2obj|nid2sn|obj2nid|sn2nid|txt2nid)$
^EVP_(CIPHER_CTX_set_(flags|padding)|CIPHER_get_(key_length|flags)|EncodeBlock|EncodeFinal|EncodeInit|MD_get_(size|type))$
^(OCSP_(resp_count|resp_get0|response_status)|X509_STORE_set_check_issued|X509v3_get_ext(_by_NID)?|OSSL_PARAM_construct_\w+|X509_(EXTENSION_get_data|get_ext|get_ext_by_(NID|OBJ))|BIO_ctrl|ERR_(clear_error|new|set_debug|set_error)|UTF8_getc|X509_ALGOR_get0|X509_ATTRIBUTE_(count|get0_\w+)|X509_NAME_(get_entry|get_index_by_NID|ENTRY_get_data)|X509_CRL_get0_by_cert)$
^(SHA(256|384|512)_(Init|Update|Final))$
^X509_(STORE_CTX_(get_\w+|set0_crls|set_error|set_verify_cb)|VERIFY_PARAM_\w+|check_ca|cmp_current_time|get_(X509_PUBKEY|extended_key_usage|extension_flags|issuer_name|key_usage|subject_name)|verify_cert_error_string)$'

imported() {
	local program
	for program in client/lib/libsmime.so.0 client/cli/smime agent/token/smime-token agent/core/smime-agent; do
		nm -D --undefined-only "$SMIME_BUILD/$program" | sed -nE 's/^ +U (\w+)@OPENSSL_.*/\1/p'
	done | sort -u
}
is 'every OpenSSL function that we call fails here, or can not' \
	"$(imported | grep -vxF -f <(sed -nE 's/^CALL\((\w+),.*/\1/p' "$SOURCE/tests/faults/openssl-calls.h") | grep -vE "$harmless" | tr '\n' ' ')" ''

client=(sign sign-cms sign-denied encrypt encrypt-sign verify verify-opaque verify-json verify-changed verify-stranger verify-revoked verify-ocsp verify-ocsp-revoked decrypt decrypt-gcm
	decrypt-signed decrypt-changed encrypt-wrapped decrypt-wrapped verify-asks keys)
nth_start
told 'what must never succeed is denied when nothing fails' 5 'not with this one' smime sign --cms --digest sha512 --key bob@example.org -i "$WORK/mail" -o "$T/denied"
if [ -z "${SMIME_SANITIZED:-}" ]; then
	nth_try 53 "${client[@]}"
	NTH_KINDS=openssl nth_try 11 verify-changed verify-stranger verify-revoked decrypt-changed # what must never succeed
	nth_try 397 token
	nth_try 179 core
else # which is slow, and there for leaks
	export NTH_KINDS='malloc openssl'
	nth_try 97 "${client[@]}"
	nth_try 499 token
	nth_try 397 core
fi
done_testing
