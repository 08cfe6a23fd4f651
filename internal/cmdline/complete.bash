# Completion of PROGRAM for bash, printed by "PROGRAM completion bash". Source it, or keep it as
# ~/.local/share/bash-completion/completions/PROGRAM.
_PROGRAM() {
	local words=() i word glue='' kind line part reply

	# readline splits words at = and :, which package flag does not.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == [=:] || $glue ]] && ((${#words[@]})); then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		[[ $word == [=:] ]] && glue=1 || glue=''
	done
	((${#words[@]})) || words=('')
	word=${words[${#words[@]} - 1]}
	part=${word##*[=:]}

	COMPREPLY=()
	{
		read -r kind
		case $kind in
		dirs) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$part") ;;
		files) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$part") ;;
		*)
			while IFS=$'\t' read -r reply line; do
				# What is before the last = or : stays as it was typed.
				[[ $reply == "$word"* ]] && COMPREPLY+=("${reply#"${word%"$part"}"}")
			done
			return
			;;
		esac
	} < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
	compopt -o filenames 2>/dev/null
}
complete -F _PROGRAM NAMES
