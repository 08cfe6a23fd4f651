package cmdline

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

//go:embed complete.bash
var bashScript string

//go:embed complete.zsh
var zshScript string

//go:embed complete.fish
var fishScript string

// Shells are those that there is completion for, with | between them.
const Shells = "bash|zsh|fish"

// Script prints what makes a shell complete the command lines of a program, by whichever of its names it is called:
// each answers to CompleteName.
func Script(w io.Writer, shell, program string, others ...string) error {
	text, ok := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[shell]
	if !ok {
		return fmt.Errorf("no shell %q; there are %s", shell, strings.ReplaceAll(Shells, "|", ", "))
	}
	names := strings.Join(append([]string{program}, others...), " ")
	_, err := strings.NewReplacer("PROGRAM", program, "NAMES", names).WriteString(w, text)
	return err
}
