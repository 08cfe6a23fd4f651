package toaster

import "toaster/run"

func newTracer(opts Options) (run.Tracer, func() error, error) {
	return nil, func() error { return nil }, nil
}
