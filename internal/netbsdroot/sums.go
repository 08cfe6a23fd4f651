package netbsdroot

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// sumsName is the list of a release directory, in the form of cksum -a SHA512 (release(7)).
const sumsName = "SHA512"

// sums are the SHA512 sums of files by name.
type sums map[string]string

var sumLine = regexp.MustCompile(`^SHA512 \(([^/()]+)\) = ([0-9a-f]{128})$`)

// maxSums bounds a list: a release has some 30 files a directory.
const maxSums = 1 << 20

func readSums(r io.Reader) (sums, error) {
	s := sums{}
	lines := bufio.NewScanner(io.LimitReader(r, maxSums))
	for lines.Scan() {
		if m := sumLine.FindStringSubmatch(strings.TrimSpace(lines.Text())); m != nil {
			s[m[1]] = m[2]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("there is no line of the form \"SHA512 (FILE) = SUM\" in it")
	}
	return s, nil
}

// fileOf returns the name of a set's archive.
func (s sums) fileOf(set string) (string, bool) {
	for _, ext := range []string{".tar.xz", ".tgz", ".tar.gz"} {
		if _, ok := s[set+ext]; ok {
			return set + ext, true
		}
	}
	return "", false
}

// sets lists the sets that there are.
func (s sums) sets() (names []string) {
	for name := range s {
		for _, ext := range []string{".tar.xz", ".tgz", ".tar.gz"} {
			if set, ok := strings.CutSuffix(name, ext); ok {
				names = append(names, set)
			}
		}
	}
	return names
}
