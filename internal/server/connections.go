package server

import (
	"net"
	"sync"
)

// Each connection is an open file, and so is each connection to an upstream that
// a request may need. What the process itself needs, the journal and the index
// among it, is left out of what clients may take: else whoever opens enough
// connections stops the records, and with them the service.
const (
	maxAdmin    = 16 // connections of administration
	reserved    = 48 // files: those, and the process's own
	minRequests = 8  // connections of the API
)

// maxConnections is how many connections of the API fit into the files that the
// process may have open; 0 means any number.
func maxConnections(files uint64) int {
	if files == 0 || files > 1<<31 {
		return 0
	}
	return max(minRequests, (int(files)-reserved)/2)
}

// limited is a listener that holds at most so many connections at a time. The
// others wait in the kernel until one is closed.
type limited struct {
	net.Listener
	places chan struct{} // holds a value for each connection that is open
	closed chan struct{}
	once   sync.Once
}

// limit bounds the connections of a listener, unless most is 0.
func limit(l net.Listener, most int) net.Listener {
	if most == 0 {
		return l
	}
	return &limited{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept waits for a place and then for a connection.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	one := &counted{Conn: c, release: func() { <-l.places }}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &countedTCP{one, tcp}, nil
	}
	return one, nil
}

// Close also ends an Accept that waits for a place.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}

// countedTCP lets net/http close one direction first, so that a client reads the
// answer to a body that was not.
type countedTCP struct {
	*counted
	tcp *net.TCPConn
}

// CloseWrite implements what net/http looks for.
func (c *countedTCP) CloseWrite() error { return c.tcp.CloseWrite() }
