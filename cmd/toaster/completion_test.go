package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"toaster/internal/cmdline"
)

// shells ask each shell's own machinery what a command line can become: the script prints it, a line each. In
// the environment LINE is the command line, of words without blanks.
var shells = map[string]string{
	"bash": `
		eval "$(toaster completion bash)"
		# What readline does: it splits words at COMP_WORDBREAKS, and calls the function that complete names.
		spec=$(complete -p toaster); spec=${spec#*-F }
		line=${LINE//=/ = }
		read -ra COMP_WORDS <<<"$line"
		[[ $LINE == *[\ =] ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		${spec% *}
		printf '%s\n' "${COMPREPLY[@]}"`,
	"fish": `
		toaster completion fish | source
		complete -C "$LINE" | string replace -r '\t.*' ''
		true`,
	// zsh completes in its line editor alone, which wants a terminal: another zsh, with compadd replaced by what
	// prints the matches.
	"zsh": `
		zmodload zsh/zpty
		zpty inner zsh -f -i
		zpty -w inner "$INNER"
		zpty -r inner reply '*READY'$'\r'
		zpty -w -n inner "$LINE"$'\t'
		zpty -r inner reply '*DONE'
		print -r -- "$reply"`,
}

const zshInner = `PS1=; stty -echo; autoload -Uz compinit; compinit -u -D; eval "$(toaster completion zsh)"
compadd() {
	if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
	local -a hits; builtin compadd -A hits "$@"; print -rl -- "HIT "${^hits}
}
finish() { print DONE }
zle -C complete complete-word complete
complete() { _main_complete; finish }
bindkey '^I' complete; print READY`

// offered returns what a shell offers for a command line.
func offered(t *testing.T, shell, line string) []string {
	t.Helper()
	args := map[string][]string{"bash": {"--norc", "--noprofile", "-c"}, "fish": {"-N", "-c"}, "zsh": {"-f", "-c"}}[shell]
	cmd := exec.Command(shell, append(args, shells[shell])...)
	cmd.Env = append(shellEnvironment(t), "LINE="+line, "INNER="+zshInner)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	text := string(out)
	if shell == "zsh" {
		text = ""
		for _, m := range regexp.MustCompile(`(?m)HIT (.*?)\s*$`).FindAllStringSubmatch(string(out), -1) {
			text += m[1] + "\n"
		}
	}
	list := strings.Fields(text)
	slices.Sort(list)
	return list
}

// shellEnvironment has this test binary on PATH as toaster, and no files of the user's.
func shellEnvironment(t *testing.T) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, name := range []string{"toaster", ociName} {
		if err := os.Symlink(self, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+bin, "XDG_CONFIG_HOME="+bin, "XDG_DATA_HOME="+bin, "TERM=dumb")
}

// eachShell runs a test for each shell that this host has.
func eachShell(t *testing.T, names string, test func(t *testing.T, shell string)) {
	for shell := range strings.SplitSeq(names, "|") {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("there is no %s on PATH (on Debian: apt-get install %s)", shell, shell)
			}
			t.Parallel()
			test(t, shell)
		})
	}
}

// Each shell offers the commands, each command's flags, and the words that a flag can take.
func TestCompletionOffers(t *testing.T) {
	var commands, networks []string
	for _, c := range program().Commands {
		commands = append(commands, c.Name)
	}
	networks = []string{"host", "loopback", "none"}
	slices.Sort(commands)
	eachShell(t, cmdline.Shells, func(t *testing.T, shell string) {
		check := func(line string, want ...string) {
			t.Helper()
			if got := offered(t, shell, line); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", line, got, want)
			}
		}
		check("toaster ", commands...)
		check("toaster run --network ", networks...)
		check("toaster run --root x --network ", networks...)
		check("toaster help ", commands...)
		check("toaster oci list --format ", "json", "table")
		check("toaster-oci list --format ", "json", "table")
		check("toaster help oci pa", "pause")
		state := t.TempDir()
		for _, id := range []string{"web-1", "db", "not an id"} {
			if err := os.Mkdir(filepath.Join(state, id), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		check("toaster oci --root "+state+" kill ", "db", "web-1")
		check("toaster-oci --root="+state+" --debug exec --tty w", "web-1")
		check("toaster oci --root " + state + " create ")
		eachCommand(program().Commands, "toaster", func(name string, c *cmdline.Command) {
			if c.Flags == nil {
				return
			}
			flags := []string{"--help"}
			c.Flags().VisitAll(func(f *flag.Flag) { flags = append(flags, cmdline.Spelling(f)) })
			flags = slices.DeleteFunc(flags, func(f string) bool { return len(f) == 2 }) // -- asks for the others
			slices.Sort(flags)
			check(name+" --", flags...)
		})
	})
}

// typedLines is what is typed, with tabs, and what then stands in the line, up to a slash that zsh takes away again. The line is run as echo's arguments.
var typedLines = []struct{ keys, line string }{
	{"toaster comp\tba\t", "toaster completion bash"},
	{"toaster run --netw\tloop\tx", "toaster run --network loopback x"},
	{"toaster run --network=lo\tx", "toaster run --network=loopback x"},
	{"toaster run --read\t--roo\tmy\t", "toaster run --read-only --root my-directory"},
	{"toaster run --root=my\t", "toaster run --root=my-directory"},
	{"toaster run --root my-directory pro\t", "toaster run --root my-directory program.exe"},
	{"toaster run ./program.exe --netw\tx", "toaster run ./program.exe --netwx"},
}

// Somebody types at a terminal, in the shells whose line editors can do without an answer from it.
func TestCompletionTyped(t *testing.T) {
	eachShell(t, "bash|zsh", func(t *testing.T, shell string) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "my-directory"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "program.exe"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
		args := map[string][]string{"bash": {"--norc", "--noprofile", "-i"}, "zsh": {"-f", "-i"}}[shell]
		cmd := exec.Command(shell, args...)
		cmd.Env, cmd.Dir = shellEnvironment(t), dir
		tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
		if err != nil {
			t.Fatal(err)
		}
		defer tty.Close()
		out := make(chan string)
		go func() {
			defer close(out)
			for b := make([]byte, 4096); ; {
				n, err := tty.Read(b)
				if err != nil {
					return
				}
				out <- string(b[:n])
			}
		}()
		setUp := `PS1=; eval "$(toaster completion ` + shell + `)"; echo RE''ADY` + "\r"
		if shell == "zsh" {
			setUp = "autoload -Uz compinit; compinit -u -D; " + setUp
		}
		io.WriteString(tty, setUp)
		await(t, out, "READY")
		for i, c := range typedLines {
			// ^A goes to the beginning of the line.
			fmt.Fprintf(tty, "%s\x01echo '%d:' \r", c.keys, i)
			await(t, out, fmt.Sprintf("\n%d: %s", i, c.line))
		}
		io.WriteString(tty, "exit\r")
		for range out {
		}
		cmd.Wait()
	})
}

// await reads until the output has a text.
func await(t *testing.T, out <-chan string, want string) {
	t.Helper()
	patience := time.After(time.Minute)
	for all := ""; !strings.Contains(all, want); {
		select {
		case s, ok := <-out:
			if !ok {
				t.Fatalf("the shell has ended; %q does not have %q", all, want)
			}
			all += s
		case <-patience:
			t.Fatalf("%q does not have %q", all, want)
		}
	}
}
