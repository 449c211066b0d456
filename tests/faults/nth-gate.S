/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function for each of openssl-calls.h, of whatever arguments: it asks nth_call_gate() and goes on to the real one with
 * everything as it was, or returns what the gate says. x86-64, System V ABI; no function of the list takes a double.
 */
#define CALL(name, result) CALL_ name

	.text
	.set	index, 0
.macro CALL_ name
	.globl	\name
	.type	\name, @function
\name:
	endbr64
	movl	$index, %r11d
	jmp	gate
	.size	\name, . - \name
	.set	index, index + 1
.endm

#include "openssl-calls.h"

	.type	gate, @function
gate:
	movq	(%rsp), %r10		/* the caller */
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%rax			/* of variadic functions */
	movq	%r11, %rdi
	movq	%r10, %rsi
	call	nth_call_gate
	movq	%rax, %r11
	movq	%rdx, %r10
	popq	%rax
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	testq	%r11, %r11
	jz	1f
	jmp	*%r11
1:	movq	%r10, %rax
	ret
	.size	gate, . - gate
	.section .note.GNU-stack, "", @progbits
