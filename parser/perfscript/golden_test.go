package perfscript

import (
	"testing"

	"schedreplay/internal/goldentest"
)

func TestGolden(t *testing.T) { goldentest.Run(t, "testdata", New) }
