// Build unpacks a project of others' files, builds it by a program of its own, and installs what it has built, as
// NetBSD's pax -pe, make and install do: by mknod(2), chown(2), chmod(2), link(2), rename(2) and set-id bits.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	switch {
	case len(os.Args) == 1:
		build()
	case os.Args[1] == "compile":
		b, err := os.ReadFile("/bin/build")
		check(err)
		check(os.WriteFile("/proj/out.tmp", b, 0o755))
		check(os.Rename("/proj/out.tmp", "/proj/out"))
		fmt.Println("built")
	case os.Args[1] == "jobs":
		jobs()
	case os.Args[1] == "job":
		job()
	case os.Args[1] == "verify":
		verify()
	case os.Args[1] == "look":
		as := os.Geteuid()
		_, data := os.ReadFile("/pkg/share/data")
		_, passwd := os.OpenFile("/etc/passwd", os.O_WRONLY, 0)
		syscall.Setuid(os.Getuid()) // from here on the user's rights alone
		_, data2 := os.ReadFile("/pkg/share/data")
		_, passwd2 := os.OpenFile("/etc/passwd", os.O_WRONLY, 0)
		if data != nil || passwd != nil {
			fmt.Println("root is refused:", data, passwd)
		}
		fmt.Printf("another user: as %d, data: %v, passwd: %v\n", as, bare(data2), bare(passwd2))
	}
}

func bare(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func build() {
	check(os.Mkdir("/proj", 0o755))
	unpack()
	show("unpacked data", "/proj/data")
	out, err := exec.Command("/bin/build", "compile").CombinedOutput()
	os.Stdout.Write(out)
	check(err)
	check(os.MkdirAll("/pkg/bin", 0o755))
	check(os.MkdirAll("/pkg/share", 0o755))
	check(os.Rename("/proj/out", "/pkg/bin/prog"))
	check(os.Chown("/pkg/bin/prog", 0, 5))
	check(os.Chmod("/pkg/bin/prog", 0o555|os.ModeSetuid))
	show("installed prog", "/pkg/bin/prog")
	check(os.Link("/proj/data", "/pkg/share/data"))
	check(os.Chown("/pkg/share/data", 3, 4))
	check(os.Chmod("/pkg/share/data", 0o640))
	show("installed data", "/pkg/share/data")
	check(os.Symlink("prog", "/pkg/bin/p"))
	check(os.Lchown("/pkg/bin/p", 1007, 8))
	var st syscall.Stat_t
	check(syscall.Lstat("/pkg/bin/p", &st))
	fmt.Printf("link %d:%d\n", st.Uid, st.Gid)
	user := exec.Command("/pkg/bin/p", "look")
	user.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1007, Gid: 8}}
	user.Stdout = os.Stdout
	check(user.Run())
}

// jobs has four processes put files in one directory until somebody ends them. It says so once each has made three rounds.
func jobs() {
	check(os.MkdirAll("/jobs", 0o755))
	r, w, err := os.Pipe()
	check(err)
	for n := range 4 {
		cmd := exec.Command("/bin/build", "job", strconv.Itoa(n))
		cmd.Stdout, cmd.ExtraFiles = os.Stdout, []*os.File{w}
		check(cmd.Start())
	}
	_, err = io.ReadFull(r, make([]byte, 4*3))
	check(err)
	fmt.Println("under way")
	select {}
}

// job makes a file, a link and a FIFO in each round, changes their owner to a user of the job and a group of the round, and puts them where
// those of ten rounds ago were. Descriptor 3 gets a byte a round.
func job() {
	n, err := strconv.Atoi(os.Args[2])
	check(err)
	told := os.NewFile(3, "told")
	for round := 0; ; round++ {
		for kind, create := range makers {
			tmp := fmt.Sprintf("/jobs/tmp-%d-%s", n, kind)
			os.Remove(tmp) // of one who was ended
			check(create(tmp))
			check(os.Lchown(tmp, 1000+n, 2000+round%10))
			place := fmt.Sprintf("/jobs/%s-%d-%d", kind, n, round%10)
			os.Remove(place)
			check(os.Rename(tmp, place))
		}
		if round < 3 {
			told.Write([]byte{0})
		}
	}
}

var makers = map[string]func(name string) error{
	"file": func(name string) error { return os.WriteFile(name, nil, 0o644) },
	"link": func(name string) error { return os.Symlink("nowhere", name) },
	"fifo": func(name string) error { return syscall.Mkfifo(name, 0o600) },
}

// verify compares what has come to its place with whom it was given to.
func verify() {
	list, err := os.ReadDir("/jobs")
	check(err)
	n := 0
	for _, e := range list {
		var st syscall.Stat_t
		part := strings.Split(e.Name(), "-")
		if part[0] == "tmp" {
			continue
		}
		check(syscall.Lstat("/jobs/"+e.Name(), &st))
		if got := fmt.Sprintf("%s-%d-%d", part[0], int(st.Uid)-1000, int(st.Gid)-2000); got != e.Name() {
			fmt.Printf("%s is %d:%d's\n", e.Name(), st.Uid, st.Gid)
			os.Exit(1)
		}
		n++
	}
	fmt.Printf("all %d as they were given\n", n)
}

func unpack() {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	check(w.WriteHeader(&tar.Header{Name: "data", Typeflag: tar.TypeReg, Mode: 0o600, Uid: 1007, Gid: 8, Size: 4}))
	io.WriteString(w, "data")
	check(w.Close())
	r := tar.NewReader(&b)
	h, err := r.Next()
	check(err)
	f, err := os.OpenFile("/proj/"+h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0)
	check(err)
	_, err = io.Copy(f, r)
	check(err)
	check(f.Chown(h.Uid, h.Gid))
	check(f.Chmod(os.FileMode(h.Mode)))
	check(f.Close())
}

func show(what, name string) {
	var st syscall.Stat_t
	check(syscall.Stat(name, &st))
	fmt.Printf("%s %d:%d %o\n", what, st.Uid, st.Gid, st.Mode&0o7777)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
