package open

import "io"

func newXZGuard(r io.Reader, _ int64) io.Reader { return r }
