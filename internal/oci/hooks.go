package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkHooks refuses hooks that are not named by an absolute path (runtime-spec, "POSIX-platform Hooks"), which somebody's PATH would find, and a
// time that is none.
func checkHooks(h *specs.Hooks) error {
	if h == nil {
		return nil
	}
	for kind, list := range map[string][]specs.Hook{
		//lint:ignore SA1019 configurations still have them
		"prestart": h.Prestart, "createRuntime": h.CreateRuntime, "createContainer": h.CreateContainer,
		"startContainer": h.StartContainer, "poststart": h.Poststart, "poststop": h.Poststop,
	} {
		for i, hook := range list {
			switch {
			case !filepath.IsAbs(hook.Path):
				return refused("hooks.%s[%d]: path %q is not absolute", kind, i, hook.Path)
			case hook.Timeout != nil && *hook.Timeout <= 0:
				return refused("hooks.%s[%d]: timeout %d: want seconds above 0", kind, i, *hook.Timeout)
			}
		}
	}
	return nil
}

// hookState is what hooks read on their standard input: the container's state.
func (t *container) hookState(status string) ([]byte, error) {
	s := specs.State{Version: t.Version, ID: t.ID, Status: specs.ContainerState(status), Pid: t.Pid, Bundle: t.Bundle, Annotations: t.Annotations}
	if status == stopped {
		s.Pid = 0
	}
	return json.Marshal(s)
}

// runHooks runs hooks of the host, one after the other, until one fails.
func (t *container) runHooks(kind string, hooks []specs.Hook, status string) error {
	if len(hooks) == 0 {
		return nil
	}
	state, err := t.hookState(status)
	if err != nil {
		return err
	}
	for i, h := range hooks {
		if err := t.runHook(&h, state); err != nil {
			return fmt.Errorf("%s hook %d (%s): %w", kind, i, h.Path, err)
		}
	}
	return nil
}

// runCreateHooks runs those of create, the last ones in the host's namespaces that the kernel is in.
func (t *container) runCreateHooks() error {
	h := t.Hooks
	if h == nil {
		return nil
	}
	//lint:ignore SA1019 configurations still have them
	if err := t.runHooks("prestart", h.Prestart, creating); err != nil {
		return err
	}
	if err := t.runHooks("createRuntime", h.CreateRuntime, creating); err != nil {
		return err
	}
	if len(h.CreateContainer) == 0 {
		return nil
	}
	return onThread(func() error {
		for kind, flag := range hostNamespaces() {
			if err := setns(fmt.Sprintf("/proc/%d/ns/%s", t.Pid, namespaceFiles()[kind]), flag); err != nil && os.Geteuid() == 0 {
				return fmt.Errorf("entering the %s namespace of the container: %w", kind, err)
			}
		}
		return t.runHooks("createContainer", h.CreateContainer, creating)
	})
}

// runHook runs one program of the host, in the bundle's directory, as runc does, as long as there is one.
func (t *container) runHook(h *specs.Hook, state []byte) error {
	ctx, cancel := hookContext(h)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.Path)
	cmd.Args = hookArgs(h)
	if st, err := os.Stat(t.Bundle); err == nil && st.IsDir() {
		cmd.Dir = t.Bundle
	}
	cmd.Env = h.Env
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	var said hookOutput
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(state), &said, &said
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("it has not ended in %d seconds", *h.Timeout)
	}
	return said.explain(err)
}

// hookOutput keeps the beginning of what a hook says; it may be a program of the container, and say more than there is memory.
type hookOutput struct{ b []byte }

const mostHookOutput = 4 << 10

func (o *hookOutput) Write(b []byte) (int, error) {
	o.b = append(o.b, b[:min(len(b), mostHookOutput-len(o.b))]...)
	return len(b), nil
}

// explain completes the error of a hook with what it has said. A hook that has ended well has not failed for what it left
// behind, which may hold its output open.
func (o *hookOutput) explain(err error) error {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return fmt.Errorf("%w: %s", err, bytes.TrimSpace(o.b))
}

// hookContext ends when the hook's time is over.
func hookContext(h *specs.Hook) (context.Context, context.CancelFunc) {
	if h.Timeout == nil {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), time.Duration(*h.Timeout)*time.Second)
}

// hookArgs are a hook's arguments, its name first.
func hookArgs(h *specs.Hook) []string {
	if len(h.Args) == 0 {
		return []string{h.Path}
	}
	return h.Args
}

// tryHooks runs hooks whose failure changes nothing any more: it is logged, and the next one runs (runtime-spec, "Lifecycle").
func (c *call) tryHooks(t *container, kind string, hooks []specs.Hook, status string) {
	for _, h := range hooks {
		if err := t.runHooks(kind, []specs.Hook{h}, status); err != nil {
			c.log.Warn(err.Error())
		}
	}
}
