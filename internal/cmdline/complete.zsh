#compdef NAMES
# Completion of PROGRAM for zsh, printed by "PROGRAM completion zsh". Keep it as _PROGRAM in a directory of
# $fpath, or source it after compinit.
_PROGRAM() {
	local -a answer list
	local line word text
	answer=("${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	case $answer[1] in
	dirs)
		compset -P '*='
		_files -/
		;;
	files)
		compset -P '*='
		_files
		;;
	*)
		for line in "${(@)answer[2,-1]}"; do
			word=${line%%$'\t'*}
			text=${line#$word}
			list+=("${word//:/\\:}:${text#$'\t'}")
		done
		_describe -V PROGRAM list
		;;
	esac
}
if [[ $funcstack[1] == _PROGRAM ]]; then
	_PROGRAM "$@"
else
	compdef _PROGRAM NAMES
fi
