package audit

import "os"

const plain = 0

// roomy does not know on this system: a record that could not be written is
// noticed when it was tried.
func roomy(*os.File) bool { return true }
