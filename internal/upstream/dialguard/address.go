package dialguard

import (
	"net/netip"
	"slices"
)

// never are networks and addresses that answer for no model: those of this
// network or no host at all, and the metadata services of clouds beside the
// link-local ones, which hand out credentials to whoever asks from within.
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // this host on this network (RFC 1122)
	netip.MustParsePrefix("240.0.0.0/4"),        // reserved, and the broadcast address
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure's wire server
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud, the older one
	netip.MustParsePrefix("fd00:ec2::/32"),      // Amazon
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud
	netip.MustParsePrefix("fec0::/10"),          // site-local, deprecated (RFC 3879)
}

// shared is the space between a provider and its customers (RFC 6598), where
// overlay networks put their machines. It is not reachable from elsewhere.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// forbidden says that an address, which is plain, is never connected to.
func forbidden(a netip.Addr) bool {
	return !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() ||
		slices.ContainsFunc(never, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Private says that an address is this machine's or of a private network.
func Private(a netip.Addr) bool {
	a = plain(a)
	return a.IsLoopback() || a.IsPrivate() || shared.Contains(a)
}

// Networks of IPv6 that carry an IPv4 address, with the byte where it begins.
var carriers = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::ffff:0:0/96"), 12},   // mapped (RFC 4291, 2.5.5.2)
	{netip.MustParsePrefix("::/96"), 12},           // compatible, deprecated (RFC 4291, 2.5.5.1)
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // translated (RFC 2765)
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // NAT64 (RFC 6052)
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},  // local NAT64 (RFC 8215), where it is a /96 of it
	{netip.MustParsePrefix("2002::/16"), 2},        // 6to4 (RFC 3056)
}

// plain is the IPv4 address that an IPv6 address carries, or the address
// itself, without its zone.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("")
	if !a.Is6() || a.IsLoopback() || a.IsUnspecified() {
		return a
	}
	bytes := a.As16()
	for _, c := range carriers {
		if c.prefix.Contains(a) {
			return netip.AddrFrom4([4]byte(bytes[c.at : c.at+4]))
		}
	}
	return a
}
