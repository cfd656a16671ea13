package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: 1/100 s on every Linux that Go
// supports.
const tick = 10 * time.Millisecond

// usage is what a process has used, as far as this system tells.
type usage struct {
	cpu time.Duration
	rss int64
}

// usageOf reads a process's CPU time and resident memory; nothing where there
// is no /proc or no such process.
func usageOf(pid int) usage {
	if pid == 0 {
		return usage{}
	}
	fields := statOf("/proc/" + strconv.Itoa(pid))
	if len(fields) < 22 {
		return usage{}
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	return usage{cpu: time.Duration(user+system) * tick, rss: pages * int64(os.Getpagesize())}
}

// statOf gives the fields of /proc/PID/stat after the name, which may hold
// spaces: the state is the first.
func statOf(dir string) []string {
	raw, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil
	}
	end := bytes.LastIndexByte(raw, ')')
	if end < 0 {
		return nil
	}
	return strings.Fields(string(raw[end+1:]))
}

// childOf finds a process whose parent is pid: the table engine of a runner.
func childOf(pid int) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if fields := statOf(dir); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(dir))
			return child
		}
	}
	return 0
}

// busy is how much processor time everything on the machine has used, and what
// a host took away from it; 0 where it isn't known.
func busy() time.Duration {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	var ticks int64
	for i, field := range strings.Fields(first) {
		n, _ := strconv.ParseInt(field, 10, 64)
		if i > 0 && i <= 8 && i != 4 && i != 5 { // idle and waiting for disks
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}

// memory is the machine's, in bytes; 0 where it isn't known.
func memory() int64 {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

// processor names the machine's, or nothing.
func processor() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(name), ":"))
		}
	}
	return ""
}
