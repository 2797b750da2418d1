package ftrace

import (
	"testing"

	"schedreplay/parser/text/goldentest"
)

func TestGolden(t *testing.T) { goldentest.Run(t, "testdata", New) }
