// Package pprofile writes what a replay finds as two pprof profiles, one for
// each kernel, so that
//
//	go tool pprof -diff_base original.pb.gz patched.pb.gz
//
// is the before and after.
package pprofile
