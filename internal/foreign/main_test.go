package foreign

import (
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	evaluateWithin = 2 * time.Minute // node takes its time to start on a busy machine
	os.Exit(m.Run())
}
