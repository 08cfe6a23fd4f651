package netbsdroot

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// This file does what a first boot does. /dev and /proc are the machine's own, and need no more than a
// directory to lie on.

// needed are the directories that a machine wants to find.
var needed = []entry{
	{name: "dev", mode: 0o755}, {name: "proc", mode: 0o755}, {name: "tmp", mode: 0o1777}, {name: "root", mode: 0o755}, {name: "var", mode: 0o755}, {name: "var/tmp", mode: 0o1777},
}

func (c *creation) boot(ctx context.Context, t *tree) error {
	for _, e := range needed {
		if _, err := t.root.Lstat(e.name); err == nil {
			continue
		}
		e.kind, e.set, e.mtime = 'd', "toaster", time.Now()
		if err := t.dir(&e); err != nil {
			return fmt.Errorf("%s/%s: %w", c.dir, e.name, noRoom(err))
		}
		c.man.add(e)
	}
	if _, err := t.root.Lstat("etc"); err != nil {
		return nil
	}
	if err := c.hostFiles(t); err != nil {
		return err
	}
	return c.databases(ctx, t)
}

// hostFiles has the tree resolve names as the host does.
func (c *creation) hostFiles(t *tree) error {
	if c.NoHostFiles {
		return nil
	}
	for _, name := range []string{"resolv.conf", "hosts"} {
		b, err := os.ReadFile(filepath.Join(c.hostEtc, name))
		if err != nil {
			continue // a host without is none of the tree's troubles
		}
		e := entry{name: "etc/" + name, kind: 'f', set: "etc", mode: 0o644, size: int64(len(b)), mtime: time.Now()}
		if err := t.file(&e, strings.NewReader(string(b))); err != nil {
			return fmt.Errorf("%s/%s: %w", c.dir, e.name, noRoom(err))
		}
		c.man.add(e)
	}
	return nil
}

// databases makes pwd.db and spwd.db of master.passwd, where the sets have none: by the tree's
// own pwd_mkdb(8), whose form they have.
func (c *creation) databases(ctx context.Context, t *tree) error {
	if _, err := t.root.Lstat("etc/spwd.db"); err == nil || c.Run == nil {
		return nil
	}
	const program = "/usr/sbin/pwd_mkdb"
	for _, name := range []string{"etc/master.passwd", program[1:]} {
		if _, err := t.root.Lstat(name); err != nil {
			return nil
		}
	}
	c.say("making the databases of users")
	if err := c.Run(ctx, c.dir, program, "-p", "/etc/master.passwd"); err != nil {
		return fmt.Errorf("%s: %s in the tree: %w; see whether the sets are the release's own (--from), and the same command makes the tree anew", c.dir, program, err)
	}
	return nil
}
