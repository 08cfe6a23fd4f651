package attacks

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed programs
var sources embed.FS

// ErrNoCompiler says that there is no C compiler.
var ErrNoCompiler = errors.New("neither gcc nor clang is on PATH; install one (Debian: apt-get install gcc)")

// Build makes directory dir, with all programs as static NetBSD executables in it.
func Build(dir string) error {
	cc, err := compiler()
	if err != nil {
		return err
	}
	src, err := os.MkdirTemp("", "toaster-attacks-src-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(src, sources); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(src, "programs", "*.c"))
	if err != nil || len(names) == 0 {
		return errors.Join(err, errors.New("no programs"))
	}
	for _, name := range names {
		if err := compile(cc, name, filepath.Join(dir, strings.TrimSuffix(filepath.Base(name), ".c"))); err != nil {
			return err
		}
	}
	return nil
}

func compiler() (string, error) {
	for _, name := range []string{"gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoCompiler
}

func compile(cc, src, exe string) error {
	args := append(strings.Fields("-O1 -std=gnu11 -nostdlib -static -fno-pic -no-pie -fno-stack-protector -mno-red-zone "+
		"-mgeneral-regs-only -fcf-protection=none -fno-asynchronous-unwind-tables -w "+
		"-Wl,--build-id=none,-z,norelro,-z,noexecstack,-e,_start -o"), exe, src)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", cc, src, err, out)
	}
	return nil
}

// BecomeSubreaper makes orphans below this process its children (prctl(2),
// PR_SET_CHILD_SUBREAPER): what a killed kernel leaves behind is then seen.
func BecomeSubreaper() error {
	const prSetChildSubreaper = 36
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0); e != 0 {
		return os.NewSyscallError("prctl", e)
	}
	return nil
}

// AwaitNoChildren waits until this process has no children, and says which it has if that
// takes longer than d; then it kills them. What dies with its parent takes a moment.
func AwaitNoChildren(d time.Duration) string {
	var left []string
	for end := time.Now().Add(d); ; time.Sleep(10 * time.Millisecond) {
		if left = children(); len(left) == 0 {
			return ""
		}
		if time.Now().After(end) {
			break
		}
	}
	for _, l := range left {
		pid, _, _ := strings.Cut(l, " ")
		if n, err := strconv.Atoi(pid); err == nil {
			syscall.Kill(n, syscall.SIGKILL)
		}
	}
	return fmt.Sprintf("processes remain: %v", left)
}

// children lists this process's children and collects those that are dead.
func children() (list []string) {
	me := strconv.Itoa(os.Getpid())
	dir, _ := os.ReadDir("/proc")
	for _, e := range dir {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		head, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if len(f) < 2 || f[1] != me {
			continue
		}
		if f[0] != "Z" {
			list = append(list, head+")")
		} else if pid, err := strconv.Atoi(e.Name()); err == nil {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
	return list
}
