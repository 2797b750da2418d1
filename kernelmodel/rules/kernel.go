package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
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
	// Settings are the row's with the fixes applied.
	Settings
	// Unknown holds the fixes of which the release does not tell whether it has
	// them: those its stable branch took at an unknown point.
	Unknown []Fix
	// Notes say what the user should know.
	Notes []Note

	major, minor, patch int // patch is -1 if unknown
	// stock are the rules of the release as it came, and what is unknown of them.
	stock        Rules
	stockUnknown []Fix
	// set are the fixes that were set or cleared, in order of first mention.
	set []Fix
}

// Since reports whether the kernel is of a mainline release or later.
func (k *Kernel) Since(major, minor int) bool {
	return k.major > major || k.major == major && k.minor >= minor
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
				release, found = strings.TrimSpace(release[:j]), true
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
		if !k.turn(info, c.on) {
			n := Note{Kind: NoteHas, Release: release, Fix: c.fix}
			if !c.on {
				n.Kind = NoteLacks
			}
			k.Notes = append(k.Notes, n)
		}
	}
	return k, nil
}

// turn sets or clears a fix and names the kernel anew. It reports whether that
// changed anything.
func (k *Kernel) turn(info *fixInfo, on bool) bool {
	if unknown := k.forget(info.name); *info.get(&k.Rules) == on && !unknown {
		return false
	}
	*info.get(&k.Rules) = on
	if !slices.Contains(k.set, info.name) {
		k.set = append(k.set[:len(k.set):len(k.set)], info.name)
	}
	k.Name = k.Release
	for _, f := range k.set {
		switch with, without := k.Changed(); {
		case slices.Contains(with, f):
			k.Name += "+" + string(f)
		case slices.Contains(without, f):
			k.Name += "-" + string(f)
		}
	}
	return true
}

// Changed returns the fixes in which the kernel differs from its release as it came: those
// that stand after a + and after a - in its name.
func (k *Kernel) Changed() (with, without []Fix) {
	for _, f := range k.set {
		switch has := k.Rules.Has(f); {
		case has == k.stock.Has(f) && !slices.Contains(k.stockUnknown, f):
		case has:
			with = append(with, f)
		default:
			without = append(without, f)
		}
	}
	return with, without
}

// mistyped returns the fix that a release seems to end in although it is not
// spelt like one, or "": kernels do carry + and - in their releases, but not
// names of fixes.
func mistyped(release string) Fix {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, strings.ToLower(s))
	}
	_, plus, _ := strings.Cut(release, "+")
	for _, f := range Fixes() {
		name := letters(string(f))
		if strings.HasSuffix(letters(release), name) || len(plus) >= 3 && strings.HasPrefix(string(f), strings.ToLower(plus[:3])) {
			return f
		}
	}
	return ""
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
	debianVersion = regexp.MustCompile(`\bDebian (\d+)\.(\d+)\.(\d{1,5})-`)
	ubuntuVersion = regexp.MustCompile(`\bUbuntu \d+\.\d+\.\d+-[^ ]* (\d+)\.(\d+)\.(\d{1,5})\b`)
	vendorSuffix  = regexp.MustCompile(`(?i)\.el\d|\.oe\d|\.amzn|\.an\d|\.al\d|\.tl\d|ctkernel|\.uek|\.sles|-default$|\.ky\d`)
)

// kernelOf reads a release without fixes.
func kernelOf(release, procVersion string) (*Kernel, error) {
	if f := mistyped(release); f != "" {
		return nil, fmt.Errorf("%w: %q ends in no fix, though it looks like %s; known fixes are %s", ErrKernel, release, f, joinFixes(Fixes()))
	}
	m := releasePattern.FindStringSubmatch(release)
	if m == nil {
		return nil, fmt.Errorf("%w: %q is no release; it begins like 6.1.83 or 5.10.0-136.oe2203", ErrKernel, release)
	}
	k := &Kernel{Name: release, Release: release}
	for i, n := range [...]*int{&k.major, &k.minor, &k.patch} {
		text := m[i+1]
		if text == "" {
			continue
		}
		v, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no release: %s is no version number", ErrKernel, release, text)
		}
		*n = int(v)
	}
	suffix := m[4]
	vendor := vendorSuffix.MatchString(suffix)
	switch {
	case suffix == "" || strings.HasPrefix(suffix, "-rc"):
	case vendor:
		k.patch = -1
		k.Notes = append(k.Notes, Note{Kind: NoteVendor, Release: release, Version: versionName(k.major, k.minor)})
	default:
		k.findPatch(procVersion)
	}
	row := rowOf(k.major, k.minor)
	if row == nil {
		return nil, fmt.Errorf("%w: %q is older than %s, the oldest kernel modelled", ErrKernel, release, rows[0].Name())
	}
	if last := newest(); row == last && (k.major != last.Major || k.minor != last.Minor) {
		k.Notes = append(k.Notes, Note{Kind: NoteNewer, Release: release, Version: versionName(k.major, k.minor), Row: row.Name()})
	}
	k.settle(row, vendor)
	return k, nil
}

// findPatch finds the point release of a distribution's kernel, -1 if nothing tells it.
func (k *Kernel) findPatch(procVersion string) {
	given := k.patch
	k.patch = -1
	// The compiler's version comes first and reads alike: "gcc-10 (Debian 10.2.1-6)".
	for _, p := range [...]*regexp.Regexp{debianVersion, ubuntuVersion} {
		for _, v := range p.FindAllStringSubmatch(procVersion, -1) {
			if v[1] == strconv.Itoa(k.major) && v[2] == strconv.Itoa(k.minor) {
				k.patch, _ = strconv.Atoi(v[3])
			}
		}
	}
	if k.patch < 0 && given > 0 {
		k.patch = given
	}
	switch k.patch {
	case -1:
		k.Notes = append(k.Notes, Note{Kind: NotePointUnknown, Release: k.Release})
	case given:
	default:
		k.Notes = append(k.Notes, Note{Kind: NotePoint, Release: k.Release, Version: fmt.Sprintf("%d.%d.%d", k.major, k.minor, k.patch)})
	}
}

// settle gives the kernel its row's settings and what its branch took since.
func (k *Kernel) settle(row *Row, vendor bool) {
	k.Row, k.Settings = row.Name(), row.Settings
	switch {
	case vendor:
		// A vendor may have taken any of them; the recording can tell.
		for i := range fixTable {
			if f := &fixTable[i]; f.name != FixHousekeepingAny && f.applies(&k.Rules) && !*f.get(&k.Rules) {
				k.Unknown = append(k.Unknown, f.name)
			}
		}
	case row.Major == k.major && row.Minor == k.minor:
		for i := range row.backports {
			b := &row.backports[i]
			if f := fixByField(b.change.Field); f != nil && k.patch < 0 {
				k.Unknown = append(k.Unknown, f.name)
			} else if k.patch < 0 || k.patch >= b.patch { // mostly late in their branch
				k.apply(&b.change)
			}
		}
	}
	k.stock, k.stockUnknown = k.Rules, slices.Clone(k.Unknown)
}

func versionName(major, minor int) string { return fmt.Sprintf("%d.%d", major, minor) }

// Version returns the release's numbers; patch is -1 if the point release is
// unknown.
func (k *Kernel) Version() (major, minor, patch int) { return k.major, k.minor, k.patch }

// With returns the kernel with one fix set or cleared, and its name to match.
// It is an error if the fix has no meaning there.
func (k *Kernel) With(f Fix, on bool) (*Kernel, error) {
	info := fixByName(f)
	if info == nil || !info.applies(&k.Rules) {
		return nil, fmt.Errorf("%w: fix %s has no meaning on %s", ErrKernel, f, k.Row)
	}
	n := *k
	n.Notes = slices.Clone(k.Notes)
	n.turn(info, on)
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

// AgreeWithoutLeaks reports whether two kernels differ in nothing but the
// tests of sched_domain_span, which matter only where a sibling lies outside
// the domain ([Machine.LeaksAnywhere]).
func (r *Rules) AgreeWithoutLeaks(o *Rules) bool {
	a, b := *r, *o
	a.SMTSpan, a.CoreSpan = b.SMTSpan, b.CoreSpan
	return a == b
}
