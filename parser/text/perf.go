package text

import "bytes"

// PerfLoss recognises the warning that perf prints on standard error when the
// recording lost events (perf_session__warn_about_errors), which often ends up
// in the same file: "Processed 3108 events and lost 7 chunks!". It does not tell
// where.
func PerfLoss(line []byte) bool {
	return bytes.HasPrefix(line, []byte("Processed ")) && bytes.Contains(line, []byte(" and lost "))
}
