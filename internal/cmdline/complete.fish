# Completion of PROGRAM for fish, printed by "PROGRAM completion fish". Source it, or keep it as
# ~/.config/fish/completions/PROGRAM.fish.
function __PROGRAM_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l answer ($words[1] __complete $words[2..-1] 2>/dev/null)
    # A name of a file behind --flag= is completed behind the =.
    set -l word (commandline -ct)
    set -l before (string match -r -- '^-.*=' $word)
    set -l part (string replace -r -- '^-.*=' '' $word)
    switch "$answer[1]"
        case dirs
            printf '%s\n' "$before"(__fish_complete_directories $part '')
        case files
            printf '%s\n' "$before"(__fish_complete_path $part)
        case '*'
            printf '%s\n' $answer[2..-1]
    end
end
for name in NAMES
    complete -c $name -f -a '(__PROGRAM_complete)'
end
