/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The templates of docs/protocol.asn1: one table a message, in the order of the fields. Nothing else belongs here.
 */
#include "message.h"

#define TEXT_OPT(st, field, tag) ASN1_EXP_OPT(st, field, ASN1_UTF8STRING, tag)

#define IMPLEMENT(type)                                                      \
	struct type *type##_new(void) {                                      \
		return (struct type *)ASN1_item_new(ASN1_ITEM_rptr(type));   \
	}                                                                    \
	void type##_free(struct type *message) {                             \
		ASN1_item_free((ASN1_VALUE *)message, ASN1_ITEM_rptr(type)); \
	}

/* A BOOLEAN that nobody has set is -1 in OpenSSL and can't be encoded; ours start as FALSE. */
#define STARTS_FALSE(type, assignments)                                                                     \
	static int type##_callback(int operation, ASN1_VALUE **value, const ASN1_ITEM *item, void *extra) { \
		if (operation == ASN1_OP_NEW_POST) {                                                        \
			struct type *made = (struct type *)*value;                                          \
			assignments;                                                                        \
		}                                                                                           \
		return 1;                                                                                   \
	}

/* A secret in a message ends with it, wherever that is: also in a message that breaks off behind it. */
#define ENDS_WIPED(type, field)                                                                             \
	static int type##_callback(int operation, ASN1_VALUE **value, const ASN1_ITEM *item, void *extra) { \
		if (operation == ASN1_OP_FREE_PRE)                                                          \
			wipe(((struct type *)*value)->field);                                               \
		return 1;                                                                                   \
	}

static void wipe(ASN1_OCTET_STRING *secret) {
	if (secret && secret->data)
		OPENSSL_cleanse(secret->data, (size_t)secret->length);
}

/* ---- Parts that several messages share ---- */

ASN1_SEQUENCE(wire_token) = {
	ASN1_SIMPLE(struct wire_token, id, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_token, label, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_token, manufacturer, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_token, model, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_token, serial, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_token, module, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_token, slot, ASN1_UTF8STRING),
} ASN1_SEQUENCE_END_name(struct wire_token, wire_token)
IMPLEMENT(wire_token)

ASN1_SEQUENCE(wire_reader) = {
	ASN1_SIMPLE(struct wire_reader, name, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_reader, state, UINT32),
	ASN1_EMBED(struct wire_reader, events, UINT32),
} ASN1_SEQUENCE_END_name(struct wire_reader, wire_reader)
IMPLEMENT(wire_reader)

STARTS_FALSE(wire_key, made->seen = 0; made->can_sign = 0; made->can_decrypt = 0; made->always_authenticate = 0;
	made->touch = 0)
ASN1_SEQUENCE_cb(wire_key, wire_key_callback) = {
	ASN1_SIMPLE(struct wire_key, spki, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_key, token, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_key, id, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_key, label, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_key, type, UINT32),
	ASN1_EMBED(struct wire_key, bits, UINT32),
	ASN1_SIMPLE(struct wire_key, seen, ASN1_BOOLEAN),
	ASN1_SIMPLE(struct wire_key, can_sign, ASN1_BOOLEAN),
	ASN1_SIMPLE(struct wire_key, can_decrypt, ASN1_BOOLEAN),
	ASN1_SIMPLE(struct wire_key, always_authenticate, ASN1_BOOLEAN),
	ASN1_EMBED(struct wire_key, claims, UINT32),
	ASN1_EMBED(struct wire_key, evidence, UINT32),
	ASN1_SIMPLE(struct wire_key, evidence_why, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_key, touch, ASN1_BOOLEAN),
	ASN1_SEQUENCE_OF(struct wire_key, certificates, ASN1_OCTET_STRING),
} ASN1_SEQUENCE_END_cb(struct wire_key, wire_key)
IMPLEMENT(wire_key)

/* ---- Requests of clients ---- */

ASN1_SEQUENCE(wire_hello) = {
	ASN1_EMBED(struct wire_hello, version, UINT32),
	ASN1_SIMPLE(struct wire_hello, program, ASN1_UTF8STRING),
	TEXT_OPT(struct wire_hello, display, 0),
	TEXT_OPT(struct wire_hello, wayland_display, 1),
	TEXT_OPT(struct wire_hello, xauthority, 2),
	TEXT_OPT(struct wire_hello, tty_name, 3),
	TEXT_OPT(struct wire_hello, tty_type, 4),
	TEXT_OPT(struct wire_hello, lc_ctype, 5),
	TEXT_OPT(struct wire_hello, lc_messages, 6),
	ASN1_EXP_OPT(struct wire_hello, no_prompt, ASN1_NULL, 7),
} ASN1_SEQUENCE_END_name(struct wire_hello, wire_hello)
IMPLEMENT(wire_hello)

ASN1_SEQUENCE(wire_list) = {
	ASN1_EMBED(struct wire_list, offset, UINT32),
} static_ASN1_SEQUENCE_END_name(struct wire_list, wire_list)

ASN1_SEQUENCE(wire_intermediates) = {
	ASN1_EMBED(struct wire_intermediates, offset, UINT32),
	ASN1_EXP_OPT(struct wire_intermediates, token, ASN1_OCTET_STRING, 0),
} static_ASN1_SEQUENCE_END_name(struct wire_intermediates, wire_intermediates)

ASN1_SEQUENCE(wire_fingerprint) = {
	ASN1_SIMPLE(struct wire_fingerprint, sha256, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct wire_fingerprint, wire_fingerprint)

STARTS_FALSE(wire_sign, made->pss = 0)
ASN1_SEQUENCE_cb(wire_sign, wire_sign_callback) = {
	ASN1_SIMPLE(struct wire_sign, key, ASN1_OCTET_STRING),
	ASN1_EXP_OPT(struct wire_sign, certificate, ASN1_OCTET_STRING, 0),
	ASN1_SIMPLE(struct wire_sign, digest_algorithm, ASN1_OBJECT),
	ASN1_SIMPLE(struct wire_sign, digest, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_sign, pss, ASN1_BOOLEAN),
	TEXT_OPT(struct wire_sign, from, 1),
	TEXT_OPT(struct wire_sign, recipients, 2),
	TEXT_OPT(struct wire_sign, subject, 3),
} ASN1_SEQUENCE_END_cb(struct wire_sign, wire_sign)
IMPLEMENT(wire_sign)

ASN1_SEQUENCE(wire_decrypt) = {
	ASN1_SIMPLE(struct wire_decrypt, key, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_decrypt, content_type, ASN1_OBJECT),
	ASN1_SIMPLE(struct wire_decrypt, content_encryption, X509_ALGOR),
	ASN1_SIMPLE(struct wire_decrypt, recipient_info, ASN1_OCTET_STRING),
	ASN1_EXP_OPT(struct wire_decrypt, originator, ASN1_OCTET_STRING, 0),
	TEXT_OPT(struct wire_decrypt, from, 1),
	TEXT_OPT(struct wire_decrypt, recipients, 2),
	TEXT_OPT(struct wire_decrypt, subject, 3),
} ASN1_SEQUENCE_END_name(struct wire_decrypt, wire_decrypt)
IMPLEMENT(wire_decrypt)

ASN1_SEQUENCE(wire_token_name) = {
	ASN1_EXP_OPT(struct wire_token_name, token, ASN1_OCTET_STRING, 0),
} static_ASN1_SEQUENCE_END_name(struct wire_token_name, wire_token_name)

ASN1_SEQUENCE(wire_explain) = {
	ASN1_EMBED(struct wire_explain, operation, UINT32),
	ASN1_EXP_OPT(struct wire_explain, key, ASN1_OCTET_STRING, 0),
	ASN1_EMBED(struct wire_explain, pid, UINT32),
	TEXT_OPT(struct wire_explain, from, 1),
} static_ASN1_SEQUENCE_END_name(struct wire_explain, wire_explain)

ASN1_CHOICE(wire_request_body) = {
	ASN1_EXP(struct wire_request_body, hello, wire_hello, WIRE_HELLO),
	ASN1_EXP(struct wire_request_body, list, wire_list, WIRE_LIST),
	ASN1_EXP(struct wire_request_body, certificate, wire_fingerprint, WIRE_CERTIFICATE),
	ASN1_EXP(struct wire_request_body, sign, wire_sign, WIRE_SIGN),
	ASN1_EXP(struct wire_request_body, decrypt, wire_decrypt, WIRE_DECRYPT),
	ASN1_EXP(struct wire_request_body, unlock, wire_token_name, WIRE_UNLOCK),
	ASN1_EXP(struct wire_request_body, lock, wire_token_name, WIRE_LOCK),
	ASN1_EXP(struct wire_request_body, status, ASN1_NULL, WIRE_STATUS),
	ASN1_EXP(struct wire_request_body, anchors, wire_list, WIRE_ANCHORS),
	ASN1_EXP(struct wire_request_body, subscribe, ASN1_NULL, WIRE_SUBSCRIBE),
	ASN1_EXP(struct wire_request_body, pin_change, wire_token_name, WIRE_PIN_CHANGE),
	ASN1_EXP(struct wire_request_body, pin_unblock, wire_token_name, WIRE_PIN_UNBLOCK),
	ASN1_EXP(struct wire_request_body, intermediates, wire_intermediates, WIRE_INTERMEDIATES),
	ASN1_EXP(struct wire_request_body, reload, ASN1_NULL, WIRE_RELOAD),
	ASN1_EXP(struct wire_request_body, explain, wire_explain, WIRE_EXPLAIN),
} static_ASN1_CHOICE_END_name(struct wire_request_body, wire_request_body)

ASN1_SEQUENCE(wire_request) = {
	ASN1_EMBED(struct wire_request, id, UINT32),
	ASN1_SIMPLE(struct wire_request, body, wire_request_body),
} ASN1_SEQUENCE_END_name(struct wire_request, wire_request)
IMPLEMENT(wire_request)

/* ---- Answers to clients ---- */

ASN1_SEQUENCE(wire_error) = {
	ASN1_EMBED(struct wire_error, code, UINT32),
	ASN1_SIMPLE(struct wire_error, text, ASN1_UTF8STRING),
} ASN1_SEQUENCE_END_name(struct wire_error, wire_error)
IMPLEMENT(wire_error)

ASN1_SEQUENCE(wire_hello_reply) = {
	ASN1_EMBED(struct wire_hello_reply, version, UINT32),
	ASN1_SIMPLE(struct wire_hello_reply, agent_version, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END_name(struct wire_hello_reply, wire_hello_reply)

ASN1_SEQUENCE(wire_list_reply) = {
	ASN1_EMBED(struct wire_list_reply, total, UINT32),
	ASN1_SEQUENCE_OF(struct wire_list_reply, keys, wire_key),
	ASN1_EXP_SEQUENCE_OF_OPT(struct wire_list_reply, capabilities, X509_ALGOR, 0),
} static_ASN1_SEQUENCE_END_name(struct wire_list_reply, wire_list_reply)

ASN1_SEQUENCE(wire_blobs) = {
	ASN1_EMBED(struct wire_blobs, total, UINT32),
	ASN1_SEQUENCE_OF(struct wire_blobs, items, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct wire_blobs, wire_blobs)

ASN1_SEQUENCE(wire_sign_reply) = {
	ASN1_SIMPLE(struct wire_sign_reply, signer_info, ASN1_OCTET_STRING),
	ASN1_SEQUENCE_OF(struct wire_sign_reply, certificates, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct wire_sign_reply, wire_sign_reply)

ENDS_WIPED(wire_decrypt_reply, cek)
ASN1_SEQUENCE_cb(wire_decrypt_reply, wire_decrypt_reply_callback) = {
	ASN1_SIMPLE(struct wire_decrypt_reply, cek, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_cb(struct wire_decrypt_reply, wire_decrypt_reply)

STARTS_FALSE(wire_token_status, made->unlocked = 0)
ASN1_SEQUENCE_cb(wire_token_status, wire_token_status_callback) = {
	ASN1_SIMPLE(struct wire_token_status, token, wire_token),
	ASN1_EMBED(struct wire_token_status, state, UINT32),
	ASN1_EMBED(struct wire_token_status, pin, UINT32),
	ASN1_SIMPLE(struct wire_token_status, unlocked, ASN1_BOOLEAN),
	ASN1_EMBED(struct wire_token_status, keys, UINT32),
	ASN1_EMBED(struct wire_token_status, queued, UINT32),
	ASN1_SIMPLE(struct wire_token_status, fault, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_token_status, tries_lost, UINT32),
	ASN1_EMBED(struct wire_token_status, tries_left, UINT32),
} ASN1_SEQUENCE_END_cb(struct wire_token_status, wire_token_status)
IMPLEMENT(wire_token_status)

ASN1_SEQUENCE(wire_module_status) = {
	ASN1_SIMPLE(struct wire_module_status, path, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_module_status, tokens, UINT32),
	ASN1_SIMPLE(struct wire_module_status, fault, ASN1_UTF8STRING),
} ASN1_SEQUENCE_END_name(struct wire_module_status, wire_module_status)
IMPLEMENT(wire_module_status)

ASN1_SEQUENCE(wire_prompt_status) = {
	ASN1_SIMPLE(struct wire_prompt_status, token, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_prompt_status, label, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_prompt_status, text, ASN1_UTF8STRING),
} ASN1_SEQUENCE_END_name(struct wire_prompt_status, wire_prompt_status)
IMPLEMENT(wire_prompt_status)

ASN1_SEQUENCE(wire_status_reply) = {
	ASN1_SIMPLE(struct wire_status_reply, agent_version, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_status_reply, pid, UINT32),
	ASN1_EMBED(struct wire_status_reply, clients, UINT32),
	ASN1_EMBED(struct wire_status_reply, prompts, UINT32),
	ASN1_SEQUENCE_OF(struct wire_status_reply, modules, wire_module_status),
	ASN1_SEQUENCE_OF(struct wire_status_reply, tokens, wire_token_status),
	ASN1_SIMPLE(struct wire_status_reply, reader_fault, ASN1_UTF8STRING),
	ASN1_SEQUENCE_OF(struct wire_status_reply, readers, wire_reader),
	ASN1_SEQUENCE_OF(struct wire_status_reply, line, wire_prompt_status),
	TEXT_OPT(struct wire_status_reply, pin_program, 0),
	TEXT_OPT(struct wire_status_reply, pin_file, 1),
	TEXT_OPT(struct wire_status_reply, audit_directory, 2),
	TEXT_OPT(struct wire_status_reply, audit_fault, 3),
	ASN1_EXP_OPT(struct wire_status_reply, rules_read, ASN1_GENERALIZEDTIME, 4),
} ASN1_SEQUENCE_END_name(struct wire_status_reply, wire_status_reply)
IMPLEMENT(wire_status_reply)

ASN1_SEQUENCE(wire_event) = {
	ASN1_EMBED(struct wire_event, kind, UINT32),
	ASN1_EXP_OPT(struct wire_event, token, ASN1_OCTET_STRING, 0),
	ASN1_SIMPLE(struct wire_event, label, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_event, text, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_event, number, UINT32),
	ASN1_EMBED(struct wire_event, code, UINT32),
} static_ASN1_SEQUENCE_END_name(struct wire_event, wire_event)

ASN1_SEQUENCE(wire_explain_reply) = {
	ASN1_EMBED(struct wire_explain_reply, outcome, UINT32),
	ASN1_SIMPLE(struct wire_explain_reply, rule, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_explain_reply, file, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_explain_reply, line, UINT32),
	ASN1_SIMPLE(struct wire_explain_reply, text, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_explain_reply, client, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_explain_reply, key, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_explain_reply, policy, ASN1_UTF8STRING),
	ASN1_OPT(struct wire_explain_reply, fresh_pin, ASN1_FBOOLEAN),
} static_ASN1_SEQUENCE_END_name(struct wire_explain_reply, wire_explain_reply)

ASN1_CHOICE(wire_reply_body) = {
	ASN1_EXP(struct wire_reply_body, error, wire_error, WIRE_REPLY_ERROR),
	ASN1_EXP(struct wire_reply_body, hello, wire_hello_reply, WIRE_REPLY_HELLO),
	ASN1_EXP(struct wire_reply_body, list, wire_list_reply, WIRE_REPLY_LIST),
	ASN1_EXP(struct wire_reply_body, certificate, ASN1_OCTET_STRING, WIRE_REPLY_CERTIFICATE),
	ASN1_EXP(struct wire_reply_body, sign, wire_sign_reply, WIRE_REPLY_SIGN),
	ASN1_EXP(struct wire_reply_body, decrypt, wire_decrypt_reply, WIRE_REPLY_DECRYPT),
	ASN1_EXP(struct wire_reply_body, done, ASN1_NULL, WIRE_REPLY_DONE),
	ASN1_EXP(struct wire_reply_body, status, wire_status_reply, WIRE_REPLY_STATUS),
	ASN1_EXP(struct wire_reply_body, anchors, wire_blobs, WIRE_REPLY_ANCHORS),
	ASN1_EXP(struct wire_reply_body, event, wire_event, WIRE_REPLY_EVENT),
	ASN1_EXP(struct wire_reply_body, explain, wire_explain_reply, WIRE_REPLY_EXPLAIN),
} static_ASN1_CHOICE_END_name(struct wire_reply_body, wire_reply_body)

ASN1_SEQUENCE(wire_reply) = {
	ASN1_EMBED(struct wire_reply, id, UINT32),
	ASN1_SIMPLE(struct wire_reply, body, wire_reply_body),
} ASN1_SEQUENCE_END_name(struct wire_reply, wire_reply)
IMPLEMENT(wire_reply)

/* ---- Core to token process ---- */

ASN1_SEQUENCE(wire_grant) = {
	ASN1_SIMPLE(struct wire_grant, key, ASN1_UTF8STRING),
	ASN1_EMBED(struct wire_grant, count, UINT32),
	ASN1_EMBED(struct wire_grant, within_s, UINT32),
} ASN1_SEQUENCE_END_name(struct wire_grant, wire_grant)
IMPLEMENT(wire_grant)

ASN1_SEQUENCE(wire_question) = {
	ASN1_SIMPLE(struct wire_question, label, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_question, serial, ASN1_UTF8STRING),
	ASN1_SEQUENCE_OF(struct wire_question, paragraphs, ASN1_UTF8STRING),
} ASN1_SEQUENCE_END_name(struct wire_question, wire_question)
IMPLEMENT(wire_question)

static int wire_setup_callback(int operation, ASN1_VALUE **value, const ASN1_ITEM *item, void *extra) {
	struct wire_setup *setup = (struct wire_setup *)*value;

	if (operation == ASN1_OP_NEW_POST)
		setup->exclusive = setup->network = 0;
	if (operation == ASN1_OP_FREE_PRE)
		wipe(setup->rejection_secret);
	return 1;
}
ASN1_SEQUENCE_cb(wire_setup, wire_setup_callback) = {
	ASN1_EMBED(struct wire_setup, role, UINT32),
	ASN1_SIMPLE(struct wire_setup, module, ASN1_UTF8STRING),
	TEXT_OPT(struct wire_setup, init_reserved, 9),
	ASN1_EXP_OPT(struct wire_setup, token, ASN1_OCTET_STRING, 0),
	ASN1_EMBED(struct wire_setup, sessions, UINT32),
	TEXT_OPT(struct wire_setup, pin_file, 1),
	ASN1_SEQUENCE_OF(struct wire_setup, certificates, ASN1_OCTET_STRING),
	ASN1_SEQUENCE_OF(struct wire_setup, capabilities, X509_ALGOR),
	ASN1_SIMPLE(struct wire_setup, rejection_secret, ASN1_OCTET_STRING),
	TEXT_OPT(struct wire_setup, ledger, 2),
	ASN1_EMBED(struct wire_setup, crashes, UINT32),
	ASN1_SEQUENCE_OF(struct wire_setup, grants, wire_grant),
	TEXT_OPT(struct wire_setup, reader, 3),
	ASN1_SEQUENCE_OF(struct wire_setup, other_readers, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_setup, exclusive, ASN1_BOOLEAN),
	ASN1_SIMPLE(struct wire_setup, network, ASN1_BOOLEAN),
	ASN1_SEQUENCE_OF(struct wire_setup, writable, ASN1_UTF8STRING),
	ASN1_SEQUENCE_OF(struct wire_setup, readable, ASN1_UTF8STRING),
	ASN1_EXP_OPT(struct wire_setup, question, wire_question, 4),
} ASN1_SEQUENCE_END_cb(struct wire_setup, wire_setup)
IMPLEMENT(wire_setup)

STARTS_FALSE(wire_prompt_grant, made->granted = 0)
ASN1_SEQUENCE_cb(wire_prompt_grant, wire_prompt_grant_callback) = {
	ASN1_SIMPLE(struct wire_prompt_grant, granted, ASN1_BOOLEAN),
	TEXT_OPT(struct wire_prompt_grant, tty_name, 0),
	TEXT_OPT(struct wire_prompt_grant, tty_type, 1),
	TEXT_OPT(struct wire_prompt_grant, lc_ctype, 2),
	TEXT_OPT(struct wire_prompt_grant, lc_messages, 3),
	ASN1_EXP_OPT(struct wire_prompt_grant, refusal, wire_error, 4),
} ASN1_SEQUENCE_END_cb(struct wire_prompt_grant, wire_prompt_grant)
IMPLEMENT(wire_prompt_grant)

ASN1_SEQUENCE(wire_caller) = {
	ASN1_SIMPLE(struct wire_caller, text, ASN1_UTF8STRING),
	ASN1_OPT(struct wire_caller, fresh_pin, ASN1_FBOOLEAN),
} static_ASN1_SEQUENCE_END_name(struct wire_caller, wire_caller)

ASN1_SEQUENCE(wire_sign_task) = {
	ASN1_SIMPLE(struct wire_sign_task, caller, wire_caller),
	ASN1_SIMPLE(struct wire_sign_task, request, wire_sign),
} static_ASN1_SEQUENCE_END_name(struct wire_sign_task, wire_sign_task)

ASN1_SEQUENCE(wire_decrypt_task) = {
	ASN1_SIMPLE(struct wire_decrypt_task, caller, wire_caller),
	ASN1_SIMPLE(struct wire_decrypt_task, request, wire_decrypt),
} static_ASN1_SEQUENCE_END_name(struct wire_decrypt_task, wire_decrypt_task)

ASN1_CHOICE(wire_order_body) = {
	ASN1_EXP(struct wire_order_body, setup, wire_setup, WIRE_ORDER_SETUP),
	ASN1_EXP(struct wire_order_body, sign, wire_sign_task, WIRE_ORDER_SIGN),
	ASN1_EXP(struct wire_order_body, decrypt, wire_decrypt_task, WIRE_ORDER_DECRYPT),
	ASN1_EXP(struct wire_order_body, unlock, wire_caller, WIRE_ORDER_UNLOCK),
	ASN1_EXP(struct wire_order_body, prompt, wire_prompt_grant, WIRE_ORDER_PROMPT),
	ASN1_EXP(struct wire_order_body, pin_change, wire_caller, WIRE_ORDER_PIN_CHANGE),
	ASN1_EXP(struct wire_order_body, pin_unblock, wire_caller, WIRE_ORDER_PIN_UNBLOCK),
} static_ASN1_CHOICE_END_name(struct wire_order_body, wire_order_body)

ASN1_SEQUENCE(wire_order) = {
	ASN1_EMBED(struct wire_order, id, UINT32),
	ASN1_SIMPLE(struct wire_order, body, wire_order_body),
} ASN1_SEQUENCE_END_name(struct wire_order, wire_order)
IMPLEMENT(wire_order)

/* ---- Token process to core ---- */

ASN1_SEQUENCE(wire_module) = {
	ASN1_SIMPLE(struct wire_module, path, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct wire_module, name, ASN1_UTF8STRING),
	TEXT_OPT(struct wire_module, init_reserved, 0),
} ASN1_SEQUENCE_END_name(struct wire_module, wire_module)
IMPLEMENT(wire_module)

STARTS_FALSE(wire_found, made->pcsc = 0)
ASN1_SEQUENCE_cb(wire_found, wire_found_callback) = {
	ASN1_SIMPLE(struct wire_found, pcsc, ASN1_BOOLEAN),
	ASN1_SEQUENCE_OF(struct wire_found, tokens, wire_token),
} static_ASN1_SEQUENCE_END_cb(struct wire_found, wire_found)

STARTS_FALSE(wire_inventory, made->unlocked = 0; made->logged_in = 0; made->more = 0)
ASN1_SEQUENCE_cb(wire_inventory, wire_inventory_callback) = {
	ASN1_SIMPLE(struct wire_inventory, token, wire_token),
	ASN1_EMBED(struct wire_inventory, pin, UINT32),
	ASN1_SIMPLE(struct wire_inventory, unlocked, ASN1_BOOLEAN),
	ASN1_SIMPLE(struct wire_inventory, logged_in, ASN1_BOOLEAN),
	ASN1_SIMPLE(struct wire_inventory, more, ASN1_BOOLEAN),
	ASN1_SEQUENCE_OF(struct wire_inventory, keys, wire_key),
	ASN1_SEQUENCE_OF(struct wire_inventory, certificates, ASN1_OCTET_STRING),
	ASN1_EMBED(struct wire_inventory, tries_lost, UINT32),
	ASN1_EMBED(struct wire_inventory, tries_left, UINT32),
} ASN1_SEQUENCE_END_cb(struct wire_inventory, wire_inventory)
IMPLEMENT(wire_inventory)

ENDS_WIPED(wire_unwrapped, cek)
ASN1_SEQUENCE_cb(wire_unwrapped, wire_unwrapped_callback) = {
	ASN1_SIMPLE(struct wire_unwrapped, cek, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct wire_unwrapped, encrypted_key, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_cb(struct wire_unwrapped, wire_unwrapped)

ASN1_CHOICE(wire_report_body) = {
	ASN1_EXP(struct wire_report_body, error, wire_error, WIRE_REPORT_ERROR),
	ASN1_EXP_SEQUENCE_OF(struct wire_report_body, modules, wire_module, WIRE_REPORT_MODULES),
	ASN1_EXP(struct wire_report_body, found, wire_found, WIRE_REPORT_TOKENS),
	ASN1_EXP(struct wire_report_body, inventory, wire_inventory, WIRE_REPORT_INVENTORY),
	ASN1_EXP(struct wire_report_body, signed_, wire_sign_reply, WIRE_REPORT_SIGNED),
	ASN1_EXP(struct wire_report_body, unwrapped, wire_unwrapped, WIRE_REPORT_UNWRAPPED),
	ASN1_EXP(struct wire_report_body, done, ASN1_NULL, WIRE_REPORT_DONE),
	ASN1_EXP(struct wire_report_body, prompt, ASN1_NULL, WIRE_REPORT_PROMPT),
	ASN1_EXP(struct wire_report_body, prompt_done, ASN1_NULL, WIRE_REPORT_PROMPT_DONE),
	ASN1_EXP(struct wire_report_body, slots, ASN1_NULL, WIRE_REPORT_SLOTS),
	ASN1_EXP(struct wire_report_body, agreed, ASN1_NULL, WIRE_REPORT_AGREED),
	ASN1_EXP(struct wire_report_body, refused, ASN1_NULL, WIRE_REPORT_REFUSED),
} static_ASN1_CHOICE_END_name(struct wire_report_body, wire_report_body)

ASN1_SEQUENCE(wire_report) = {
	ASN1_EMBED(struct wire_report, id, UINT32),
	ASN1_SIMPLE(struct wire_report, body, wire_report_body),
} ASN1_SEQUENCE_END_name(struct wire_report, wire_report)
IMPLEMENT(wire_report)

/* ---- Core and smime-reader ---- */

ASN1_CHOICE(wire_reader_order) = {
	ASN1_EXP_SEQUENCE_OF(struct wire_reader_order, watch, ASN1_UTF8STRING, WIRE_READER_WATCH),
	ASN1_EXP(struct wire_reader_order, reset, ASN1_UTF8STRING, WIRE_READER_RESET),
} ASN1_CHOICE_END_name(struct wire_reader_order, wire_reader_order)
IMPLEMENT(wire_reader_order)

ASN1_SEQUENCE(wire_readers) = {
	ASN1_SIMPLE(struct wire_readers, fault, ASN1_UTF8STRING),
	ASN1_SEQUENCE_OF(struct wire_readers, readers, wire_reader),
} ASN1_SEQUENCE_END_name(struct wire_readers, wire_readers)
IMPLEMENT(wire_readers)

ASN1_CHOICE(wire_reader_report) = {
	ASN1_EXP(struct wire_reader_report, readers, wire_readers, WIRE_READER_READERS),
	ASN1_EXP(struct wire_reader_report, done, wire_error, WIRE_READER_DONE),
} ASN1_CHOICE_END_name(struct wire_reader_report, wire_reader_report)
IMPLEMENT(wire_reader_report)

/* ---- Core to spawner ---- */

ASN1_SEQUENCE(wire_spawn) = {
	ASN1_EMBED(struct wire_spawn, program, UINT32),
	TEXT_OPT(struct wire_spawn, display, 0),
	TEXT_OPT(struct wire_spawn, wayland_display, 1),
	TEXT_OPT(struct wire_spawn, xauthority, 2),
	TEXT_OPT(struct wire_spawn, tty_name, 3),
	TEXT_OPT(struct wire_spawn, tty_type, 4),
	TEXT_OPT(struct wire_spawn, lc_ctype, 5),
	TEXT_OPT(struct wire_spawn, lc_messages, 6),
} ASN1_SEQUENCE_END_name(struct wire_spawn, wire_spawn)
IMPLEMENT(wire_spawn)

/* ---- Making a chosen alternative ---- */

/* Gives the CHOICE `body` its alternative `type`, empty and ready to fill in. */
static bool choose(void *body, const ASN1_ITEM *item, int type) {
	const ASN1_TEMPLATE *alternative = &item->templates[type];
	void *value = alternative->flags & ASN1_TFLG_SK_MASK ? (void *)OPENSSL_sk_new_null() :
							       (void *)ASN1_item_new(ASN1_ITEM_ptr(alternative->item));
	if (!value)
		return false;
	*(void **)((uint8_t *)body + alternative->offset) = value;
	*(int *)body = type;
	return true;
}

#define IMPLEMENT_MAKE(name, make)                                                              \
	struct name *make(uint32_t id, enum name##_type type) {                                 \
		_cleanup_(name##_freep) struct name *message = name##_new();                    \
		if (!message || !choose(message->body, ASN1_ITEM_rptr(name##_body), (int)type)) \
			return NULL;                                                            \
		message->id = id;                                                               \
		return TAKE(message);                                                           \
	}
IMPLEMENT_MAKE(wire_request, wire_request_make)
IMPLEMENT_MAKE(wire_reply, wire_reply_make)
IMPLEMENT_MAKE(wire_order, wire_order_make)
IMPLEMENT_MAKE(wire_report, wire_report_make)

/* These are choices themselves: there is one exchange at a time, which needs no number. */
#define IMPLEMENT_CHOICE_MAKE(name, make)                                          \
	struct name *make(enum name##_type type) {                                 \
		_cleanup_(name##_freep) struct name *message = name##_new();       \
		if (!message || !choose(message, ASN1_ITEM_rptr(name), (int)type)) \
			return NULL;                                               \
		return TAKE(message);                                              \
	}
IMPLEMENT_CHOICE_MAKE(wire_reader_order, wire_reader_order_make)
IMPLEMENT_CHOICE_MAKE(wire_reader_report, wire_reader_report_make)
