#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module whose operations answer what is not so: lengths, codes, signatures, plaintext, flags of the PIN.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
printf '%s' "$DEMO_PIN" >"$FAULTY_CONTROL.pin"
long='of an impossible length'
wrong='does not verify with its certificate'
hostile_table <<END
a wrong signature              | running | fails works | $wrong | C_Sign flip
the signature of another key   | running | fails works | $wrong | C_SignInit another
a signature without octets     | running | fails works | $long | C_Sign length 0
a signature over its buffer    | running | fails works | $long | C_Sign length 100000000
a signature of -1 octets       | running | fails works | $long | C_Sign length ffffffffffffffff
a signature of one octet       | running | fails works | does not verify|impossible | C_Sign length 1
no room for a signature, ever  | running | fails works | CKR_BUFFER_TOO_SMALL | C_Sign fails 150
a code of the vendor           | running | fails works | value of the vendor, 0x80000001 | C_Sign fails 80000001
a code of nobody               | running | fails works | unknown CKR value, 0x7eadbeef | C_SignInit fails 7eadbeef
no memory                      | running | fails works | CKR_HOST_MEMORY | C_Sign fails 2
no login after all             | running | fails works | . | C_Sign fails 101
another operation, always      | running | fails works | CKR_OPERATION_ACTIVE | C_SignInit fails 90
wrong plaintext                | running | works fake  | . | C_Decrypt flip; C_GetAttributeValue flip
plaintext without octets       | running | works fake  | . | C_Decrypt length 0
plaintext over its buffer      | running | works fake  | . | C_Decrypt length 100000000
plaintext of -1 octets         | running | works fake  | . | C_Decrypt length ffffffffffffffff
no room for plaintext, ever    | running | works fake  | . | C_Decrypt fails 150
a secret over its buffer       | running | works any   | . | C_GetAttributeValue length 100000000
tries that were lost           | start   | works works | . | low
a reader that asks for the PIN | start   | works works | . | pinpad
a reader that is left alone    | start   | fails fails | cancelled on the reader | pinpad; C_Login fails 50
the last try                   | start   | works works | . | final
a PIN that is blocked          | start   | fails fails | is blocked by too many wrong tries | locked
a PIN that is not set          | start   | fails fails | has no PIN yet | C_GetTokenInfo flags 404
every flag there is            | start   | fails fails | is blocked | C_GetTokenInfo flags ffffffffffffffff
no PIN is right                | start   | fails fails | wrong PIN | C_Login fails a0
a login that ends the session  | start   | fails fails | . | C_Login fails b3
a login of nobody              | start   | fails fails | 0xcafe | C_Login fails cafe
END
hostile_stop
done_testing
