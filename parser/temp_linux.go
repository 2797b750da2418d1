package parser

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes a folder's file system has room for; false if that
// is not known.
func freeSpace(dir string) (uint64, bool) {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil || st.Bsize <= 0 {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}
