package engine

import "context"

// Exporter is an [Engine] whose compiled code can be exported. Engines implement it; callers use [Export].
type Exporter interface {
	Engine
	// Export is what the function of that name does.
	Export(ctx context.Context, src Source, dir string) error
}

// Export puts into dir, an empty directory, all that an engine of the same name, options, program and machine needs to load src
// without compiling, when it is opened with dir as its Options.CacheDir and [CacheExported]. The code comes from e's cache, and is
// compiled first where that has none. It may be there under a second name of the same file, which is not to be written to; files
// have the mode 0644 and directories 0755, so that anybody may load it who comes as far as dir. The caller removes it. Where Export
// fails it leaves nothing.
//
// An engine that cannot is a *NoExportError, such as one that was opened without Options.CacheDir; a module that is not in the cache of
// one that may not write there is a *NotCachedError; other errors are those of Compile, and the file system's.
func Export(ctx context.Context, e Engine, src Source, dir string) error {
	x, ok := e.(Exporter)
	if !ok {
		name := e.Info().Name
		return &Error{Engine: name, Op: "export", Err: &NoExportError{Engine: name, Reason: "it keeps none"}}
	}
	return x.Export(ctx, src, dir)
}
