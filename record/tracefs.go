package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// prefix begins the names of this program's instances; the recorder's pid follows.
const prefix = "schedreplay-record-"

// The kernel's files come and go with an instance's folder; tests do it by hand.
var (
	mkdir = func(dir string) error { return os.Mkdir(dir, 0o700) }
	rmdir = os.Remove
)

// Restore removes the instances that killed recorders left in a machine's tracefs, and
// returns their names. One that is in use stays: the kernel refuses to remove it
// (instance_rmdir, kernel/trace/trace.c).
func Restore(m Machine) ([]string, error) {
	at := filepath.Join(m.Tracefs, "instances")
	list, err := os.ReadDir(at)
	if err != nil {
		return nil, m.explain(err)
	}
	var gone []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		switch err := rmdir(filepath.Join(at, e.Name())); {
		case err == nil:
			gone = append(gone, e.Name())
		case errors.Is(err, syscall.EBUSY), errors.Is(err, fs.ErrNotExist):
		default:
			return gone, m.explain(err)
		}
	}
	return gone, nil
}

func instanceName(pid int) string { return fmt.Sprintf("%s%d", prefix, pid) }

// instance is an instance of tracefs that this process made.
type instance struct {
	m   *Machine
	dir string
	// hold keeps others from removing it.
	hold *os.File
}

// newInstance makes an instance that records nothing yet.
func newInstance(m *Machine, suffix string) (*instance, error) {
	in := &instance{m: m, dir: filepath.Join(m.Tracefs, "instances", instanceName(os.Getpid())+suffix)}
	err := in.make()
	for n := 1; n < 3 && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV)); n++ {
		err = in.make() // another recorder's Restore came between making and holding it
	}
	if err != nil {
		return nil, m.explain(err)
	}
	if err := in.write("tracing_on", "0"); err != nil {
		in.remove()
		return nil, m.explain(err)
	}
	return in, nil
}

// make makes the folder and holds it.
func (in *instance) make() error {
	err := mkdir(in.dir)
	if errors.Is(err, fs.ErrExist) { // of a killed recorder that had our pid
		if err = rmdir(in.dir); err == nil {
			err = mkdir(in.dir)
		}
	}
	if err == nil {
		in.hold, err = os.Open(in.path("tracing_on"))
	}
	return err
}

func (in *instance) path(name string) string { return filepath.Join(in.dir, filepath.FromSlash(name)) }

// write writes a setting.
func (in *instance) write(name, value string) error {
	f, err := os.OpenFile(in.path(name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// start sets the instance up and lets it record. filters are by event; one that the
// kernel refuses is done without.
func (in *instance) start(clock string, perCPU int64, events []string, filters map[string]string) error {
	if clock != "" {
		if err := in.write("trace_clock", clock); err != nil {
			return in.m.explain(err)
		}
	}
	if err := in.write("buffer_size_kb", fmt.Sprint(perCPU>>10)); err != nil {
		return in.m.explain(err)
	}
	for _, e := range events {
		at := "events/" + strings.Replace(e, ":", "/", 1)
		if f := filters[e]; f != "" {
			_ = in.write(at+"/filter", f)
		}
		if err := in.write(at+"/enable", "1"); err != nil {
			return in.m.explain(err)
		}
	}
	return in.m.explain(in.write("tracing_on", "1"))
}

// remove removes the instance, and with it all its settings.
func (in *instance) remove() error {
	if in.hold != nil {
		in.hold.Close()
	}
	err := rmdir(in.dir)
	for n := 0; n < 100 && errors.Is(err, syscall.EBUSY); n++ {
		time.Sleep(10 * time.Millisecond) // a child that has not come to its exec yet has our files open
		err = rmdir(in.dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; `schedreplay record --restore` removes it", err)
	}
	return nil
}

// Folder is where a recording goes.
type Folder interface {
	// Create makes a file of a slash-separated name; the caller closes it.
	Create(name string) (*os.File, error)
}

// ring is a recording in an instance's buffers. What it keeps are the buffers as
// they are and the files that say how to read them.
type ring struct {
	*instance
	p *Plan
}

func startRing(p *Plan) (*ring, error) {
	in, err := newInstance(&p.Machine, "")
	if err != nil {
		return nil, err
	}
	if err := in.start(p.Clock, p.PerCPU, p.Events, p.Filters); err != nil {
		in.remove()
		return nil, err
	}
	return &ring{in, p}, nil
}

// ended never is: a ring goes on until it is stopped.
func (r *ring) ended() <-chan struct{} { return nil }

func (r *ring) stop(to Folder) (err error) {
	defer func() { err = errors.Join(err, r.remove()) }()
	if err := r.write("tracing_on", "0"); err != nil {
		return r.m.explain(err)
	}
	copies := []string{"trace_clock"}
	for _, e := range r.p.Events {
		copies = append(copies, "events/"+strings.Replace(e, ":", "/", 1)+"/format")
	}
	cpus, err := filepath.Glob(r.path("per_cpu/cpu*"))
	if err != nil {
		return err
	}
	slices.Sort(cpus)
	for _, dir := range cpus {
		copies = append(copies, "per_cpu/"+filepath.Base(dir)+"/stats") // before reading empties the buffer
	}
	for _, dir := range cpus {
		copies = append(copies, "per_cpu/"+filepath.Base(dir)+"/trace_pipe_raw")
	}
	for _, name := range copies {
		if err := r.copy(r.path(name), to, name); err != nil {
			return err
		}
	}
	for _, name := range []string{"events/header_page", "saved_cmdlines"} { // instances have none
		if err := r.copy(filepath.Join(r.m.Tracefs, filepath.FromSlash(name)), to, name); err != nil {
			return err
		}
	}
	return nil
}

// copy copies what is in a file of tracefs now.
func (r *ring) copy(from string, to Folder, name string) error {
	in, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return r.m.explain(err)
	}
	defer in.Close()
	out, err := to.Create("tracefs/" + name)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10) // no page of a ring buffer is larger
	for {
		n, err := readNow(in, buf)
		if n > 0 {
			if _, werr := out.Write(buf[:n]); werr != nil {
				return errors.Join(werr, out.Close())
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EAGAIN) {
			return errors.Join(r.m.explain(err), out.Close())
		}
		return out.Close()
	}
}
