package rules

// Note is something a user should know about how a KERNEL was read. findings/say has
// the sentence.
type Note struct {
	Kind NoteKind
	// Release is as given.
	Release string
	// Fix is the one meant by NoteHas and NoteLacks.
	Fix Fix
	// Version is the mainline version that a vendor's release is taken as (NoteVendor),
	// the release by /proc/version (NotePoint), or the one asked for (NoteNewer).
	Version string
	// Row is the row taken, for NoteNewer.
	Row string
}

// NoteKind is what a note is about.
type NoteKind uint8

// The kinds.
const (
	// NoteHas, NoteLacks: the kernel has, or lacks, already what is to be set or cleared.
	NoteHas NoteKind = iota
	NoteLacks
	// NoteVendor: a vendor's release, whose backports may differ.
	NoteVendor
	// NotePointUnknown: the point release is in no name; /proc/version would tell it.
	NotePointUnknown
	// NotePoint: /proc/version tells the point release.
	NotePoint
	// NoteNewer: newer than every kernel whose source the model was held against.
	NoteNewer
)

// Newer reports whether the kernel is newer than the newest row, whose rules it gets.
func (k *Kernel) Newer() bool {
	for i := range k.Notes {
		if k.Notes[i].Kind == NoteNewer {
			return true
		}
	}
	return false
}
