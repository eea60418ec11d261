package child

// Pass is for systems that pass descriptors.
func Pass() {}
