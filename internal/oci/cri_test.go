package oci

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// These tests do what a kubelet does, by crictl: pods of containerd's CRI with toaster as their runtime (doc/kubernetes.md).

// criImages are the images here: a sandbox's, whose program is a guest that nobody runs, and that of the guest.
const (
	pauseImage = "example.org/pause:1"
	guestImage = "example.org/guest:1"
)

// startCRI starts containerd with its CRI, and with both images.
func startCRI(t *testing.T) *daemon {
	t.Helper()
	d := startDaemonWith(t, "", func(d *daemon) string {
		const cri = "plugins.\"io.containerd.grpc.v1.cri\""
		return fmt.Sprintf("[%[1]s]\nsandbox_image = %[2]q\n[%[1]s.cni]\nconf_dir = %[3]q\n[%[1]s.containerd]\nsnapshotter = \"native\"\ndefault_runtime_name = \"toaster\"\n"+
			"[%[1]s.containerd.runtimes.toaster]\nruntime_type = \"io.containerd.runc.v2\"\n[%[1]s.containerd.runtimes.toaster.options]\nBinaryName = %[4]q\n",
			cri, pauseImage, d.dir, d.runtime)
	}, "crictl")
	for _, name := range []string{pauseImage, guestImage} {
		file := filepath.Join(d.dir, "image.tar")
		if err := os.WriteFile(file, image(t, name), 0o644); err != nil {
			t.Fatal(err)
		}
		d.do("--namespace", "k8s.io", "images", "import", "--snapshotter", "native", file)
	}
	return d
}

// image is an image of the guest for the node's platform (opencontainers/image-spec, "Image Layout").
func image(t *testing.T, name string) []byte {
	t.Helper()
	archive := func(files map[string][]byte) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for name, data := range files {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
				t.Fatal(err)
			}
			w.Write(data)
		}
		w.Close()
		return b.Bytes()
	}
	blobs := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	add := func(kind string, b []byte) map[string]any {
		sum := fmt.Sprintf("%x", sha256.Sum256(b))
		blobs["blobs/sha256/"+sum] = b
		return map[string]any{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + sum, "size": len(b)}
	}
	asJSON := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	layer := add("layer.v1.tar", archive(map[string][]byte{"guest": guestExe}))
	config := add("config.v1+json", asJSON(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Cmd": []string{"/guest"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{layer["digest"]}},
	}))
	manifest := add("manifest.v1+json", asJSON(map[string]any{"schemaVersion": 2, "config": config, "layers": []any{layer}}))
	manifest["annotations"] = map[string]string{"io.containerd.image.name": name}
	blobs["index.json"] = asJSON(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})
	return archive(blobs)
}

// crictl runs crictl and returns what it says, without what it says of itself.
func (d *daemon) crictl(args ...string) (string, error) {
	config := filepath.Join(d.dir, "crictl.yaml")
	endpoint := "unix://" + d.socket()
	if err := os.WriteFile(config, []byte("runtime-endpoint: "+endpoint+"\nimage-endpoint: "+endpoint+"\ntimeout: 60\n"), 0o644); err != nil {
		d.Fatal(err)
	}
	out, err := exec.Command("crictl", append([]string{"--config", config}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}

// cri is crictl for what has to work.
func (d *daemon) cri(args ...string) string {
	d.Helper()
	out, err := d.crictl(args...)
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		d.Fatalf("crictl %q: %v: %s", args, err, said)
	}
	return out
}

// description writes one of crictl's descriptions.
func (d *daemon) description(name, text string) string {
	d.Helper()
	file := filepath.Join(d.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		d.Fatal(err)
	}
	return file
}

// TestPod is the life of a pod on the host's network with one container, as a kubelet leads it.
func TestPod(t *testing.T) {
	d := startCRI(t)
	group := groupsHome()
	defer func() { // a pod's parent group is the kubelet's
		for _, dir := range mustGlob(t, filepath.Join(cgroupRoot, "*", group), filepath.Join(cgroupRoot, group)) {
			os.Remove(dir)
		}
	}()
	// Network and IPC of the node, as hostNetwork and hostIPC say.
	podFile := d.description("pod.json", `{"metadata":{"name":"pod","namespace":"default","uid":"1","attempt":1},"log_directory":"`+d.dir+`",
		"linux":{"cgroup_parent":"`+group+`","security_context":{"namespace_options":{"network":2,"ipc":2,"pid":1}}}}`)
	ctrFile := d.description("ctr.json", `{"metadata":{"name":"guest"},"image":{"image":"`+guestImage+`"},"command":["/guest","signals"],"working_dir":"/made/here",
		"log_path":"guest.log","envs":[{"key":"A","value":"1"}],"linux":{"resources":{"memory_limit_in_bytes":268435456,"cpu_shares":512}}}`)
	pod := d.cri("runp", "--runtime", "toaster", podFile)
	id := d.cri("create", pod, ctrFile, podFile)
	d.cri("start", id)
	if got := d.cri("ps", "--quiet"); got != id {
		t.Errorf("ps: %q, want %s", got, id)
	}
	d.logs(id, "ready 2")
	if got := d.cri("exec", "--sync", id, "/guest", "report"); !strings.Contains(got, "A=1") || !strings.Contains(got, " /made/here 0 0 ") {
		t.Errorf("exec: %q", got)
	}
	if _, err := d.crictl("exec", id, "/guest", "exit", "3"); status(err) == 0 {
		t.Error("exec of a program that fails has succeeded")
	}
	d.cri("update", "--memory", "134217728", id)
	d.cri("stop", "--timeout", "30", id)
	d.logs(id, "ready 2\ngot 15")
	if got := d.cri("inspect", "--output", "go-template", "--template", "{{.status.state}} {{.status.exitCode}}", id); got != "CONTAINER_EXITED 9" {
		t.Errorf("it ended with %q", got)
	}
	d.cri("rm", id)
	d.cri("stopp", pod)
	d.cri("rmp", pod)
	if got := d.cri("pods", "--quiet"); got != "" {
		t.Errorf("left: %q", got)
	}
}

// logs waits until a container has said something, which containerd writes when it has read it.
func (d *daemon) logs(id, want string) {
	d.Helper()
	got := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = d.cri("logs", id); got == want {
			return
		}
	}
	d.Errorf("logs: %q, want %q", got, want)
}

func mustGlob(t *testing.T, patterns ...string) (names []string) {
	t.Helper()
	for _, p := range patterns {
		list, err := filepath.Glob(p)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, list...)
	}
	return names
}
