package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"toaster/internal/cmdline"
	"toaster/internal/test/man"
)

// Help fits a screen; toaster-root(1) describes the flags, and no others.
func TestDocuments(t *testing.T) {
	var help bytes.Buffer
	printUsage(&help)
	for _, wrong := range cmdline.Screen(help.String()) {
		t.Errorf("toaster root help: %s", wrong)
	}
	page, err := os.ReadFile("../../man/toaster-root.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range man.Flags(string(page), program()) {
		t.Errorf("toaster-root(1): %s", wrong)
	}
}

// toaster asks this program what a word can become.
func TestComplete(t *testing.T) {
	for line, want := range map[string]string{"": "words\ncreate\t", "create --fr": "words\n--cache\t", "create --cache ": "dirs\n", "check ": "dirs\n"} {
		var out bytes.Buffer
		args := append([]string{cmdline.CompleteName}, strings.Split(line, " ")...)
		if status := run(t.Context(), args, &out, &out); status != 0 || !bytes.HasPrefix(out.Bytes(), []byte(want)) {
			t.Errorf("%q: %d, %q, want %q", line, status, &out, want)
		}
	}
}
