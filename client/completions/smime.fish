# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Completion for fish of smime, smime-agent, smime-git and smime-mutt.
#
# What can be completed is read from the program's own --help, so that this file names no option and no command. Tokens, keys and
# addresses come from an agent that runs already: none is started, none is waited for longer than two seconds, and no PIN is asked for.

# The commands in a help text, each with its summary.
function __smime_commands
    string replace -rf '^  ([a-z][a-z0-9_-]*) +([^ ].*)$' '$1\t$2' -- $argv
end

# The options in a help text: "--option<tab>VALUE<tab>help"; VALUE is empty for a flag.
function __smime_options
    for line in (string match -r '^ +-.*$' -- $argv)
        set -l parts (string split -m 1 -n '  ' -- (string trim -- $line))
        set -l help (string trim -- "$parts[2]")
        set -l words (string split -n ' ' -- (string replace -ra '[],=<>[]' ' ' -- $parts[1]))
        set -l value (string match -v -- '-*' $words)
        for word in (string match -- '-*' $words)
            printf '%s\t%s\t%s\n' $word "$value" $help
        end
    end
end

# The list in a help text: of "sha256, sha384 or sha512; default: by the key" the first three words.
function __smime_listed
    set -l w '[a-z0-9_-]+'
    set -l list (string match -r "$w(?:, $w)+(?: or $w)?|$w or $w" -- $argv)
    string split -n ' ' -- (string replace -a ' or ' ' ' -- (string replace -a , '' -- "$list"))
end

function __smime_ask -a program
    set -l smime (string replace -r 'smime[^/]*$' smime -- $program)
    timeout 2 $smime $argv[2..-1] --no-autostart 2>/dev/null </dev/null
end
function __smime_tokens -a program
    __smime_ask $program status | string replace -rf '^token   (.*) \((.*, serial number .*)\)$' '$1\t$2'
end
function __smime_addresses -a program
    __smime_ask $program keys | string replace -rf '^ *address +' '' | sort -u
end
function __smime_keys -a program
    __smime_addresses $program
    __smime_ask $program keys | string replace -rf '^([0-9a-f]{16})[0-9a-f]{48}  (.*)$' '$1\t$2'
end

# What stands for the value in the help decides what is offered.
function __smime_value -a program value help current
    switch $value
        case 'FILE*' PATH 'DIR*' FOLDER
            __fish_complete_path $current
        case TOKEN
            __smime_tokens $program
        case KEY 'USER*'
            __smime_keys $program
        case 'ADDR*'
            __smime_addresses $program
        case WHO
            __smime_addresses $program
            __fish_complete_path $current
        case TIME HEX
        case '*'
            __smime_listed $help
    end
end

# What is no option, as the usage line has it without its options: `[FILE]`, `change|unblock [TOKEN]`, `check [FILE] | reload`.
function __smime_operand -a program usage before first current
    set -l usages (echo "$usage " | sed -E ':a; s/\[-[^][]*\]//; ta; s/-[A-Za-z0-9-]+[ =]?[A-Z]*//g; s/^smime[a-z-]* *([a-z]+ +)?//; s/ +\| +/\n/g')
    set -l rest "$usages"
    set -l verbs
    for line in $usages
        set -l words (string match -r '^([a-z]+(?:\|[a-z]+)*)(?: (.*))?$' -- $line)
        or continue
        set -l named (string split '|' -- $words[2])
        set -a verbs $named
        contains -- "$first" $named; and set rest "$words[3]"
    end
    if test $before -eq 0 -a (count $verbs) -gt 0
        printf '%s\n' $verbs
    else if string match -q '*TOKEN*' -- $rest
        __smime_tokens $program
    else if string match -qr '[A-Z]+' -- $rest; and not string match -qr 'COMMAND|OPERATION' -- $rest
        __fish_complete_path $current
    end
end

function __smime_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    set -l help ($program --help 2>/dev/null </dev/null)
    set -l commands (__smime_commands $help)
    set -l names (string replace -r '\t.*' '' -- $commands)
    set -l operands 0
    set -l first ''
    if test (count $words) -eq 1 -a (count $commands) -gt 0
        printf '%s\n' $commands help\t'tell about a command' --help --version
        return
    end
    if test "$words[2]" = help
        test (count $words) -gt 2; or printf '%s\n' $commands
        return
    end
    if set -q words[2]; and contains -- $words[2] $names
        set help ($program $words[2] --help 2>/dev/null </dev/null)
        set operands -1
    end

    set -l options (__smime_options $help)
    set -l valued (string replace -rf '^(\S+)\t\S.*$' '$1' -- $options)
    set -l previous ''
    for word in $words[2..-1]
        if not string match -q -- '-*' $word; and not contains -- $previous $valued
            set operands (math $operands + 1)
            test $operands -eq 1; and set first $word
        end
        set previous $word
    end
    set -l prefix ''
    if string match -q -- '--*=*' $current
        set prefix (string replace -r '=.*' '=' -- $current)
        set previous (string replace = '' -- $prefix)
        set current (string replace -r '^[^=]*=' '' -- $current)
    end
    if contains -- "$previous" $valued
        set -l option (string match -- $previous\t'*' $options)[1]
        set -l parts (string split -m 2 \t -- $option)
        set -l found (__smime_value $program $parts[2] "$parts[3]" "$current")
        set -q found[1]; and printf "$prefix%s\n" $found
    else if string match -q -- '-*' $current
        string replace -r '\t[^\t]*\t' '\t' -- $options
    else
        set -l usage (string replace -rf '^[Uu]sage: ' '' -- $help)
        __smime_operand $program "$usage[1]" $operands "$first" "$current"
    end
end

for program in smime smime-agent smime-git smime-mutt
    complete -c $program -f -a '(__smime_complete)'
end
