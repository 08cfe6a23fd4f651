package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"toaster"
)

const shellHelp = `shell DIR is a login in a NetBSD file tree, as its root unless --user says
another. With a command, the login shell runs that instead: toaster shell DIR
make test. The status is the shell's. Flags are those of run; --root is DIR.
`

// shellMain is "toaster shell [flags] DIR [COMMAND [ARG...]]".
func shellMain(args []string) int {
	var f runFlags
	set := f.set()
	if status, ok := parseFlags("shell", set, args); !ok {
		return status
	}
	if set.NArg() == 0 || f.opts.Root != "" {
		complain("shell: name the tree's directory, once; usage: toaster shell [flags] DIR [COMMAND [ARG...]]")
		return exitOwnFailure
	}
	f.opts.Root = set.Arg(0)
	l := f.login()
	cmd := toaster.Command(l.shell, shellArgs(set.Args()[1:])...)
	cmd.Args[0] = "-" + filepath.Base(l.shell) // a login shell
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if f.opts.Dir == "" {
		f.opts.Dir = l.home
	}
	cmd.Dir = f.opts.Dir
	cmd.Env = append(l.environment(), f.env.environment(f.opts.Root)...)
	cmd.Options, cmd.WaitAll = f.opts, f.wait
	finish, err := f.options(&cmd.Options)
	if err != nil {
		complain("shell: %v", err)
		return exitOwnFailure
	}
	defer finish()
	return runCommand(cmd, f.speech)
}

// shellArgs has a shell run a command, with its words as they are.
func shellArgs(command []string) []string {
	if len(command) == 0 {
		return nil
	}
	return append([]string{"-c", `"$@"`, "sh"}, command...)
}

// login is who logs in (passwd(5)).
type login struct{ name, home, shell string }

// login finds out who logs in, and makes root of who has not said: who toaster is on its host, if that is root.
func (f *runFlags) login() login {
	uid := 0
	switch {
	case f.opts.User != nil:
		uid = int(f.opts.User.UID)
	case os.Geteuid() == 0:
	case f.opts.NoOwners:
		uid = os.Geteuid()
	default:
		f.opts.User = &toaster.User{}
	}
	l, ok := findLogin(f.opts.Root, uid)
	if !ok {
		l = login{name: strconv.Itoa(uid), home: "/", shell: "/bin/sh"}
	}
	return l
}

// findLogin looks a user up in the tree's passwd(5). The file is the tree's, which a guest may have written: it
// decides about names in the tree alone.
func findLogin(root string, uid int) (l login, ok bool) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return l, false
	}
	defer dir.Close()
	f, err := dir.OpenFile("etc/passwd", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return l, false
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return l, false // a FIFO would be waited for
	}
	for lines := bufio.NewScanner(io.LimitReader(f, 1<<20)); lines.Scan(); {
		field := strings.Split(lines.Text(), ":")
		if len(field) != 7 || field[2] != strconv.Itoa(uid) {
			continue
		}
		l = login{name: field[0], home: field[5], shell: field[6]}
		if l.shell == "" {
			l.shell = "/bin/sh"
		}
		if st, err := dir.Stat(strings.TrimPrefix(l.home, "/")); l.home == "" || err != nil || !st.IsDir() {
			l.home = "/"
		}
		return l, true
	}
	return l, false
}

// environment is what login(1) sets.
func (l login) environment() []string {
	env := []string{"HOME=" + l.home, "SHELL=" + l.shell, "USER=" + l.name, "LOGNAME=" + l.name, "TERM=" + os.Getenv("TERM"),
		"PATH=/sbin:/usr/sbin:/bin:/usr/bin:/usr/pkg/sbin:/usr/pkg/bin:/usr/X11R7/bin:/usr/local/sbin:/usr/local/bin"}
	if os.Getenv("TERM") == "" {
		env[4] = "TERM=vt100"
	}
	return env
}
