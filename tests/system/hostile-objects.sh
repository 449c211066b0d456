#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module whose objects, attributes and mechanisms are not what they should be when the token process starts.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
untold='C_GetAttributeValue|tells nothing of them'
hostile_table <<END
a million objects              | start | any any     | did not answer in time | C_FindObjects endless 1000000
objects without an end         | start | any any     | did not answer in time | C_FindObjects endless
more objects than there is room | start | fails fails | C_FindObjects | C_FindObjects length ffffffff
attributes over their buffers  | start | fails fails | $untold | long-attribute
attributes of 4 GiB            | start | fails fails | $untold | C_GetAttributeValue length 100000000
attributes of -1 octets        | start | fails fails | $untold | C_GetAttributeValue length ffffffffffffffff
attributes without octets      | start | fails fails | $untold | C_GetAttributeValue length 0
attributes with a wrong bit    | relock | any any     | . | C_GetAttributeValue flip
one CKA_ID for every object    | start | works works | . | same-id
a listing that fails once      | start | any any     | C_FindObjects: CKR_DEVICE_ERROR | C_FindObjects fails 30 =9
another one                    | start | any any     | C_FindObjectsInit: CKR_DEVICE_ERROR | C_FindObjectsInit fails 30 =5
more mechanisms than announced | start | fails fails | C_GetMechanismList | mechanisms=grow
END
hostile_stop
done_testing
