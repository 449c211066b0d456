# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Completion for bash of smime, smime-agent, smime-git and smime-mutt.
#
# What can be completed is read from the program's own --help, so that this file names no option and no command. Tokens, keys and
# addresses come from an agent that runs already: none is started, none is waited for longer than two seconds, and no PIN is asked for.

# Reads a help text. Fills the caller's `commands`, `usage`, and for each option `values` (the word for its value) and `helps`.
_smime_read_help() {
	local line head word value
	local -a heads
	commands=() values=() helps=() usage=
	while IFS= read -r line; do
		if [[ $line =~ ^[Uu]sage:\ (.*)$ ]]; then
			usage=${usage:-${BASH_REMATCH[1]}}
		elif [[ $line =~ ^\ \ ([a-z][a-z0-9_-]*)\ +[^\ ] ]]; then
			commands+=("${BASH_REMATCH[1]}")
		elif [[ $line =~ ^\ +(-.*)$ ]]; then
			line=${BASH_REMATCH[1]} head=${BASH_REMATCH[1]%%  *} value=
			read -ra heads <<<"${head//[],=<>[]/ }"
			for word in "${heads[@]}"; do [[ $word == -* ]] || value=$word; done
			for word in "${heads[@]}"; do [[ $word != -* ]] || values[$word]=$value helps[$word]=${line#"$head"}; done
		fi
	done
}

# The list in a help text: of "sha256, sha384 or sha512; default: by the key" the first three words.
_smime_listed() {
	local w='[a-z0-9_-]+' list
	list="$w(, $w)+( or $w)?|$w or $w"
	[[ $1 =~ $list ]] || return
	list=${BASH_REMATCH[0]//,/}
	printf '%s\n' ${list// or / }
}

_smime_ask() { timeout 2 "${program%smime*}smime" "$@" --no-autostart 2>/dev/null </dev/null; }
_smime_tokens() { _smime_ask status | sed -n 's/^token   \(.*\) (.*, serial number .*)$/\1/p'; }
_smime_addresses() { _smime_ask keys | sed -n 's/^ *address  *//p' | sort -u; }
_smime_keys() { _smime_ask keys | sed -n 's/^ *address  *//p; s/^\([0-9a-f]\{16\}\)[0-9a-f]\{48\}  .*/\1/p' | sort -u; }

# Of the lines on standard input those that begin with $cur, quoted for the command line.
_smime_offer() {
	local line
	while IFS= read -r line; do
		[[ $line != "$cur"* ]] || COMPREPLY+=("$(printf '%q' "$line")")
	done
}

_smime_value() { # WORD HELP: what stands for the value in the help
	case $1 in
	FILE* | PATH | DIR* | FOLDER) _filedir ;;
	TOKEN) _smime_offer < <(_smime_tokens) ;;
	KEY | USER*) _smime_offer < <(_smime_keys) ;;
	ADDR*) _smime_offer < <(_smime_addresses) ;;
	WHO) _filedir && _smime_offer < <(_smime_addresses) ;;
	TIME | HEX) ;;
	*) _smime_offer < <(_smime_listed "$2") ;;
	esac
}

# What is no option, as the usage line has it without its options: `[FILE]`, `change|unblock [TOKEN]`, `check [FILE] | reload`.
_smime_operand() { # OPERANDS-BEFORE FIRST-OPERAND
	local usages rest word tail verbs='' verb='^[a-z]+(\|[a-z]+)*$' argument='(^|[^A-Z])[A-Z]+'
	usages=$(sed -E ':a; s/\[-[^][]*\]//; ta; s/-[A-Za-z0-9-]+[ =]?[A-Z]*//g; s/^smime[a-z-]* *([a-z]+ +)?//; s/ +\| +/\n/g' <<<"$usage ")
	rest=$usages
	while read -r word tail; do
		[[ $word =~ $verb ]] || continue
		verbs+=${word//|/$'\n'}$'\n'
		[[ "|$word|" != *"|$2|"* ]] || rest=$tail
	done <<<"$usages"
	if [[ -n $verbs && $1 -eq 0 ]]; then
		_smime_offer < <(printf '%s' "$verbs")
	elif [[ $rest == *TOKEN* ]]; then
		_smime_value TOKEN
	elif [[ $rest =~ $argument && $rest != *COMMAND* && $rest != *OPERATION* ]]; then
		_smime_value FILE
	fi
}

# bash replaces what is behind the last character at which it breaks words, not the whole word.
_smime_trim() {
	local i breaks=${COMP_WORDBREAKS//[^@:=]/}
	[[ -n $breaks && $cur == *["$breaks"]* ]] || return 0
	local before=${cur%"${cur##*["$breaks"]}"}
	for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$before"}; done
}

_smime() {
	local cur prev words cword program usage word operands=0 first='' i
	local -a commands
	local -A values helps
	_init_completion -n @:= || return
	program=${words[0]/#\~/$HOME}
	_smime_read_help < <("$program" --help 2>/dev/null </dev/null)
	if [[ $cword -eq 1 && ${#commands[@]} -gt 0 ]]; then
		_smime_offer < <(printf '%s\n' "${commands[@]}" help --help --version)
		return
	fi
	if [[ ${words[1]} == help ]]; then
		[[ $cword -ne 2 ]] || _smime_offer < <(printf '%s\n' "${commands[@]}")
		return
	fi
	if [[ " ${commands[*]} " == *" ${words[1]} "* ]]; then
		_smime_read_help < <("$program" "${words[1]}" --help 2>/dev/null </dev/null)
		operands=-1
	fi
	for ((i = 1; i < cword; i++)); do
		[[ ${words[i]} != -* && -z ${values[${words[i - 1]}]:-} ]] || continue
		operands=$((operands + 1))
		[[ $operands -ne 1 ]] || first=${words[i]}
	done
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*} cur=${cur#*=}
	fi
	if [[ -n ${values[$prev]:-} ]]; then
		_smime_value "${values[$prev]}" "${helps[$prev]}"
	elif [[ $cur == -* ]]; then
		_smime_offer < <(printf '%s\n' "${!values[@]}" | sort)
	else
		_smime_operand "$operands" "$first"
	fi
	_smime_trim
}

complete -F _smime smime smime-agent smime-git smime-mutt
