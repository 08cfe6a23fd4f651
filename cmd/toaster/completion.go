package main

import (
	"os"

	"toaster/internal/cmdline"
)

const completionHelp = `completion prints what makes a shell complete toaster's command lines:

  eval "$(toaster completion bash)"      in ~/.bashrc
  eval "$(toaster completion zsh)"       in ~/.zshrc, after compinit
  toaster completion fish | source       in ~/.config/fish/config.fish
`

// completionMain is "toaster completion SHELL".
func completionMain(args []string) int {
	fs := noFlags()
	status, ok := parseFlags("completion", fs, args)
	switch {
	case !ok:
		return status
	case fs.NArg() != 1:
		complain("completion: name one shell: %s", cmdline.Shells)
		return exitOwnFailure
	}
	if err := cmdline.Script(os.Stdout, fs.Arg(0), "toaster", ociName); err != nil {
		complain("completion: %v", err)
		return exitOwnFailure
	}
	return 0
}
