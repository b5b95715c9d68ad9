package wasmer

// trapOf reads an error of libwasmer's: a *engine.TrapError, or err itself where it is none.
func trapOf(err error) error { return err }
