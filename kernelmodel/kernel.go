package kernelmodel

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// ErrKernel is wrapped by every error about a KERNEL that cannot be used.
var ErrKernel = errors.New("unusable kernel")

// Kernel is a release with the fixes it has or lacks: the rules the model
// runs.
type Kernel struct {
	// Name is the canonical KERNEL: the release as given and the fixes that
	// differ from it, in order.
	Name string
	// Release is the release part as given.
	Release string
	// Row is the mainline release whose row is used, "6.1".
	Row string
	// Rules are the row's switches with the fixes applied.
	Rules Rules
	// Unknown holds the fixes of which the release does not tell whether it has
	// them: those its stable branch took at an unknown point.
	Unknown []Fix
	// Notes say what the user should know: a vendor release, a fix it had
	// already, an unknown point release.
	Notes []string

	major, minor, patch int // patch is -1 if unknown
}

var releasePattern = regexp.MustCompile(`^(\d+)\.(\d+)(?:\.(\d+))?(.*)$`)

// ParseKernel reads a KERNEL, release[(+|-)fix]…: fixes are taken from the
// right among the known names. procVersion, if not empty, is the text of
// /proc/version of the host whose release it is: distributions tell the real
// point release only there.
func ParseKernel(s, procVersion string) (*Kernel, error) {
	release := strings.TrimSpace(s)
	type change struct {
		fix Fix
		on  bool
	}
	var changes []change
	for {
		i := strings.LastIndexAny(release, "+-")
		found := false
		for j := i; j >= 0; j = strings.LastIndexAny(release[:j], "+-") {
			if f := Fix(release[j+1:]); fixByName(f) != nil {
				changes = append([]change{{f, release[j] == '+'}}, changes...)
				release, found = release[:j], true
				break
			}
		}
		if !found {
			break
		}
	}
	k, err := kernelOf(release, procVersion)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		info := fixByName(c.fix)
		if !info.applies(&k.Rules) {
			return nil, fmt.Errorf("%w: %q: fix %s has no meaning on %s, which has no such code", ErrKernel, s, c.fix, k.Row)
		}
		unknown := k.forget(c.fix)
		if has := *info.get(&k.Rules); has == c.on && !unknown {
			state := "has"
			if !c.on {
				state = "lacks"
			}
			k.Notes = append(k.Notes, fmt.Sprintf("%s %s %s already.", release, state, c.fix))
			continue
		}
		*info.get(&k.Rules) = c.on
		sign := "-"
		if c.on {
			sign = "+"
		}
		k.Name += sign + string(c.fix)
	}
	if strings.ContainsAny(release, "+") && len(changes) == 0 && k.suspicious(release) {
		return nil, fmt.Errorf("%w: %q: unknown fix; known fixes are %s", ErrKernel, s, joinFixes(Fixes()))
	}
	return k, nil
}

// suspicious says whether a release ends in what looks like a mistyped fix.
func (k *Kernel) suspicious(release string) bool {
	tail := release[strings.LastIndexAny(release, "+")+1:]
	for _, f := range Fixes() {
		if strings.HasPrefix(string(f), tail[:min(len(tail), 3)]) && len(tail) >= 3 {
			return true
		}
	}
	return false
}

func joinFixes(fs []Fix) string {
	s := make([]string, len(fs))
	for i, f := range fs {
		s[i] = string(f)
	}
	return strings.Join(s, ", ")
}

// forget takes a fix off the unknown ones and reports whether it was there.
func (k *Kernel) forget(f Fix) bool {
	for i, u := range k.Unknown {
		if u == f {
			k.Unknown = append(append([]Fix(nil), k.Unknown[:i]...), k.Unknown[i+1:]...)
			return true
		}
	}
	return false
}

// distribution kernels whose release hides the point release.
var (
	debianVersion = regexp.MustCompile(`\bDebian (\d+)\.(\d+)\.(\d+)-`)
	ubuntuVersion = regexp.MustCompile(`\bUbuntu \d+\.\d+\.\d+-[^ ]* (\d+)\.(\d+)\.(\d+)\b`)
	vendorSuffix  = regexp.MustCompile(`(?i)\.el\d|\.oe\d|\.amzn|\.an\d|\.al\d|\.tl\d|ctkernel|\.uek|\.sles|-default$|\.ky\d`)
)

func kernelOf(release, procVersion string) (*Kernel, error) {
	m := releasePattern.FindStringSubmatch(release)
	if m == nil {
		return nil, fmt.Errorf("%w: %q is no release; it begins like 6.1.83 or 5.10.0-136.oe2203", ErrKernel, release)
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	patch, suffix := 0, m[4]
	if m[3] != "" {
		patch, _ = strconv.Atoi(m[3])
	}
	k := &Kernel{Name: release, Release: release, major: major, minor: minor, patch: patch}
	switch {
	case suffix == "" || strings.HasPrefix(suffix, "-rc"):
	case vendorSuffix.MatchString(suffix):
		k.patch = -1
		k.Notes = append(k.Notes, fmt.Sprintf("%s is a vendor release: it is taken as mainline %d.%d, and the vendor's backports may differ.", release, major, minor))
	default:
		k.patch = -1
		if v := debianVersion.FindStringSubmatch(procVersion); v != nil && v[1] == m[1] && v[2] == m[2] {
			k.patch, _ = strconv.Atoi(v[3])
		} else if v := ubuntuVersion.FindStringSubmatch(procVersion); v != nil && v[1] == m[1] && v[2] == m[2] {
			k.patch, _ = strconv.Atoi(v[3])
		} else if patch > 0 {
			k.patch = patch
		}
		if k.patch < 0 {
			k.Notes = append(k.Notes, fmt.Sprintf("The point release of %s is not known; /proc/version would tell it.", release))
		} else if k.patch != patch {
			k.Notes = append(k.Notes, fmt.Sprintf("%s is %d.%d.%d by /proc/version.", release, major, minor, k.patch))
		}
	}
	var row *Row
	for i := range rows {
		if r := &rows[i]; r.Major < major || r.Major == major && r.Minor <= minor {
			row = r
		}
	}
	if row == nil {
		return nil, fmt.Errorf("%w: %q is older than %s, the oldest kernel modelled", ErrKernel, release, rows[0].Name())
	}
	last := rows[len(rows)-1]
	if major > last.Major || major == last.Major && minor > last.Minor+8 {
		k.Notes = append(k.Notes, fmt.Sprintf("%d.%d is newer than %s, the newest kernel modelled, whose rules are used.", major, minor, last.Name()))
	}
	k.Row, k.Rules = row.Name(), row.Rules
	exact := row.Major == major && row.Minor == minor
	if vendor := k.patch < 0 && vendorSuffix.MatchString(suffix); vendor {
		// A vendor may have taken any of them; the recording can tell.
		for i := range fixTable {
			if f := &fixTable[i]; f.name != FixHousekeepingAny && f.applies(&k.Rules) && !*f.get(&k.Rules) {
				k.Unknown = append(k.Unknown, f.name)
			}
		}
		return k, nil
	}
	if !exact {
		return k, nil
	}
	for _, b := range row.backports {
		switch {
		case k.patch < 0:
			k.Unknown = append(k.Unknown, b.fix)
		case k.patch >= b.patch:
			*fixByName(b.fix).get(&k.Rules) = true
		}
	}
	return k, nil
}

func versionName(major, minor int) string { return fmt.Sprintf("%d.%d", major, minor) }

// Version returns the release's numbers; patch is -1 if the point release is
// unknown.
func (k *Kernel) Version() (major, minor, patch int) { return k.major, k.minor, k.patch }

// With returns the kernel with one fix set or cleared, and its name to match.
// It is an error if the fix has no meaning there.
func (k *Kernel) With(f Fix, on bool) (*Kernel, error) {
	sign := "-"
	if on {
		sign = "+"
	}
	info := fixByName(f)
	if info == nil || !info.applies(&k.Rules) {
		return nil, fmt.Errorf("%w: fix %s has no meaning on %s", ErrKernel, f, k.Row)
	}
	n := *k
	n.forget(f)
	n.Notes = append([]string(nil), k.Notes...)
	*info.get(&n.Rules) = on
	n.Name += sign + string(f)
	// A pair that cancels out is not named twice.
	other := "+"
	if on {
		other = "-"
	}
	n.Name = strings.Replace(n.Name, other+string(f)+sign+string(f), "", 1)
	return &n, nil
}

// Variants returns the rules for every combination of the fixes of which it is
// not known whether the kernel has them; the first is without them.
func (k *Kernel) Variants() []*Rules {
	out := []*Rules{&k.Rules}
	for _, f := range k.Unknown {
		for _, r := range out[:len(out):len(out)] {
			v := *r
			*fixByName(f).get(&v) = true
			out = append(out, &v)
		}
	}
	return out
}

// Leaks reports whether the rules can place a task on a CPU outside the sched
// domain of its target by select_idle_smt or the core scan's fallback.
func (r *Rules) Leaks() bool {
	return r.Sibling != SiblingNone && !r.SMTSpan || r.Scan == ScanMerged && !r.CoreSpan
}
