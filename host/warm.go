package host

import "fmt"

// NewProcess returns a pristine address space, from the pool if one is ready,
// with its one thread stopped and all registers zero.
func (p *Platform) NewProcess() (*Process, *Thread, error) {
	for {
		select {
		case <-p.done:
			return nil, nil, ErrGone
		default:
		}
		select {
		case t := <-p.pool:
			p.wantRefill()
			if t.proc.dead.Load() {
				t.proc.Release()
				continue
			}
			return t.proc, t, nil
		default:
		}
		p.wantRefill()
		t, err := p.pristine()
		if err != nil {
			return nil, nil, fmt.Errorf("host: new process: %w", err)
		}
		return t.proc, t, nil
	}
}

// pristine forks the zygote.
func (p *Platform) pristine() (*Thread, error) {
	p.forking.Lock()
	defer p.forking.Unlock()
	if !p.seed.enter() {
		return nil, ErrGone
	}
	defer p.seed.leave()
	return p.seed.fork()
}

func (p *Platform) wantRefill() {
	select {
	case p.refill <- struct{}{}:
	default:
	}
}

// keepWarm fills the pool in the background.
func (p *Platform) keepWarm() {
	defer p.workers.Done()
	for {
		for len(p.pool) < cap(p.pool) {
			t, err := p.pristine()
			if err != nil {
				break // NewProcess will meet the error and report it
			}
			select {
			case p.pool <- t:
			case <-p.done:
				t.proc.Release()
				return
			}
		}
		select {
		case <-p.refill:
		case <-p.done:
			return
		}
	}
}
